"""Predictions and scores, by task; truths."""

import math
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest

from monitor.errors import InvalidInput
from monitor.schema import class_of, conform, conform_reference, conform_table, label_of
from monitor.types import Feature, Inference, Kind, ModelSchema, Task

NOW = datetime(2013, 5, 2, tzinfo=UTC)
X = (Feature(name="x", kind=Kind.NUMERIC),)
BINARY = ModelSchema(model="m", task=Task.BINARY, features=X, classes=("no", "yes"), threshold=0.3)
MULTI = ModelSchema(model="m", task=Task.MULTICLASS, features=X, classes=("a", "b", "c"))
REGRESSION = ModelSchema(model="m", task=Task.REGRESSION, features=X)


def answer(schema, **said):
    row = conform([Inference(id="i", features={"x": 1.0}, **said)], schema, source="s", now=NOW).batch.to_pylist()[0]
    return row["_prediction"], row["_score"], row["_flags"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"scores": (0.3,)}, ("yes", 0.3, [])),
        ({"scores": (0.29,)}, ("no", 0.29, [])),
        ({"scores": (0.6, 0.4)}, ("yes", 0.4, [])),
        ({"scores": (0.1,), "prediction": "yes"}, ("yes", 0.1, [])),
        ({"prediction": 1}, ("yes", None, [])),
        ({"prediction": False}, ("no", None, [])),
        ({"prediction": 1.0}, ("yes", None, [])),
        ({"prediction": "maybe"}, ("maybe", None, ["unknown_class"])),
        ({"prediction": 7, "scores": (0.9,)}, ("yes", 0.9, ["retyped:_prediction"])),
        ({"scores": (0.1, 0.2, 0.7)}, (None, None, ["retyped:_scores"])),
        ({"scores": ()}, (None, None, ["retyped:_scores"])),
        ({"scores": (math.nan,)}, (None, None, ["non_finite:_scores"])),
        ({"scores": ("0.9",)}, (None, None, ["retyped:_scores"])),
        ({}, (None, None, [])),
    ],
)
def test_binary_answers(said, expected):
    """P(positive) is the last of one or two scores; the threshold belongs to the positive class."""
    assert answer(BINARY, **said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"scores": (0.2, 0.7, 0.1)}, ("b", 0.7, [])),
        ({"scores": (0.2, 0.7)}, (None, None, ["retyped:_scores"])),
        ({"prediction": 2}, ("c", None, [])),
        ({"prediction": True}, ("b", None, [])),
        ({"scores": (0.2, math.inf, 0.1)}, (None, None, ["non_finite:_scores"])),
    ],
)
def test_multiclass_answers(said, expected):
    """The highest score and its class."""
    assert answer(MULTI, **said) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"prediction": 12}, (12.0, 12.0, [])),
        ({"scores": (12.5,)}, (12.5, 12.5, [])),
        ({"prediction": "12"}, (None, None, ["retyped:_prediction"])),
        ({"prediction": math.inf}, (math.inf, math.inf, ["non_finite:_prediction"])),
        ({"scores": (1.0, 2.0)}, (None, None, [])),
    ],
)
def test_regression_answers(said, expected):
    """The number is the score; a lone score is the prediction."""
    assert answer(REGRESSION, **said) == expected


def test_answers_stay_with_their_rows_in_a_mixed_batch():
    """Rows with one score, two, none and a wrong number side by side."""
    scores = [(0.9,), (0.8, 0.2), None, (1.0, 1.0, 1.0), (0.1,)]
    rows = [Inference(id=str(place), features={"x": 1.0}, scores=score) for place, score in enumerate(scores)]
    batch = conform(rows, BINARY, source="s", now=NOW).batch
    assert batch.column("_score").to_pylist() == [0.9, 0.2, None, None, 0.1]
    assert batch.column("_prediction").to_pylist() == ["yes", "no", None, None, "no"]


def test_scores_of_a_table_may_be_numbers():
    """A plain float column is P(positive)."""
    table = pa.table({"x": [1.0, 2.0], "scores": [0.25, None]})
    batch = conform_table(table, BINARY, source="s", now=NOW).batch
    assert batch.column("_score").to_pylist() == [0.25, None]


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        (1, BINARY, "yes"),
        (np.int64(0), BINARY, "no"),
        (True, BINARY, "yes"),
        (0, ModelSchema(model="m", task=Task.BINARY, features=X, classes=("1", "0")), "0"),
        (2, BINARY, None),
        (-1, BINARY, None),
        (0.5, BINARY, None),
        (None, BINARY, None),
        ("other", BINARY, "other"),
    ],
)
def test_classes_by_text_then_by_place(value, schema, expected):
    """A number that is a class's text is that class, else it is a place."""
    assert class_of(value, schema) == expected


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        ("other", BINARY, None),
        ("yes", BINARY, "yes"),
        (3, REGRESSION, 3.0),
        (True, REGRESSION, None),
        ("3", REGRESSION, None),
        (math.nan, REGRESSION, None),
        (10**400, REGRESSION, None),
    ],
)
def test_labels_are_of_the_models_terms_or_none(value, schema, expected):
    """A truth outside the schema is for the caller to reject."""
    assert label_of(value, schema) == expected


def test_a_reference_has_labels_beside_the_canonical_columns():
    """Columns are named; the label is no unknown column; null labels stay null."""
    table = pa.table(
        {
            "x": [1.0, 2.0, 3.0],
            "when": pa.array([NOW, NOW, NOW], pa.timestamp("s", "UTC")),
            "key": ["a", "b", "c"],
            "p0": [0.9, 0.2, 0.5],
            "p1": [0.1, 0.8, 0.5],
            "late": [0.0, 1.0, math.nan],
        }
    )
    batch = conform_reference(
        table, BINARY, time="when", id="key", scores=["p0", "p1"], label="late", version="2", now=NOW
    )
    assert batch.column("_label").to_pylist() == ["no", "yes", None]
    assert batch.column("_scores").to_pylist() == [[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]
    assert batch.column("_prediction").to_pylist() == ["no", "yes", "yes"]
    assert batch.column("_id").to_pylist() == ["a", "b", "c"]
    assert batch.column("_flags").to_pylist() == [[], [], []]
    assert set(batch.column("_version").to_pylist()) == {"2"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"label": "truth"}, "no column 'truth'; its columns are x, y, when"),
        ({"label": "y"}, "column 'y' holds 'maybe'; one of no, yes is allowed"),
        ({"time": "when"}, "without a time"),
        ({"id": "x"}, "2 of 2 rows cannot be taken"),
    ],
)
def test_a_reference_that_cannot_be_right_is_refused(options, says):
    """Here silence would spoil every later comparison."""
    table = pa.table({"x": [1.0, 2.0], "y": ["no", "maybe"], "when": pa.array([NOW, None], pa.timestamp("us", "UTC"))})
    with pytest.raises(InvalidInput, match=says):
        conform_reference(table, BINARY, now=NOW, **options)


def test_an_empty_reference_is_refused():
    """There is nothing to compare with."""
    with pytest.raises(InvalidInput, match="no rows"):
        conform_reference(pa.table({"x": pa.array([], pa.float64())}), BINARY)

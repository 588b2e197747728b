"""Halves of an exchange become inferences, one a row."""

from datetime import UTC, datetime

import pytest

from monitor.collectors import Half
from monitor.collectors.pairing import WIDEST_MATRIX, is_probe, pair
from monitor.errors import InvalidInput
from monitor.types import Task


def asked(columns, **more):
    return Half(side="request", rows=len(next(iter(columns.values()))), columns=columns, **more)


def answered(columns, **more):
    return Half(side="response", rows=len(next(iter(columns.values()))), columns=columns, **more)


def test_columns_become_rows_with_ids_of_the_request():
    """One tensor a column."""
    when = datetime(2013, 5, 1, tzinfo=UTC)
    rows = pair(
        asked({"temp": [1.5, 2.5], "carrier": ["AA", "UA"]}, id="q"),
        answered({"p": [0.25, 0.75]}, version="3"),
        time=when, latency_ms=1.5, status="200",
    )  # fmt: skip
    assert [row.id for row in rows] == ["q:0", "q:1"]
    assert rows[1].features == {"temp": 2.5, "carrier": "UA"}
    assert rows[1].scores == (0.75,)
    assert (rows[1].version, rows[1].time, rows[1].latency_ms, rows[1].batch_size, rows[1].status) == (
        "3", when, 1.5, 2, "200",
    )  # fmt: skip


def test_a_narrow_matrix_is_columns_and_a_wide_one_is_a_list():
    """Embeddings are not exploded by accident."""
    wide = [0.0] * (WIDEST_MATRIX + 1)
    (row,) = pair(asked({"m": [[1.0, 2.0]], "e": [wide]}), answered({"p": [0.5]}))
    assert row.features == {"m-0": 1.0, "m-1": 2.0, "e": wide}


@pytest.mark.parametrize(
    ("columns", "task", "prediction", "scores"),
    [
        ({"p": [0.75]}, None, None, (0.75,)),
        ({"p": [[0.25, 0.75]]}, Task.BINARY, None, (0.25, 0.75)),
        ({"c": ["late"]}, None, "late", None),
        ({"c": [1]}, Task.BINARY, 1, None),
        ({"c": [True], "p": [0.75]}, None, True, (0.75,)),
        ({"y": [12.5]}, Task.REGRESSION, 12.5, None),
        ({"y": [12]}, Task.REGRESSION, 12, None),
        ({"p": [0.75], "q": [0.5]}, None, None, (0.75,)),
        ({"p": [None]}, None, None, None),
        ({"p": [10**400], "q": [0.5]}, None, 10**400, (0.5,)),
    ],
)
def test_floats_are_scores_and_the_rest_is_the_prediction(columns, task, prediction, scores):
    """As the task has it."""
    (row,) = pair(asked({"x": [1.0]}), answered(columns), task=task)
    assert (row.prediction, row.scores) == (prediction, scores)


def test_an_id_column_gives_the_ids_and_is_no_feature():
    """Ids are text."""
    rows = pair(asked({"x": [1.0, 2.0], "id": ["a", 7]}, id="q"), answered({"p": [0.5, 0.5]}))
    assert [row.id for row in rows] == ["a", "7"]
    assert rows[0].features == {"x": 1.0}
    rows = pair(asked({"x": [1.0], "id": ["a"]}, id="q"), answered({"p": [0.5]}), id_column="key")
    assert rows[0].id == "q:0"
    assert rows[0].features == {"x": 1.0, "id": "a"}


def test_without_any_id_there_is_none():
    """The receiver makes one, and says so."""
    assert pair(asked({"x": [1.0]}), answered({"p": [0.5]}))[0].id is None
    assert pair(asked({"x": [1.0]}), answered({"p": [0.5]}, id="r"))[0].id == "r:0"


def test_halves_of_different_length_are_refused():
    """They do not belong together."""
    with pytest.raises(InvalidInput, match="2 rows were asked"):
        pair(asked({"x": [1.0, 2.0]}), answered({"p": [0.5]}))


def test_zero_rows_pair_to_none():
    """An empty batch holds no inference."""
    empty = Half(side="request", rows=0, columns={"x": []})
    assert pair(empty, Half(side="response", rows=0, columns={"p": []})) == []


@pytest.mark.parametrize(
    ("parameters", "probe"), [({}, False), ({"watchglass_probe": True}, True), ({"x": True}, False)]
)
def test_probes_are_told(parameters, probe):
    """By the parameter of the protocol."""
    assert is_probe(asked({"x": [1.0]}, parameters=parameters)) is probe


def test_what_the_halves_know_of_themselves_is_used():
    """Time and version of the halves, and what they share for an id."""
    when = datetime(2013, 5, 1, tzinfo=UTC)
    (row,) = pair(asked({"x": [1.0]}, exchange="e", time=when), answered({"p": [0.5]}, exchange="e", version="V1.0"))
    assert (row.id, row.time, row.version) == ("e:0", when, "V1.0")


def test_rows_of_different_lengths_are_sequences():
    """However short they are."""
    rows = pair(asked({"s": [[1.0], [1.0, 2.0]]}), answered({"p": [0.5, 0.5]}))
    assert [row.features for row in rows] == [{"s": [1.0]}, {"s": [1.0, 2.0]}]


@pytest.mark.parametrize(
    ("columns", "scores", "predictions"),
    [
        ({"output": [[0.25, 0.75]]}, [(0.25,), (0.75,)], [None, None]),
        ({"output-0": ["a"], "output-1": ["b"]}, [None, None], ["a", "b"]),
        ({"x": [0.25, 0.75, 0.5, 0.5]}, [(0.25, 0.75), (0.5, 0.5)], [None, None]),
    ],
)
def test_one_flat_list_for_many_rows_is_understood(columns, scores, predictions):
    """The second half of the rows must not be lost to a way of writing."""
    rows = pair(asked({"x": [1.0, 2.0]}), answered(columns))
    assert [row.scores for row in rows] == scores
    assert [row.prediction for row in rows] == predictions


def test_mixed_answers_stay_in_their_rows():
    """A text among numbers is the prediction of its own row."""
    rows = pair(asked({"x": [1.0, 2.0, 3.0]}), answered({"p": ["a", [0.5, 0.5], 10**400]}))
    assert [row.prediction for row in rows] == ["a", None, 10**400]
    rows = pair(asked({"x": [1.0, 2.0]}), answered({"p": [0.5, -(10**400)]}))
    assert [row.scores for row in rows] == [(0.5,), (float("-inf"),)]

"""SageMaker's capture and truth: each side in its own encoding."""

import base64
import json
from datetime import UTC, datetime

import numpy as np
import pytest

from monitor.collectors.sagemaker import SageMaker
from monitor.errors import InvalidInput
from monitor.types import Label

TIME = "2026-11-21T20:40:28Z"


def side(data, encoding="CSV", media="text/csv"):
    if encoding == "BASE64":
        data = base64.b64encode(data).decode()
    return {"observedContentType": media, "mode": "INPUT", "data": data, "encoding": encoding}


def line(asked=None, answered=None, **event):
    sides = {"endpointInput": asked, "endpointOutput": answered}
    return json.dumps({
        "captureData": {name: value for name, value in sides.items() if value is not None},
        "eventMetadata": {"eventId": "e-1", "inferenceTime": TIME, **event},
        "eventVersion": "0",
    }).encode()  # fmt: skip


def truth(data, encoding="CSV", name="e-1"):
    document = {
        "groundTruthData": {"data": data, "encoding": encoding},
        "eventMetadata": {"eventId": name},
        "eventVersion": "0",
    }
    return json.dumps(document).encode()


def rows(body, **headers):
    return list(SageMaker().parse(body, {key.replace("_", "-"): value for key, value in headers.items()}))


def test_a_line_of_csv_is_an_inference():
    """As the documentation shows it; the event's id is the row's, so that the truth finds it."""
    (row,) = rows(line(side("132,25,113.2,no"), side("0.0138")))
    assert (row.id, row.time, row.scores) == ("e-1", datetime(2026, 11, 21, 20, 40, 28, tzinfo=UTC), (0.0138,))
    assert row.features == {"input-0": 132, "input-1": 25, "input-2": 113.2, "input-3": "no"}
    assert rows(truth("1")) == [Label(id="e-1", value=1)]


def test_the_clients_id_goes_before_the_events():
    """As SageMaker's own merge does."""
    (row,) = rows(line(side("1"), side("0.5"), inferenceId="mine"))
    assert row.id == "mine"


TENSOR = {"name": "x", "shape": [1, 2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}
TRITON = json.dumps({"inputs": [TENSOR]}).encode()
BINARY = f"application/vnd.sagemaker-triton.binary+json;json-header-size={len(TRITON)}"
JSON = ("JSON", "application/json")
NUMBERS = {"input-0": 1.5, "input-1": 2}
CLASSES = {"features-0": 1.5, "features-1": 2}


@pytest.mark.parametrize(
    ("asked", "answered", "features", "scores"),
    [
        (side('{"instances": [[1.5, 2]]}', *JSON), side("0.25,0.75"), NUMBERS, (0.25, 0.75)),
        (side("1.5,2"), side('{"predictions": [[0.25, 0.75]]}', *JSON), NUMBERS, (0.25, 0.75)),
        (
            side('{"instances": [{"features": [1.5, 2]}]}', *JSON),
            side('{"predictions": [{"score": 0.75}]}', *JSON),
            CLASSES,
            (0.75,),
        ),
        (side('{"features": [1.5, 2]}\n', "JSON", "application/jsonlines"), side("[0.5]", *JSON), NUMBERS, (0.5,)),
        (
            side(b"1.5,2", "BASE64"),
            side(b"0.5", "BASE64", "text/csv; charset=utf-8"),
            NUMBERS,
            (0.5,),
        ),
        (side(b"\xff\xd8", "BASE64", "image/jpeg"), side("[0.25, 0.75]", *JSON), {"data": "/9g="}, (0.25, 0.75)),
        (
            side(TRITON + np.array([1.5, 2.5], "<f4").tobytes(), "BASE64", BINARY),
            side("0.5"),
            {"x-0": 1.5, "x-1": 2.5},
            (0.5,),
        ),
    ],
)
def test_the_sides_may_differ_in_encoding(asked, answered, features, scores):
    """Each is read by its own."""
    (row,) = rows(line(asked, answered))
    assert (row.features, row.scores) == (features, scores)


def test_batches_names_versions_and_tasks():
    """Several rows in one event; labels by the same names."""
    found = rows(
        line(side("1,a\n2,b\n"), side("10.5\n11.5\n")),
        watchglass_columns="temp,carrier", watchglass_task="regression", watchglass_version="v2",
    )  # fmt: skip
    assert [(row.id, row.features, row.prediction, row.version) for row in found] == [
        ("e-1:0", {"temp": 1, "carrier": "a"}, 10.5, "v2"), ("e-1:1", {"temp": 2, "carrier": "b"}, 11.5, "v2"),
    ]  # fmt: skip
    assert rows(truth("late\nearly")) == [Label(id="e-1:0", value="late"), Label(id="e-1:1", value="early")]
    assert rows(truth("[0, 1]", "JSON")) == [Label(id="e-1:0", value=0), Label(id="e-1:1", value=1)]
    (row,) = rows(line(side("1"), side("1,0.75")))
    assert (row.prediction, row.scores) == (1, (0.75,))


def test_a_side_alone_and_sides_that_differ_are_halves():
    """Seen to be unpaired, not lost."""
    (half,) = rows(line(side("1,2")))
    assert (half.side, half.exchange, half.id) == ("request", "e-1", "e-1")
    assert [half.rows for half in rows(line(side("1\n2\n3"), side("0.5\n0.25")))] == [3, 2]


def test_a_bad_line_does_not_cost_the_others():
    """The good ones come, then the error with the bad one's number."""
    body = line(side("1"), side("0.5")) + b"\n{}\n\n" + truth("1") + b"\n"
    found = iter(SageMaker().parse(body, {}))
    assert [type(next(found)).__name__, type(next(found)).__name__] == ["Inference", "Label"]
    with pytest.raises(InvalidInput, match=r"1 of 3 lines .* line 2"):
        next(found)


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (b"[1]", {}, "object"),
        (b'{"eventMetadata": {"eventId": "e"}}', {}, "neither captureData"),
        (line(), {}, "neither endpointInput"),
        (line(side("x", "XML")), {}, "encoding"),
        (line({"data": "!", "encoding": "BASE64"}), {}, "base64"),
        (line(side("{", "JSON", "application/json")), {}, "JSON"),
        (truth("1,2"), {}, "one value a row"),
        (truth("[[1]]", "JSON"), {}, "one value a row"),
        (line(side("1"), side("1")), {"watchglass-task": "clustering"}, "allowed: binary"),
    ],
)
def test_what_is_no_capture_is_refused_with_the_reason(body, headers, says):
    """And named as SageMaker's."""
    with pytest.raises(InvalidInput, match=f"sagemaker.*{says}"):
        list(SageMaker().parse(body, headers))

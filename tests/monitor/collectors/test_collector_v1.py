"""TensorFlow Serving and KServe V1: rows, columns, classes, and what contradicts itself."""

import json
import math

import pytest

from monitor.collectors.pairing import pair
from monitor.collectors.v1 import V1
from monitor.errors import InvalidInput


def half(document, **headers):
    (found,) = V1().parse(document if isinstance(document, bytes) else json.dumps(document).encode(), headers)
    return found


def test_unnamed_rows_are_a_matrix():
    """As KServe's runtimes speak; the path names model and version."""
    asked = half(
        {"instances": [[5.5, 3.5], [6.25, 2.5]]}, **{":path": "/v1/models/iris/versions/2:predict", "x-request-id": "q"}
    )
    assert (asked.side, asked.rows, asked.model, asked.version, asked.id) == ("request", 2, "iris", "2", "q")
    assert asked.columns == {"input": [[5.5, 3.5], [6.25, 2.5]]}
    answered = half(b'{"predictions":[[0.25,0.75],[0.5,0.5]]}')
    rows = pair(asked, answered)
    assert [row.features for row in rows] == [{"input-0": 5.5, "input-1": 3.5}, {"input-0": 6.25, "input-1": 2.5}]
    assert [(row.id, row.scores, row.version) for row in rows] == [("q:0", (0.25, 0.75), "2"), ("q:1", (0.5, 0.5), "2")]


def test_rows_and_columns_say_the_same():
    """The two ways of writing named tensors."""
    rows = {
        "signature_name": "s",
        "instances": [{"tag": "a", "m": [[1, 2], [3, 4]]}, {"tag": "b", "m": [[5, 6], [7, 8]]}],
    }
    columns = {"inputs": {"tag": ["a", "b"], "m": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]}}
    expected = {"tag": ["a", "b"], "m": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]}
    assert half(rows).columns == half(columns).columns == expected
    assert half(rows).parameters == {"signature_name": "s"}
    assert (
        half({"predictions": [{"c": 1, "p": [0.25, 0.75]}]}).columns
        == half({"outputs": {"c": [1], "p": [[0.25, 0.75]]}}).columns
    )


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"instances": [1.5, 2]}, {"input": [1.5, 2]}),
        ({"instances": [[1.5], [2.5]]}, {"input": [1.5, 2.5]}),
        ({"instances": ["a", None, True]}, {"input": ["a", None, True]}),
        ({"instances": [["AA", 1.5], ["UA", None]]}, {"input-0": ["AA", "UA"], "input-1": [1.5, None]}),
        ({"instances": [{"b64": "aGk="}, {"b64": "/9g="}]}, {"input": ["hi", "/9g="]}),
        ({"instances": [{"x": {"b64": "aGk="}, "y": {"z": [1]}}]}, {"x": ["hi"], "y": ['{"z": [1]}']}),
        ({"instances": [{"x": 1}, {"y": 2}]}, {"x": [1, None], "y": [None, 2]}),
        ({"instances": [[1, 2], [3]]}, {"input": [[1, 2], [3]]}),
        ({"instances": [[[1], [2, 3]]]}, {"input": ["[[1], [2, 3]]"]}),
        ({"instances": []}, {"input": []}),
        ({"inputs": [[1, 2]]}, {"input": [[1, 2]]}),
        ({"inputs": 1.5}, {"input": [1.5]}),
        ({"inputs": {"a": [1, 2], "keep": 0.5}}, {"a": [1, 2], "keep": [0.5, 0.5]}),
        ({"inputs": {"a": [1, 2], "b": [3]}}, {"a": [[1, 2]], "b": [3]}),
        ({"outputs": [0.5, 0.25]}, {"output": [0.5, 0.25]}),
        ({"examples": [{"x": 1}, {"x": 2}], "context": {"day": "Mo"}}, {"x": [1, 2], "day": ["Mo", "Mo"]}),
        ({"examples": [{"x": 1}, {"x": 2, "day": "Tu"}], "context": {"day": "Mo"}}, {"day": ["Mo", "Tu"], "x": [1, 2]}),
        ({"examples": [{}, {}], "context": {"v": [1, 2]}}, {"v": [[1, 2], [1, 2]]}),
        ({"inputs": {"a": [1, 2], "keep": {"z": 1}}}, {"a": [1, 2], "keep": ['{"z": 1}', '{"z": 1}']}),
        ({"results": [1.5, 2.5]}, {"output": [1.5, 2.5]}),
        ({"result": [[["a", 0.25], ["b", 0.75]]]}, {"label": ["b"], "output": [[0.25, 0.75]]}),
        ({"results": [[["", 0.25], ["", 0.75]]]}, {"output": [[0.25, 0.75]]}),
    ],
)
def test_what_servers_take_and_answer_becomes_columns(document, expected):
    """One value a row, exactly and in its type."""
    order = {key: index for index, key in enumerate(expected)}
    found = half(document).columns
    assert found == expected
    assert repr(dict(sorted(found.items(), key=lambda item: order[item[0]]))) == repr(expected)


def test_bare_nan_and_infinity_are_read():
    """As the API documents them."""
    values = half(b'{"predictions": [NaN, Infinity, -Infinity]}').columns["output"]
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]
    found = half(b'{"results": [[["a", NaN], ["b", 0.25]]]}')
    assert found.columns["label"] == ["b"]


def test_an_unnamed_matrix_gets_the_names_it_is_given():
    """In requests."""
    found = half({"instances": [[1, "a"]]}, **{"watchglass-columns": "temp,carrier"})
    assert found.columns == {"temp": [1], "carrier": ["a"]}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"", "v1"),
        (b"[1]", "v1"),
        (b"null", "v1"),
        ({}, "got none"),
        ({"error": "no such model"}, "no such model"),
        ({"instances": [], "inputs": []}, "instances, inputs"),
        ({"instances": {"x": 1}}, "array of rows"),
        ({"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}, "read them as v2"),
        ({"instances": [{"b64": "!"}]}, "base64"),
        ({"instances": [{"b64": 5}]}, "base64"),
        ({"instances": [{"a": ["x", "y"], "a-0": 1}]}, "two columns"),
        ({"instances": [{str(row): 1} for row in range(2_000)]}, "share their keys"),
        ({"examples": [1]}, "array of objects"),
        ({"examples": [{}] * 2_000, "context": {str(row): 1 for row in range(2_000)}}, "share their keys"),
        ({"inputs": {"x": [1] * 2_000, **{str(row): 1 for row in range(2_000)}}}, "share their keys"),
        ({"results": {"a": 1}}, "array of rows"),
        ({"results": [[1.5, 2]]}, "classify"),
    ],
)
def test_what_is_not_of_this_api_is_refused_with_the_reason(document, says):
    """In words that say what would have been right."""
    with pytest.raises(InvalidInput, match=says):
        half(document)

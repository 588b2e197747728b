"""BentoML's monitor: data lines read by their schema."""

import json
from datetime import UTC, datetime

import pytest

from monitor.collectors.bentoml import BentoML
from monitor.errors import InvalidInput
from monitor.types import Label

SCHEMA = (
    b'{"meta_data": {"bento_name": "Iris"}, "columns": [{"name": "x", "role": "feature", "type": "numerical_sequence"},'
    b' {"name": "pred", "role": "prediction", "type": "numerical_sequence"}]}'
)
LINE = (
    b'{"x": [[5.5, 3.5]], "pred": [[0.25, 0.75]], "timestamp": "2026-11-21T20:54:06.841851", "request_id": "487",'
    b' "trace_id": "212"}'
)


def schema(**roles):
    return {
        "watchglass-schema": json.dumps({"columns": [{"name": name, "role": role} for name, role in roles.items()]})
    }


def rows(body, headers):
    body = body if isinstance(body, bytes) else "\n".join(map(json.dumps, body)).encode()
    return list(BentoML().parse(body, headers))


def test_a_record_as_the_server_writes_it():
    """The schema comes in a header, or as the first line."""
    (row,) = rows(LINE, {"watchglass-schema": SCHEMA.decode()})
    assert (row.id, row.time) == ("487", datetime(2026, 11, 21, 20, 54, 6, 841851, tzinfo=UTC))
    assert (row.features, row.scores) == ({"x-0": 5.5, "x-1": 3.5}, (0.25, 0.75))
    assert rows(SCHEMA + b"\n" + LINE + b"\n", {}) == [row]


def test_scalars_and_targets():
    """Targets are labels of the same id."""
    headers = schema(temp="feature", carrier="feature", p="prediction", late="target") | {"watchglass-version": "v3"}
    inference, label = rows([{"temp": 1.5, "carrier": "AA", "p": 0.75, "late": 1, "request_id": 7}], headers)
    assert (inference.features, inference.scores, inference.version) == ({"temp": 1.5, "carrier": "AA"}, (0.75,), "v3")
    assert label == Label(id="7", value=1)
    (row,) = rows([{"temp": 1.5, "carrier": "AA", "p": 9.5}], headers | {"watchglass-task": "regression"})
    assert (row.prediction, row.id, row.time) == (9.5, None, None)


def test_many_rows_of_one_request_have_names_of_their_own():
    """Whether they are logged one a line or all in one."""
    headers = schema(x="feature", y="feature", p="prediction", t="target")
    lines = [{"x": row, "y": "a", "p": 0.5, "request_id": "q"} for row in range(3)]
    assert [row.id for row in rows(lines, headers)] == ["q", "q:1", "q:2"]
    matrix = {"x": [[1, 2], [3, 4]], "y": [["a"], ["b"]], "p": [[0.25], [0.75]], "t": [0, 1], "request_id": "q"}
    found = rows([matrix], headers)
    assert [row.features for row in found[::2]] == [{"x-0": 1, "x-1": 2, "y": "a"}, {"x-0": 3, "x-1": 4, "y": "b"}]
    assert found[1::2] == [Label(id="q", value=0), Label(id="q:1", value=1)]


def test_a_bad_line_does_not_cost_the_others():
    """The good ones come, then the error with the bad one's number."""
    found = iter(BentoML().parse(SCHEMA + b"\n" + LINE + b'\n{"x": 1}\n' + LINE, {}))
    assert [next(found).id, next(found).id] == ["487", "487:1"]
    with pytest.raises(InvalidInput, match=r"1 of 4 lines .* line 3: .*no 'pred'"):
        next(found)


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (LINE, {}, "schema"),
        (b"[1]", {}, "schema"),
        (LINE, {"watchglass-schema": "{}"}, "columns"),
        (LINE, schema(x="other"), "role"),
        (b"[1]", schema(x="feature"), "object a line"),
        ([{"x": 1, "t": [1, 2], "request_id": "q"}], schema(x="feature", t="target"), "one value a row"),
        ([{"x": [[1], [2]], "t": 5, "request_id": "q"}], schema(x="feature", t="target"), "one value a row"),
        ([{"x": 1}], schema(x="feature") | {"watchglass-task": "x"}, "allowed: binary"),
    ],
)
def test_what_is_no_monitor_is_refused_with_the_reason(body, headers, says):
    """And named as BentoML's."""
    with pytest.raises(InvalidInput, match=f"bentoml.*{says}"):
        rows(body, headers)

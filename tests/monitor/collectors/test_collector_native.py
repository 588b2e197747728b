"""Our own JSON."""

from datetime import UTC, datetime

import pytest

from monitor.collectors.native import Native
from monitor.errors import InvalidInput
from monitor.types import Inference, Label


def test_array_object_and_lines_are_read():
    """An object with a value is a label."""
    inference = b'{"id": "a", "time": "2013-05-01T00:00:00Z", "features": {"x": 1, "y": null}, "scores": [0.5]}'
    label = b'{"id": "a", "value": "late"}'
    expected = [
        Inference(id="a", time=datetime(2013, 5, 1, tzinfo=UTC), features={"x": 1, "y": None}, scores=(0.5,)),
        Label(id="a", value="late"),
    ]
    assert list(Native().parse(b"[" + inference + b"," + label + b"]", {})) == expected
    assert list(Native().parse(inference + b"\n\n" + label + b"\r\n", {})) == expected
    assert list(Native().parse(label, {})) == expected[1:]


def test_the_message_names_the_row_and_the_key():
    """So that the sender finds it."""
    with pytest.raises(InvalidInput, match=r"row 1: .*\$\.latency_ms"):
        list(Native().parse(b'[{"id": "a"}, {"latency_ms": "soon"}]', {}))

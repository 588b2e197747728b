"""What every collector must do, run on each one that is found."""

import random

import pytest

import monitor.collectors
from monitor.collectors import Collector, Half
from monitor.errors import InvalidInput
from monitor.plugins import plugins
from monitor.types import Inference, Label

COLLECTORS = plugins(monitor.collectors, Collector)
SEEDS = [
    b'{"id": "q", "inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1.0, 2.5]}]}',
    b'{"model_name": "m", "outputs": [{"name": "p", "shape": [2, 2], "datatype": "FP64", "data": [[0, 1], [1, 0]]}]}',
    b'[{"id": "a", "features": {"x": 1}, "scores": [0.5]}, {"id": "a", "value": 1}]',
]
SPLINTERS = [b"", b"null", b"1e400", b'"', b"[", b"]", b"-1", b"\xed\xa0\x80", b"\\ud800", b"NaN", b"9" * 25]


@pytest.fixture(params=sorted(COLLECTORS))
def collector(request):
    return COLLECTORS[request.param]()


def test_there_are_collectors():
    """The ones that are always there."""
    assert {"v1", "v2", "kserve", "torchserve"} <= COLLECTORS.keys()


def test_it_is_named_and_documented(collector):
    """People choose by name and docstring."""
    assert collector.name.replace("_", "").isalnum()
    assert type(collector).__doc__


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"[1]", b"null", b"[" * 5_000, b"\x00" * 64, b"plain text"])
def test_what_is_not_its_format_is_refused_as_invalid_input(collector, body):
    """And as nothing else; an empty body may be no rows."""
    try:
        assert list(collector.parse(body, {})) == []
    except InvalidInput as error:
        assert collector.name in str(error)  # noqa: PT017 - either outcome is allowed


def test_mutated_bodies_never_raise_anything_else(collector):
    """Seeded cuts, flips and repeats of real bodies."""
    draw = random.Random(7)
    for _ in range(1_000):
        body = bytearray(draw.choice(SEEDS))
        for _ in range(draw.randint(1, 4)):
            place = draw.randrange(len(body) + 1)
            body[place : place + draw.randint(0, 6)] = draw.choice(SPLINTERS)
        try:
            for found in collector.parse(bytes(body), {}):
                assert isinstance(found, Inference | Label | Half)
                if isinstance(found, Half):
                    assert all(len(values) == found.rows for values in found.columns.values())
        except InvalidInput:
            pass


def test_reading_twice_gives_the_same(collector):
    """A collector keeps no state."""
    for body in SEEDS:
        try:
            first = list(collector.parse(body, {}))
        except InvalidInput:
            continue
        assert list(collector.parse(body, {})) == first

"""Seeded mutations of a body of every wire format: whatever comes, rows or InvalidInput, and nothing else."""

import random
import tracemalloc

import pytest

import monitor.collectors
from monitor.collectors import Collector, Half
from monitor.collectors.pairing import aligned, pair
from monitor.errors import InvalidInput
from monitor.plugins import plugins
from monitor.types import Inference, Label
from tests.benchmarks.fuzz_bodies import BODIES, SPLINTERS

COLLECTORS = plugins(monitor.collectors, Collector)
MUTATIONS = 300
CASES = [(name, place) for name, bodies in BODIES.items() for place in range(len(bodies))]


def mutated(body, draw):
    out = bytearray(body)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(out) + 1)
        if draw.random() < 0.3 and out:
            out[place % len(out)] ^= 1 << draw.randrange(8)
        else:
            out[place : place + draw.choice((0, 0, 1, 3, 8))] = draw.choice(SPLINTERS)
    return bytes(out[: draw.randrange(len(out) + 1)] if draw.random() < 0.1 else out)


def sound(found):
    assert isinstance(found, Inference | Label | Half)
    if isinstance(found, Half):
        assert all(len(values) == found.rows for values in found.columns.values())
        mirror = Half(side="response", rows=found.rows, columns=found.columns)
        assert aligned(found, mirror).rows == found.rows
        assert len(pair(found, mirror)) == found.rows


def test_every_format_has_a_body_here():
    """So that a new one is not forgotten."""
    assert BODIES.keys() == COLLECTORS.keys()


@pytest.mark.parametrize(("name", "place"), CASES)
def test_a_body_is_read_and_its_mutations_are_read_or_refused(name, place):
    """Both give sound rows; never another error, and no memory for what a number claims."""
    body, headers = BODIES[name][place]
    collector = COLLECTORS[name]()
    draw = random.Random(f"{name} {place}")
    assert list(collector.parse(body, headers))
    tracemalloc.start()
    try:
        for _ in range(MUTATIONS):
            try:
                for found in collector.parse(mutated(body, draw), headers):
                    sound(found)
            except InvalidInput as error:
                assert str(error).startswith(name)  # noqa: PT017 - either outcome is allowed
                assert len(str(error)) < 2_000  # noqa: PT017
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("name", "place"), CASES)
def test_mutated_headers_are_read_or_refused(name, place):
    """Headers come from outside as well."""
    body, headers = BODIES[name][place]
    collector = COLLECTORS[name]()
    draw = random.Random(f"headers {name} {place}")
    known = {"content-type": "text/csv", "watchglass-columns": "a", "watchglass-task": "regression", **headers}
    for _ in range(MUTATIONS // 3):
        some = {key: value for key, value in known.items() if draw.random() < 0.7}
        some = {
            key: mutated(value.encode(), draw).decode("latin-1") if draw.random() < 0.5 else value
            for key, value in some.items()
        }
        try:
            for found in collector.parse(body, some):
                sound(found)
        except InvalidInput as error:
            assert str(error).startswith(name)  # noqa: PT017 - either outcome is allowed

"""The segments job names the segment in which labels turned, and is silent while nothing is wrong."""

import numpy as np
import pytest
from wg_world import World

from monitor.jobs.segments import METRIC, SegmentsJob
from monitor.types import Status


@pytest.fixture
def world() -> World:
    return World(rows=1_000, reference_days=30)


def run(world: World, day: int) -> list:
    found = SegmentsJob().run(world.context, world.model, world.window(day))
    world.store.measurements.put(found)
    return found


def test_calm_days_are_measured_and_are_no_hit(world: World) -> None:
    for day in range(3):
        world.label(world.day(day))
        (found,) = run(world, day)
        assert (found.metric, found.status, found.rows) == (METRIC, Status.OK, 1_000)
        assert 0 < (found.value or 0) < 1
        assert found.details["new"] is False


def test_labels_that_turn_in_one_segment_are_found_and_named(world: World) -> None:
    world.label(world.day(0))
    run(world, 0)
    batch = world.day(1)
    turned = np.array(batch["origin"].to_pylist()) == "JFK"
    world.label(batch, flip_where=turned)
    (found,) = run(world, 1)
    assert found.status is Status.BREACH
    assert found.details["name"] == "Origin JFK"
    assert found.details["new"] is True
    assert str(found.details["said"]).startswith("Origin JFK: ")
    again = run(world, 1)
    assert again == [found]
    batch = world.day(2)
    world.label(batch, flip_where=np.array(batch["origin"].to_pylist()) == "JFK")
    (later,) = run(world, 2)
    assert (later.status, later.details["new"]) == (Status.BREACH, False)


def test_a_window_with_few_labels_or_without_a_past_says_so(world: World) -> None:
    batch = world.day(0)
    world.label(batch, 0.05)
    (found,) = run(world, 0)
    assert (found.status, found.value) == (Status.INSUFFICIENT, None)
    assert found.details["reason"] == "50 labelled rows; 100 are needed"
    bare = World(rows=1_000, reference_days=5)
    bare.label(bare.day(0))
    (found,) = run(bare, 0)
    assert str(found.details["reason"]).startswith("5 windows with labels before this one")


def test_without_labels_there_is_nothing_to_say(world: World) -> None:
    world.day(0)
    assert run(world, 0) == []

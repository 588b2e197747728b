"""Harm is realised loss beyond what is tolerated: told once, with what explains it, and over when it is over."""

import pytest
from wg_world import World

from monitor.jobs.harm import METRIC, HarmJob, parts
from monitor.triage.tolerance import Bound
from monitor.types import Status


@pytest.fixture
def world() -> World:
    return World(rows=500, reference_days=20)


def run(world: World, day: int):
    (found,) = HarmJob().run(world.context, world.model, world.window(day))
    world.store.measurements.put([found])
    return found


def test_ordinary_days_are_tolerated(world: World) -> None:
    for day in range(4):
        world.label(world.day(day))
        found = run(world, day)
        assert (found.metric, found.status, found.rows) == (METRIC, Status.OK, 500)
        assert found.details["open"] is False
        assert (found.value or 1) < (found.threshold or 0)


def test_answers_that_turn_are_harm_once_and_until_they_are_right_again(world: World) -> None:
    days = [False, True, True, False, False, False]
    found = []
    for day, flip in enumerate(days):
        world.label(world.day(day), flip=flip)
        found.append(run(world, day))
    assert [each.details["new"] for each in found] == [False, True, False, False, False, False]
    assert [each.status for each in found] == [
        Status.OK,
        Status.BREACH,
        Status.BREACH,
        Status.BREACH,
        Status.BREACH,
        Status.OK,
    ]
    assert found[1].details["at_least"] > found[1].threshold


@pytest.mark.parametrize(
    ("metric", "usual", "promised", "loss", "said"),
    [
        ("accuracy", 0.25, 0.70, 0.5, "Accuracy fell by 25.0 pp: −5.0 pp because inputs are harder, −20.0 pp"),
        ("mae", 4.0, 4.5, 14.0, "The mean absolute error rose by 10.0 $: +0.5 $ because inputs are harder, +9.5 $"),
        ("ndcg", 0.1, 0.95, 0.3, "nDCG fell by 0.200: +0.050 because inputs are easier, −0.250"),
    ],
)
def test_a_change_is_told_in_two_parts_whatever_the_measure(metric, usual, promised, loss, said) -> None:
    unit = {"accuracy": "share", "mae": "$", "ndcg": ""}[metric]
    found = parts(Bound(metric, usual, 0.02, 0.0), promised, loss, unit)
    assert found["said"].startswith(said)


@pytest.mark.parametrize(("usual", "loss"), [(1.7e308, -1.7e308), (1.0, float("inf")), (1.0, float("nan"))])
def test_a_change_beyond_all_numbers_is_told_in_no_parts(usual, loss) -> None:
    assert parts(Bound("mae", usual, 0.02, 0.0), 1.0, loss, "$") == {}


def test_without_a_labelled_reference_nothing_is_harm() -> None:
    bare = World(rows=500, reference_days=0)
    bare.day(0)
    assert HarmJob().run(bare.context, bare.model, bare.window(0)) == []

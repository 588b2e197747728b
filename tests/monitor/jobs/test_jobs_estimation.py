"""Accuracy before labels on a small world: near what labels say later, honest about what it stands on."""

from dataclasses import replace

import numpy as np
import pytest
from wg_world import START, World, bend

from monitor.jobs.estimation import EstimationJob
from monitor.jobs.performance import PerformanceJob
from monitor.profile.binning import OUTCOME, SCORE
from monitor.types import Measurement, OutcomeValues, Status

DAYS = 12


@pytest.fixture(scope="module")
def world():
    """Twelve days, each estimated as it closed; labels come the day after, and from day 5 on they are the opposite."""
    world = World(rows=400)
    job, late = EstimationJob(), PerformanceJob()
    waiting = []
    for day in range(DAYS):
        waiting.append(world.day(day))
        world.store.measurements.put(job.run(world.context, world.model, world.window(day)))
        if day:
            world.label(waiting[day - 1], flip=day > 5)
            world.store.measurements.put(late.run(world.context, world.model, world.window(day - 1)))
    yield world
    world.store.close()


def read(world, metric, day, segment="all"):
    (found,) = [
        each
        for each in world.store.measurements.query(world.model.name, metric=metric, segment=segment)
        if each.window == world.window(day)
    ]
    return found


def test_calibrated_scores_are_estimated_within_their_band(world):
    for day in range(5):
        for measure in ("auc", "accuracy", "brier", "log_loss"):
            given = read(world, f"estimation.{measure}", day)
            assert given.interval[0] <= given.value <= given.interval[1]
            assert given.status is Status.OK
        assert (
            abs(read(world, "estimation.accuracy", day).value - read(world, "performance.accuracy", day).value) < 0.07
        )
    held = [
        low <= read(world, f"performance.{measure}", day).value <= high
        for day in range(5)
        for measure in ("auc", "accuracy")
        for low, high in [read(world, f"estimation.{measure}", day).interval]
    ]
    assert sum(held) >= 8


def test_reversed_labels_are_said_and_then_carried_forward(world):
    """The truth is turned about on day 5; its labels are known on day 6."""
    assert read(world, "estimation.accuracy", 5).value > 0.6
    assert read(world, "performance.accuracy", 6).value < 0.4
    said = [str(read(world, "estimation.accuracy", day).details.get("doubt", "")) for day in range(6, DAYS)]
    assert any("what scores mean has changed" in each for each in said)
    last = read(world, "estimation.accuracy", DAYS - 1)
    assert last.details["offset"] < -0.15
    assert last.details["labelled_windows"] == DAYS - 2  # yesterday's labels were not there yet
    assert abs(last.value - read(world, "performance.accuracy", DAYS - 2).value) < abs(
        last.details["promised"] - read(world, "performance.accuracy", DAYS - 2).value
    )


def test_a_window_keeps_its_estimate_when_labels_have_come(world):
    before = read(world, "estimation.accuracy", 3)
    again = [
        each
        for each in EstimationJob().run(world.context, world.model, world.window(3))
        if (each.metric, each.segment) == ("estimation.accuracy", "all")
    ]
    assert again == [before]


def test_what_answers_are_worth_is_realised_and_estimated(world):
    settings = replace(
        world.model.settings, outcome_values=OutcomeValues(true_positive=10, false_negative=-10, unit="€")
    )
    model = replace(world.model, settings=settings)
    (truth,) = [
        each
        for each in PerformanceJob().run(world.context, model, world.window(1))
        if (each.metric, each.segment) == ("performance.value_per_prediction", "all")
    ]
    (given,) = [
        each
        for each in EstimationJob().run(world.context, model, world.window(1))
        if (each.metric, each.segment) == ("estimation.value_per_prediction", "all")
    ]
    assert truth.details["unit"] == given.details["unit"] == "€"
    assert given.interval[0] <= truth.value <= given.interval[1]


def test_scores_the_reference_never_gave_are_said():
    world = World(rows=300)
    world.day(0, score=bend(lambda values: np.clip(values * 0.01 + 0.985, 0, 1)))
    (given,) = [
        each
        for each in EstimationJob().run(world.context, world.model, world.window(0))
        if (each.metric, each.segment) == ("estimation.accuracy", "all")
    ]
    assert given.details["trusted"] is False
    assert "lie where the reference has no rows" in given.details["doubt"]


def test_a_reference_without_labels_promises_nothing():
    world = World(rows=200)
    pieces = world.store.profiles.reference(world.model.name, "1", segment=None)
    world.store.profiles.replace_reference(
        world.model.name, "1", pieces.filter([name != OUTCOME for name in pieces["column"].to_pylist()])
    )
    world.day(0)
    found = EstimationJob().run(world.context, world.model, world.window(0))
    assert found
    assert all(each.value is None and "no labels" in each.details["reason"] for each in found)


def of_lowest_scores(few: float) -> dict[str, Measurement]:
    """Measure a day whose 60 % lowest scores have labels, and so large a share of the others."""
    world = World(rows=1_500)
    batch = world.day(0)
    order = np.argsort(batch[SCORE].to_numpy(), kind="stable")
    beyond = order[900:][np.random.default_rng(1).random(600) < few]
    world.label(batch.take(np.concatenate([order[:900], beyond])))
    found = PerformanceJob().run(world.context, world.model, world.window(0))
    return {each.metric: each for each in found if each.segment == "all"}


def test_labels_that_avoid_high_scores_are_said_with_the_weighted_measure():
    found = of_lowest_scores(few=0.15)
    assert found["performance.label_coverage"].details["missing_at_random"] is False
    assert "lower" in found["performance.label_coverage"].details["missing"]
    assert "reweighted" in found["performance.brier"].details
    assert found["performance.brier"].window.start == START


def test_where_no_high_score_has_a_label_nothing_is_weighted_and_that_is_said():
    """The highest labelled score would have to speak for all above it: what that gives is no accuracy of anything."""
    found = of_lowest_scores(few=0.0)
    told = found["performance.label_coverage"].details
    assert told["missing_at_random"] is False
    assert str(told["missing"]).endswith("Of some scores there is no label at all, so nothing makes up for it.")
    assert not any("reweighted" in each.details for each in found.values())

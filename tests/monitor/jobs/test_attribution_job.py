"""The attribution job: what changes is told, ordinary windows are not, and where nothing is explained it says so."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from wg_world import START, World

from monitor.alerts.attribution import ATTRIBUTION
from monitor.errors import InvalidInput, Unavailable
from monitor.jobs.attribution import CHANGE, NDCG, RANK, AttributionJob
from monitor.jobs.impact import ImpactJob
from monitor.store.attributions import Attributed
from monitor.types import Status

USUAL = {"visib": 0.3, "temp": 0.15, "origin": 0.05}
TURNED = {"visib": 0.05, "temp": 0.15, "origin": 0.3}


def sample(sizes, rows, start: datetime, days: int, seed: int):
    """Explained rows spread over some days."""
    rng = np.random.default_rng(seed)
    return [
        Attributed(
            f"r{seed}-{at}",
            start + timedelta(days=at % days, minutes=at),
            {"visib": float(at % 10), "temp": None, "origin": "JFK"},
            {name: float(size * rng.gamma(4, 0.25) * rng.choice([-1, 1])) for name, size in sizes.items()},
        )
        for at in range(rows)
    ]


@pytest.fixture
def world():
    made = World(rows=200, reference_days=5)
    made.day(0)
    made.day(1)
    yield made
    made.store.close()


def run(world, current, window=0):
    def attribute(model, version, window):
        world.store.attributions.put(model.name, version, "b", None, sample(USUAL, 200, START, 20, 1))
        world.store.attributions.put(model.name, version, "b", window.start, sample(current, 50, window.start, 1, 2))
        return "b"

    return AttributionJob().run(replace(world.context, attribute=attribute), world.model, world.window(window))


def test_an_ordinary_window_is_measured_and_is_no_change(world):
    found = run(world, USUAL)
    assert {each.metric for each in found} == {CHANGE, NDCG, RANK}
    assert {each.feature for each in found if each.metric == CHANGE} == set(USUAL)
    assert {each.status for each in found} == {Status.OK}
    assert {each.rows for each in found} == {50}
    one = next(each for each in found if each.feature == "visib")
    assert one.value == pytest.approx(one.details["current"] - one.details["reference"])
    assert one.interval[0] < one.value < one.interval[1]
    assert one.details["current_low"] < one.details["current"] < one.details["current_high"]
    world.store.measurements.put(found)


def test_inputs_that_change_places_are_told_and_so_is_the_ranking(world):
    found = {(each.metric, each.feature): each for each in run(world, TURNED)}
    assert found[CHANGE, "visib"].status is found[CHANGE, "origin"].status is Status.BREACH
    assert found[CHANGE, "visib"].value < -found[CHANGE, "visib"].threshold
    assert found[CHANGE, "temp"].status is Status.OK
    assert found[NDCG, None].status is Status.BREACH
    assert found[NDCG, None].value < found[NDCG, None].threshold <= 0.9
    assert found[RANK, None].value == -1.0


@pytest.mark.parametrize("error", [InvalidInput, Unavailable])
def test_where_rows_cannot_be_explained_the_reason_is_told_and_no_window_waits(world, error):
    def attribute(*_):
        raise error("no model that can be explained is registered")

    found = AttributionJob().run(replace(world.context, attribute=attribute), world.model, world.window(0))
    assert [(each.status, each.value) for each in found] == [(Status.INSUFFICIENT, None)]
    assert "no model that can be explained" in found[0].details["reason"]
    assert (
        "nothing here explains"
        in AttributionJob().run(world.context, world.model, world.window(0))[0].details["reason"]
    )


def test_what_lasts_for_three_windows_is_a_line_of_the_digest(world):
    """The scheduler judges what the job measured; nobody wrote a rule."""

    def attribute(model, version, window):
        world.store.attributions.put(model.name, version, "b", None, sample(USUAL, 200, START, 20, 1))
        turned = sample(TURNED, 50, window.start, 1, window.start.day)
        world.store.attributions.put(model.name, version, "b", window.start, turned)
        return "b"

    world.model = replace(world.model, settings=replace(world.model.settings, dial=1.0))
    world.store.catalog.put_model(world.model)
    world.day(2)
    scheduler = world.scheduler(jobs=[AttributionJob()], attribute=attribute)
    found = []
    for day in (1, 2, 3):
        world.advance(day)
        assert scheduler.tick().failures == 0
        found.append([(alert.rule, alert.paged) for alert in world.store.alerts.query()])
    assert found == [[], [], [(ATTRIBUTION, False)]]


def test_the_ranking_by_impact_is_weighed_by_what_samples_say_first(world):
    before = {each.feature: each for each in ImpactJob().run(world.context, world.model, world.window(1))}
    run(world, TURNED)
    after = {each.feature: each for each in ImpactJob().run(world.context, world.model, world.window(1))}
    assert before["visib"].details["basis"] == "distance of scores from their mean"
    assert after["visib"].details["basis"] == "mean size of attributions"
    assert after["temp"].details["basis"] == before["temp"].details["basis"], "its sampled values are all null"


def test_old_samples_are_let_go_and_the_reference_stays(world):
    run(world, USUAL)
    later = START + timedelta(days=200)
    world.store.attributions.put("flights", "1", "b", later, sample(USUAL, 20, later, 1, 3))
    assert world.store.attributions.sample("flights", "1", "b", START) is None
    assert world.store.attributions.sample("flights", "1", "b", None) is not None


def test_a_window_that_could_not_be_explained_because_the_server_stops_is_left_for_the_next_start(world):
    def attribute(*_):
        raise Unavailable("explanations are shut down")

    context = replace(world.context, attribute=attribute)
    assert [each.status for each in AttributionJob().run(context, world.model, world.window(0))] == [
        Status.INSUFFICIENT
    ]
    context.stopping.set()
    with pytest.raises(Unavailable, match="after the next start"):
        AttributionJob().run(context, world.model, world.window(0))

"""Groups of protected features are compared on all predictions, and on labels where they count."""

from dataclasses import replace

import numpy as np
import pytest
from wg_world import SCHEMA, World

from monitor.jobs.fairness import FairnessJob
from monitor.segments.fairness import FOUR_FIFTHS, Share, difference, ratio
from monitor.types import Status

PROTECTED = replace(
    SCHEMA,
    features=tuple(replace(each, protected=each.name in ("origin", "tail")) for each in SCHEMA.features),
)


@pytest.fixture
def world() -> World:
    return World(rows=1_000, reference_days=5, schema=PROTECTED)


def test_every_group_is_held_against_the_largest(world: World) -> None:
    batch = world.day(0)
    world.label(batch)
    found = FairnessJob().run(world.context, world.model, world.window(0))
    assert {each.feature for each in found} == {"origin"}
    assert {each.segment for each in found} == {"origin=JFK", "origin=LGA"}
    assert {each.details["compared_with"] for each in found} == {"Origin EWR"}
    origin, late = np.array(batch["origin"].to_pylist()), np.array(batch["_prediction"].to_pylist()) == "late"
    true = np.array(world._truth(batch)) == "late"
    group, other = origin == "JFK", origin == "EWR"
    shares = [Share(int(late[which].sum()), int(which.sum())) for which in (group, other)]
    rights = [Share(int(late[which & true].sum()), int((which & true).sum())) for which in (group, other)]
    expected = {
        "fairness.statistical_parity": difference(*shares),
        "fairness.disparate_impact": ratio(*shares),
        "fairness.equal_opportunity": difference(*rights),
    }
    for each in found:
        if each.segment == "origin=JFK":
            if each.metric == "fairness.equal_opportunity" and min(rights[0].rows, rights[1].rows) < 100:
                assert each.status is Status.INSUFFICIENT
                continue
            known = expected[each.metric]
            assert known is not None
            assert (each.value, each.interval) == (pytest.approx(known.value), pytest.approx(known.interval))
            assert each.status is Status.OK
            assert "Origin JFK" in str(each.details["said"])
    ratios = [each for each in found if each.metric == "fairness.disparate_impact"]
    assert {each.threshold for each in ratios} == {FOUR_FIFTHS}


def test_small_groups_say_so(world: World) -> None:
    world.day(0, rows=150)
    found = FairnessJob().run(world.context, world.model, world.window(0))
    assert {each.status for each in found} == {Status.INSUFFICIENT}
    assert all(str(each.details["reason"]).endswith("rows to judge by; 100 are needed") for each in found)


def test_without_protected_features_there_is_nothing_to_compare() -> None:
    plain = World(rows=200, reference_days=2)
    plain.day(0)
    assert FairnessJob().run(plain.context, plain.model, plain.window(0)) == []


def test_protected_features_are_segments_unless_they_cannot_be(world: World) -> None:
    assert world.model.segments == ("origin",)
    bare = replace(world.model, settings=replace(world.model.settings, segments=("temp",)))
    assert bare.segments == ("temp", "origin")

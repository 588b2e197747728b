"""A report marks what the detector told an owner, and not every column that was once farther away than usual."""

import numpy as np
from wg_world import World, bend

from monitor.jobs.detection import DetectionJob
from monitor.jobs.drift import DriftJob
from monitor.jobs.traffic import TrafficJob
from monitor.reports.facts import gather
from monitor.reports.page import Page
from monitor.reports.sections.drift import Drift
from monitor.reports.sections.summary import Summary


def sections(reference_days: int) -> tuple[str, str]:
    """A week in which one column is spread otherwise on one day, and another moves for good."""
    world = World(rows=300, reference_days=reference_days, dial=1.0)
    scheduler = world.scheduler(jobs=[DriftJob(), DetectionJob(), TrafficJob()])
    for day in range(7):
        changed = {"temp": bend(lambda values: values + 9)}
        if day == 3:
            changed["visib"] = bend(lambda values: np.clip(values + 0.12 * np.sign(values - 9), 0, 10))
        world.day(day, **changed)
        world.advance(day + 1)
        assert scheduler.tick().failures == 0
    facts = gather(world.context, world.model, world.window(0, 7))
    page = Page("x")
    told = str(Summary().write(facts, page)), str(Drift().write(facts, page))
    world.store.close()
    return told


def test_only_columns_of_incidents_are_marked() -> None:
    summary, drift = sections(32)
    assert "Drift: 1 of 5 columns was in an incident.</li>" in summary
    assert drift.count("▲ in an incident") == 1
    assert drift.index("Temperature") < drift.index("Visibility")
    assert "which the dial bounds" in drift


def test_a_short_reference_is_said_to_be_uncalibrated() -> None:
    assert "Uncalibrated: with fewer than 30 windows of reference no dial is held." in sections(12)[0]

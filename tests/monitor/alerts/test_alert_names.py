"""Owners' rules and detectors' alerts never go by one name: each opens and closes its own."""

import pytest
from wg_world import World

from monitor.alerts.judge import RECONCILED
from monitor.errors import InvalidInput
from monitor.jobs.traffic import TrafficJob
from monitor.schema import settings_from_dict
from monitor.schema.names import DETECTORS, NAME
from monitor.types import AlertState, Rule


def test_no_rule_can_be_called_what_a_detector_calls_its_alerts() -> None:
    assert {name for name in RECONCILED if NAME.fullmatch(name)} == DETECTORS
    for name in DETECTORS:
        with pytest.raises(InvalidInput, match=f"'{name}' is what a detector calls its own alerts"):
            settings_from_dict({"rules": [{"name": name, "metric": "traffic.rows"}]})


@pytest.mark.parametrize("name", ["attribution", "silence"])
@pytest.mark.parametrize("dial", [1.0, None])
def test_a_rule_called_as_detectors_might_opens_once_and_closes_by_itself(name: str, dial: float | None) -> None:
    """Stores have had rules of such names since before there were such detectors."""
    rule = Rule(name=name, metric="traffic.rows", op="<", threshold=50.0)
    world = World(rows=60, reference_days=5, rules=(rule,), dial=dial)
    scheduler = world.scheduler(jobs=[TrafficJob()])
    found = []
    for day, rows in enumerate((60, 10, 10, 60, 60, 60)):
        world.day(day, rows=rows)
        world.advance(day + 1)
        scheduler.tick()
        found.append([alert.state for alert in world.store.alerts.query()])
    firing, resolved = [AlertState.FIRING], [AlertState.RESOLVED]
    assert found == [[], *[firing] * 4, resolved]
    world.store.close()

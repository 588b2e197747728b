"""Where the model is wrong, on its page: the ways that lead from a segment to its rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app import groups
from app.data.rows import PRESETS
from monitor.types import Feature, Kind, Measurement, Model, ModelSchema, Settings, Task, Window

DAY = datetime(2026, 1, 5, tzinfo=UTC)
SCHEMA = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="price", kind=Kind.NUMERIC),))


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.RANKING])
def test_a_segment_leads_to_the_rows_of_all_its_windows_in_an_order_that_the_task_has(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways: list[tuple[str, str, dict[str, str]]] = []
    monkeypatch.setattr(
        groups.st, "page_link", lambda page, label, icon, query_params: ways.append((page, label, query_params))
    )
    model = Model(name="m", schema=replace(SCHEMA, task=task), settings=Settings(), created=DAY)
    window = Window(DAY, DAY + timedelta(days=1))
    hit = Measurement(
        model="m",
        version="1",
        metric="segment.worst",
        window=window,
        value=1.0,
        rows=100,
        details={"pooled": 3, "feature": "price"},
    )
    groups._ways(model, hit)
    rows, column = ways
    assert (rows[2]["start"], rows[2]["end"]) == ("2026-01-03T00:00:00Z", "2026-01-06T00:00:00Z")
    assert ("most wrong" in rows[1]) == ("order" in rows[2]) == ("Most wrong" in PRESETS[task])
    assert (column[0], column[2]["feature"]) == ("views/feature.py", "price")

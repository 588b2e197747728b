"""Pages of a model of two hundred inputs without a reference, of whose rows none is measured yet."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import streamlit

from app.runtime import Runtime, set_runtime
from monitor.config import Config
from monitor.schema import conform
from monitor.types import Feature, Inference, Kind, Model, ModelSchema, Settings, Task
from tests.app.test_dashboard_views import texts, visit

START = datetime(2026, 1, 5, tzinfo=UTC)
SCHEMA = ModelSchema(
    model="wide",
    task=Task.REGRESSION,
    features=tuple(Feature(name=f"sensor_{number:03d}", kind=Kind.NUMERIC) for number in range(200)),
)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    """A server that got three rows this morning."""
    folder: Path = tmp_path_factory.mktemp("wide")
    runtime = Runtime.open(Config(data_dir=folder, clock="manual"), scheduling=False)
    now = START + timedelta(hours=9)
    runtime.clock.advance(now)  # type: ignore[attr-defined] # it is a manual clock
    runtime.store.catalog.put_model(Model(name="wide", schema=SCHEMA, settings=Settings(), created=START))
    runtime.ingest.start()
    sent = [
        Inference(
            id=f"r{number}",
            time=START + timedelta(hours=8, minutes=number),
            features={feature.name: float(number) for feature in SCHEMA.features},
            prediction=float(number),
        )
        for number in range(3)
    ]
    batch = conform(sent, SCHEMA, source="http", now=now)
    runtime.ingest.submit("wide", batch, source="http", received=3).result()
    yield runtime
    runtime.ingest.stop()
    runtime.close()


@pytest.fixture(autouse=True)
def of_this_process(wide: Runtime) -> Iterator[None]:
    """Show this store, with nothing cached."""
    set_runtime(wide)
    streamlit.cache_data.clear()
    yield
    streamlit.cache_data.clear()


def test_the_fleet_counts_rows_that_have_come_before_they_are_measured() -> None:
    page = visit("fleet")
    assert "3 predictions have come; they are measured once their first day is over" in texts(page)
    assert {metric.label: metric.value for metric in page.metric}["Predictions, 14 days"] == "3"
    assert "none yet" not in texts(page)


def test_a_column_that_is_not_measured_yet_does_not_ask_for_a_longer_window() -> None:
    page = visit("feature", model="wide", feature="sensor_007")
    assert "Nothing is measured yet" in texts(page)
    assert "longer window" not in texts(page)


def test_without_a_reference_a_row_shows_its_inputs_alone_in_a_table_that_scrolls() -> None:
    page = visit("prediction", model="wide", id="r1")
    assert "no reference" in texts(page)
    assert "Were its inputs ordinary?" not in texts(page)
    (table,) = page.dataframe
    assert list(table.value.columns) == ["Input", "Value"]
    assert len(table.value) == 200

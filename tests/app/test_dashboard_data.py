"""What the dashboard reads agrees with what was put in."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from parcels_seed import DAYS, FAULT_DAY, FIRST, PER_DAY, SCHEMA, SECOND_DAY, Seeded
from sklearn.metrics import roc_auc_score

from app.data import feature, fleet, model, names, records
from app.data.movement import ANSWERS
from app.data.totals import totals
from monitor.types import ALL, AlertState, Kind, ModelSchema, Severity, Task, Window

DAY = timedelta(days=1)
ALL_DAYS = Window(FIRST, FIRST + DAYS * DAY)
FAULTY = Window(FIRST + FAULT_DAY * DAY, FIRST + (FAULT_DAY + 1) * DAY)


def test_the_worst_model_comes_first_with_its_reason(seeded: Seeded) -> None:
    found = fleet.fleet()
    assert [row.model for row in found.rows] == ["parcels", "idle"]
    worst, idle = found.rows
    assert worst.state == "critical"
    assert worst.reason.startswith("Temperature: ")
    assert (worst.rows, worst.traffic) == (DAYS * PER_DAY, (500.0,) * DAYS)
    assert worst.versions == ("1", "2")
    assert (worst.drifted, worst.drift_of) == (1, 6)
    assert worst.drift_day == FIRST + (DAYS - 1) * DAY
    assert (idle.state, idle.accuracy, idle.drift_day) == ("waiting", None, None)


def test_accuracy_names_its_day_and_coverage(seeded: Seeded) -> None:
    title, value, origin = fleet.accuracy_text(fleet.fleet().rows[0].accuracy)
    assert title == "AUC"
    assert 0.5 < float(value) < 1
    assert origin == "Thu 9 May, 95.0 % labelled"
    assert fleet.accuracy_text(None) == ("Accuracy", "–", "no labels yet")


def test_the_model_page_counts_every_row_and_label(seeded: Seeded) -> None:
    found = model.overview("parcels", ALL_DAYS, None, ALL)
    assert found.rows == DAYS * PER_DAY
    assert found.volume is not None
    assert found.volume.labelled is not None
    assert sum(found.volume.labelled) == pytest.approx((DAYS - 1) * PER_DAY * 0.95)
    assert found.coverage == pytest.approx(0.9 * 0.95)
    assert set(found.accuracy["performance.auc"]) == {"1", "2"}


def test_the_windows_own_accuracy_is_of_all_its_labels(seeded: Seeded) -> None:
    found = totals("parcels", ALL_DAYS, None, ALL)
    drawn = seeded.runtime.store.rows.inferences("parcels", window=ALL_DAYS, labelled=True, limit=10_000)
    late = [label == "late" for label in drawn["_label"].to_pylist()]
    assert found.labels == drawn.num_rows == (DAYS - 1) * PER_DAY * 0.95
    assert found.accuracy["performance.auc"] == pytest.approx(
        roc_auc_score(late, drawn["_score"].to_pylist()), abs=0.002
    )
    assert found.p95 == pytest.approx(np.quantile(drawn["_latency_ms"].to_pylist(), 0.95), rel=0.1)
    one_day = totals("parcels", Window(FIRST, FIRST + DAY), "1", ALL)
    assert one_day.labels == PER_DAY * 0.95
    assert totals("idle", ALL_DAYS, None, ALL).accuracy == {}


def test_a_version_is_shown_alone(seeded: Seeded) -> None:
    found = model.overview("parcels", ALL_DAYS, "2", ALL)
    assert found.rows == (DAYS - SECOND_DAY) * PER_DAY
    assert set(found.accuracy["performance.auc"]) == {"2"}


def test_the_fault_is_the_first_thing_to_look_at(seeded: Seeded) -> None:
    listed = model.overview("parcels", ALL_DAYS, None, ALL).suspects
    first = listed[0]
    assert first.feature == "temperature"
    answers = [suspect.feature in ANSWERS for suspect in listed]
    assert answers == sorted(answers), "what is answered follows from the inputs, and comes after them"
    assert first.label == "Temperature"
    assert "°C" in first.said
    assert first.measurement.window.start >= FAULTY.start


def test_cells_cover_every_column_and_day_and_never_guess(seeded: Seeded) -> None:
    found = model.overview("parcels", ALL_DAYS, None, ALL).cells
    inputs = [cell for cell in found if not cell.feature.startswith("_")]
    assert len(inputs) == len(SCHEMA.features) * DAYS
    assert not [cell.label for cell in found if cell.label.startswith("_")]
    hot = {(cell.feature, cell.start) for cell in inputs if (cell.ratio or 0) > 1}
    assert hot == {("temperature", FIRST + day * DAY) for day in range(FAULT_DAY, DAYS)}
    assert model.overview("idle", ALL_DAYS, None, ALL).cells == ()


def test_segments_are_those_measured(seeded: Seeded) -> None:
    assert model.segments_of("parcels") == [
        ALL,
        *sorted(f"carrier={c}" for c in ("North Post", "Swift", "Blue Van", "Harbour")),
    ]
    assert model.segments_of("idle") == [ALL]


def test_a_numeric_column_beside_its_reference(seeded: Seeded) -> None:
    found = feature.reading("parcels", "temperature", FAULTY, None, ALL)
    assert found.current is not None
    assert found.reference is not None
    assert found.current.rows == PER_DAY
    assert found.reference.mean == pytest.approx(12, abs=0.3)
    assert found.current.mean == pytest.approx(12 * 1.8 + 32, abs=1.5)
    assert found.why[0].endswith("n = 500)")
    assert len(set(found.why)) == len(found.why)
    assert {line.verdict for line in found.judged} == {"Beyond threshold", "Within threshold"}


def test_drift_is_drawn_around_a_short_window_for_every_version(seeded: Seeded) -> None:
    found = feature.reading("parcels", "temperature", FAULTY, "1", ALL)
    assert set(found.shift) == {"1", "2"}
    assert sum(len(points) for points in found.shift.values()) == DAYS


def test_a_category_and_a_boolean_are_counted_by_value(seeded: Seeded) -> None:
    carrier = feature.reading("parcels", "carrier", ALL_DAYS, None, ALL).current
    express = feature.reading("parcels", "express", ALL_DAYS, None, ALL).current
    assert carrier is not None
    assert carrier.categories is not None
    assert sum(carrier.categories.values()) == DAYS * PER_DAY
    assert set(carrier.categories) == {"North Post", "Swift", "Blue Van", "Harbour"}
    assert express is not None
    assert express.categories is not None
    assert set(express.categories) == {"no", "yes"}
    assert express.categories["yes"] == pytest.approx(0.25 * DAYS * PER_DAY, rel=0.1)


def test_missing_values_are_a_share_not_zero(seeded: Seeded) -> None:
    weight = feature.reading("parcels", "weight", ALL_DAYS, None, ALL).current
    assert weight is not None
    assert weight.missing == pytest.approx(0.02, abs=0.01)


def test_a_segment_holds_its_own_rows(seeded: Seeded) -> None:
    all_of, own = (feature.reading("parcels", "distance", ALL_DAYS, None, s).current for s in (ALL, "carrier=Harbour"))
    assert all_of is not None
    assert own is not None
    assert own.rows == pytest.approx(all_of.rows * 0.1, rel=0.15)


def test_the_page_opens_with_the_column_that_drifted_most(seeded: Seeded) -> None:
    assert feature.worst_feature("parcels", ALL_DAYS, None) == "temperature"
    assert feature.worst_feature("idle", ALL_DAYS, None) is None


def test_an_alert_leads_to_the_feature_and_window(seeded: Seeded) -> None:
    still, over = records.alerts()
    assert over == []
    view, there = records.target_of(next(alert for alert in still if alert.id == seeded.alert))
    assert view == "feature"
    assert there["feature"] == "temperature"
    assert [delivery.channel for delivery in records.deliveries(seeded.alert)] == ["log"]


def test_the_ledger_adds_up(seeded: Seeded) -> None:
    found = records.sources()
    assert [(source.source, source.received) for source in found] == [("http", 5000), ("labels", 4275)]
    assert all(source.adds_up for source in found)
    assert (records.store_size() or 0) > 0
    done = {job for step in records.progress() if step.until for job in step.jobs}
    assert done >= {"traffic", "drift", "quality", "performance"}
    of_parcels = [job for step in records.progress() if step.model == "parcels" for job in step.jobs]
    assert sorted(of_parcels) == sorted(records.JOBS), "each job is told once"


def test_every_metric_that_is_measured_has_a_title_of_its_own(seeded: Seeded) -> None:
    metrics = {given.metric for given in seeded.runtime.store.measurements.query("parcels")}
    assert metrics <= set(names.measures())
    assert all(measure.title and not measure.title.startswith("_") for measure in names.measures().values())


def test_special_columns_have_names_for_people() -> None:
    numbers = ModelSchema(model="n", task=Task.REGRESSION, features=(), target="price", target_unit="€")
    assert names.column(SCHEMA, "_score").label == "Probability of late"
    assert names.column(numbers, "_score").label == "Predicted price"
    assert names.column(numbers, "_score").unit == "€"
    assert names.column(SCHEMA, "_latency_ms").label == "Latency"
    assert names.column(SCHEMA, "gone").kind is Kind.TEXT


def test_a_measure_in_the_targets_unit_reads_in_it() -> None:
    assert names.measure("performance.mae", "€").unit == "€"
    assert names.measure("performance.mae").unit == ""
    assert names.measure("performance.accuracy", "€").unit == "share"


def test_reading_costs_do_not_grow_with_rows_but_with_cells(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's page reads measurements, never rows."""
    store = seeded.runtime.store
    monkeypatch.setattr(type(store.rows), "inferences", lambda *_, **__: pytest.fail("read rows"))
    monkeypatch.setattr(type(store.rows), "count", lambda *_, **__: pytest.fail("counted rows"))
    model.overview("parcels", ALL_DAYS, None, ALL)
    fleet.fleet()
    feature.reading("parcels", "temperature", ALL_DAYS, None, ALL)


def test_profiles_draw_all_rows(seeded: Seeded) -> None:
    side = feature.reading("parcels", "distance", ALL_DAYS, None, ALL).current
    assert side is not None
    assert side.histogram is not None
    assert side.histogram.total == DAYS * PER_DAY
    assert np.all(np.diff(side.histogram.edges) > 0)


def test_open_alerts_are_listed_by_severity_and_then_by_how_much_they_matter_to_the_model(
    seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = seeded.runtime.store
    one = next(alert for alert in store.alerts.query() if alert.state is AlertState.FIRING)
    given = [
        replace(one, id="less", severity=Severity.WARNING, impact=-0.9),
        replace(one, id="old", severity=Severity.CRITICAL, impact=0.001, since=one.since - 9 * DAY),
        replace(one, id="large", severity=Severity.CRITICAL, impact=0.2),
    ]
    monkeypatch.setattr(store.alerts, "query", lambda **_: given)
    assert [alert.id for alert in records.alerts()[0]] == ["large", "old", "less"]

"""What the jobs measure on a small world: right numbers, and no column that can stop them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score
from wg_world import SCHEMA, World, bend

from monitor.alerts.text import title
from monitor.jobs.drift import DriftJob
from monitor.jobs.estimation import EstimationJob
from monitor.jobs.performance import PerformanceJob
from monitor.jobs.quality import QualityJob
from monitor.jobs.references import source_of
from monitor.jobs.traffic import TrafficJob
from monitor.types import Measurement, ModelSchema, Status, Task, Version


@pytest.fixture(scope="module")
def world() -> World:
    """Ten ordinary days; day 5 has visibility in kilometres, day 6 half of the temperatures missing, day 7 few rows."""
    world = World()
    for day in range(5):
        batch = world.day(day)
        world.label(batch, share=1.0 if day < 3 else 0.1)
    world.day(5, visib=bend(lambda values: values * 1.609))
    world.day(6, temp=lambda values: pa.array(values, mask=np.arange(len(values)) % 2 == 0))
    world.day(7, rows=60)
    world.day(8, version="2", origin=bend(lambda values: np.where(values == "LGA", "HPN", values)))
    return world


def pick(found: Sequence[Measurement], metric: str, feature: str | None = None, segment: str = "all") -> Measurement:
    (one,) = [each for each in found if (each.metric, each.feature, each.segment) == (metric, feature, segment)]
    return one


def test_ordinary_days_breach_nothing(world: World) -> None:
    for day in range(5):
        for job in (DriftJob(), QualityJob()):
            found = job.run(world.context, world.model, world.window(day))
            assert found
            assert not [each for each in found if each.segment == "all" and each.status is Status.BREACH]


def test_a_unit_change_is_told_in_plain_units(world: World) -> None:
    found = DriftJob().run(world.context, world.model, world.window(5))
    drift = pick(found, "drift.wasserstein", "visib")
    assert drift.status is Status.BREACH
    assert drift.rows == 300
    assert drift.details["reference_mean"] == pytest.approx(8.97, abs=0.05)
    assert drift.details["current_mean"] == pytest.approx(14.4, abs=0.2)
    assert float(drift.details["shift_sd"]) > 5  # type: ignore[arg-type]
    fault = pick(QualityJob().run(world.context, world.model, world.window(5)), "quality.out_of_range_share", "visib")
    assert fault.status is Status.BREACH
    assert fault.value == pytest.approx(1.0, abs=0.03)
    assert fault.details["above_share"] == fault.value
    assert fault.details["reference_max"] == 10


def test_missing_values_are_a_share_of_all_rows_with_the_reference_beside_it(world: World) -> None:
    fault = pick(QualityJob().run(world.context, world.model, world.window(6)), "quality.null_share", "temp")
    assert (fault.value, fault.status, fault.details["reference_value"]) == (0.5, Status.BREACH, 0.0)
    always = pick(QualityJob().run(world.context, world.model, world.window(6)), "quality.null_share", "empty")
    assert (always.value, always.status) == (1.0, Status.OK), "a column that was empty in the reference is no news"


def test_few_rows_read_insufficient_never_ok(world: World) -> None:
    for job in (DriftJob(), QualityJob()):
        found = job.run(world.context, world.model, world.window(7))
        assert {each.status for each in found} == {Status.INSUFFICIENT}
        assert pick(found, "drift.wasserstein" if job.name == "drift" else "quality.null_share", "visib").rows == 60


def test_whatever_is_not_judged_says_why(world: World) -> None:
    """Few rows, few labels, a tenth of the labels, no value at all: no number reads insufficient and no more."""
    jobs = (DriftJob(), QualityJob(), PerformanceJob(), EstimationJob())
    found = [each for job in jobs for day in (3, 7) for each in job.run(world.context, world.model, world.window(day))]
    silent = [each for each in found if each.status is Status.INSUFFICIENT]
    assert {each.metric.partition(".")[0] for each in silent} == {"drift", "quality", "performance", "estimation"}
    assert [each.metric for each in silent if not each.details.get("reason")] == []
    assert pick(found, "performance.auc").details["reason"] == "30 labels; 100 are needed"


def test_a_version_without_reference_is_compared_with_the_latest_before_it(world: World) -> None:
    found = DriftJob().run(world.context, world.model, world.window(8))
    assert {each.version for each in found} == {"2"}
    assert pick(found, "drift.jensen_shannon", "origin").details["reference_version"] == "1"
    fault = pick(QualityJob().run(world.context, world.model, world.window(8)), "quality.unseen_share", "origin")
    assert fault.status is Status.BREACH
    assert fault.value == pytest.approx(0.25, abs=0.06)


def test_versions_are_searched_backwards_for_a_reference() -> None:
    def version(name: str, rows: int) -> Version:
        return Version(model="m", version=name, created=World(reference_days=0).clock.now(), reference_rows=rows)

    known = [version("1", 9), version("2", 0), version("3", 5)]
    assert [getattr(source_of(known, name), "version", None) for name in ("1", "2", "3", "new")] == ["1", "1", "3", "3"]
    assert source_of(known[1:2], "2") is None


def test_segments_are_measured_apart(world: World) -> None:
    found = DriftJob().run(world.context, world.model, world.window(0))
    assert {each.segment for each in found} == {"all", "origin=EWR", "origin=JFK", "origin=LGA"}
    traffic = TrafficJob().run(world.context, world.model, world.window(0))
    parts = [each.value for each in traffic if each.metric == "traffic.rows" and each.segment != "all"]
    assert sum(value for value in parts if value is not None) == pick(traffic, "traffic.rows").value == 300


def test_columns_without_meaning_for_drift_are_left_out(world: World) -> None:
    found = DriftJob().run(world.context, world.model, world.window(0))
    assert {each.feature for each in found} == {"visib", "temp", "origin", "empty", "constant", "_score", "_prediction"}
    faults = QualityJob().run(world.context, world.model, world.window(0))
    assert {each.metric for each in faults if each.feature in {"tail", "at"}} <= {
        "quality.null_share",
        "quality.retyped_share",
    }


def test_accuracy_equals_scikit_learn_on_the_same_rows(world: World) -> None:
    found = PerformanceJob().run(world.context, world.model, world.window(0))
    batch = world._batch(0, 300, {}, "1")
    truth = [label == "late" for label in world._truth(batch)]
    score = batch["_score"].to_numpy()
    auc = pick(found, "performance.auc")
    assert auc.value == pytest.approx(roc_auc_score(truth, score), abs=2e-3)
    assert pick(found, "performance.accuracy").value == pytest.approx(accuracy_score(truth, score >= 0.5))
    assert (auc.rows, auc.coverage, auc.status) == (300, 1.0, Status.OK)
    assert "reference_value" in auc.details
    assert pick(found, "performance.label_coverage").value == 1.0


def test_a_tenth_of_the_labels_is_not_enough(world: World) -> None:
    found = PerformanceJob().run(world.context, world.model, world.window(4))
    assert pick(found, "performance.label_coverage").value == pytest.approx(0.1)
    auc = pick(found, "performance.auc")
    assert (auc.status, auc.rows, auc.coverage) == (Status.INSUFFICIENT, 30, pytest.approx(0.1))
    assert auc.details["reason"] == "30 labels; 100 are needed"


def test_no_labels_at_all_still_tells_the_coverage(world: World) -> None:
    found = PerformanceJob().run(world.context, world.model, world.window(5))
    assert pick(found, "performance.label_coverage").value == 0.0


def test_latency_quantiles_are_within_a_bin_of_the_rows(world: World) -> None:
    found = TrafficJob().run(world.context, world.model, world.window(0))
    latency = world._batch(0, 300, {}, "1")["_latency_ms"].to_numpy()
    for name, q in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        assert pick(found, f"traffic.latency_{name}").value == pytest.approx(np.quantile(latency, q), rel=0.12)
    values = [pick(found, f"traffic.latency_{name}").value or 0.0 for name in ("p50", "p95", "p99")]
    assert all(low <= high for low, high in pairwise(values))
    assert pick(found, "traffic.score_mean").value == pytest.approx(2 / 7, abs=0.03)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        (SCHEMA, "Mean probability of late is 25.0 %, above 20.0 %"),
        (
            ModelSchema(model="m", task=Task.MULTICLASS, classes=("a", "b"), features=()),
            "Mean top probability is 25.0 %",
        ),
        (
            ModelSchema(model="m", task=Task.REGRESSION, features=(), target="price", target_unit="$"),
            "Mean predicted price is 0.250 $",
        ),
        (ModelSchema(model="m", task=Task.RANKING, features=()), "Mean highest score of a query is 0.250, above 0.200"),
    ],
    ids=lambda given: given.task.value if isinstance(given, ModelSchema) else "",
)
def test_the_mean_of_what_is_answered_is_called_in_alerts_as_on_pages(world: World, schema, said: str) -> None:
    model = replace(world.model, schema=schema)
    mean = pick(TrafficJob().run(world.context, model, world.window(0)), "traffic.score_mean")
    assert title(model, replace(mean, value=0.25), 0.2).startswith(said)


def test_a_silent_window_measures_no_rows(world: World) -> None:
    (silence,) = TrafficJob().run(world.context, world.model, world.window(9))
    assert (silence.metric, silence.value, silence.status) == ("traffic.rows", 0.0, Status.OK)


def test_without_a_reference_nothing_is_called_ok() -> None:
    world = World(reference_days=0)
    world.day(0)
    assert DriftJob().run(world.context, world.model, world.window(0)) == []


def test_a_broken_column_stops_only_itself(world: World, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*args: object, **kwargs: object) -> pa.Table:
        pieces = world.ingest.pieces(*args, **kwargs)  # type: ignore[arg-type]
        counts = pieces["counts"].to_pylist()
        spoilt = [
            row[:3] if column == "visib" else row
            for row, column in zip(counts, pieces["column"].to_pylist(), strict=True)
        ]
        return pieces.set_column(
            pieces.schema.get_field_index("counts"), "counts", pa.array(spoilt, pa.list_(pa.int64()))
        )

    context = replace(world.context, pieces=broken)
    for job in (DriftJob(), QualityJob()):
        found = job.run(context, world.model, world.window(0))
        spoilt = [each for each in found if each.feature == "visib"]
        assert spoilt
        assert all(
            each.value is None and each.status is Status.INSUFFICIENT and each.details["reason"] for each in spoilt
        )
        assert any(each.status is Status.OK for each in found if each.feature == "temp")
    assert "'visib'" in caplog.text


def test_a_reference_that_was_replaced_is_read_again_however_like_the_old_one() -> None:
    """The same version, window and number of rows, other content: as when a mistaken reference is mended."""
    world = World()
    world.day(0)
    [version] = world.store.catalog.versions("flights")

    def before() -> object:
        return pick(DriftJob().run(world.context, world.model, world.window(0)), "drift.psi", "temp").value

    first = before()
    pieces = world.store.profiles.reference("flights", "1", segment=None)
    hours = pieces["hour"].unique().to_pylist()
    half = pieces.filter(pc.is_in(pieces["hour"], pa.array(hours[: len(hours) // 2], pieces["hour"].type)))
    world.store.profiles.replace_reference("flights", "1", half)
    assert world.store.catalog.versions("flights") == [version]
    assert before() != first

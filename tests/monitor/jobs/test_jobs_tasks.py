"""Accuracy with and without labels of tasks that are not binary, through capture, late labels and jobs."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from monitor.clock import ManualClock
from monitor.config import Config
from monitor.ingest import Ingest
from monitor.jobs import JobContext
from monitor.jobs.estimation import EstimationJob
from monitor.jobs.performance import PerformanceJob
from monitor.jobs.segments import SegmentsJob
from monitor.jobs.tolerance import ToleranceJob
from monitor.schema import conform, conform_reference
from monitor.store import Store
from monitor.types import Feature, Inference, Kind, Label, Model, ModelSchema, Settings, Status, Task, Window

START = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS, REFERENCE, ROWS, SIZE = 4, 16, 400, 8
CLASSES = ("a", "b", "c")
FEATURES = (Feature(name="x", kind=Kind.NUMERIC),)
SCHEMAS = {
    Task.MULTICLASS: ModelSchema(model="m", task=Task.MULTICLASS, classes=CLASSES, features=FEATURES),
    Task.REGRESSION: ModelSchema(model="m", task=Task.REGRESSION, features=FEATURES, target_unit="min"),
    Task.RANKING: ModelSchema(model="m", task=Task.RANKING, features=FEATURES, cutoff=3),
}


def rows(task: Task, day: int) -> tuple[list[object], list[object], list[object]]:
    """Return predictions, scores and labels of a day; what scores mean is the same on every day."""
    rng = np.random.default_rng(100 + day)
    if task is Task.MULTICLASS:
        p = rng.dirichlet([0.6, 0.8, 1.0], ROWS)
        truth = [CLASSES[rng.choice(3, p=each)] for each in p]
        return [None] * ROWS, p.tolist(), truth
    if task is Task.REGRESSION:
        said = rng.gamma(2, 20, ROWS)
        return said.tolist(), [None] * ROWS, (said + rng.normal(0, 3 + said / 5)).tolist()
    grades = rng.choice([0.0, 0.0, 0.0, 1.0, 2.0], (ROWS, SIZE))
    return [None] * ROWS, (grades + rng.normal(0, 1.5, (ROWS, SIZE))).tolist(), grades.tolist()


def world(task: Task) -> SimpleNamespace:
    """A store with a labelled reference and four days: all labels late and out of order, one day with few of them."""
    schema = SCHEMAS[task]
    store = Store.open(":memory:")
    store.catalog.put_model(Model(name="m", schema=schema, settings=Settings(), created=START))
    clock = ManualClock(START + 20 * DAY)
    ingest = Ingest(store, clock, flush_seconds=3600)
    ingest.start()
    parts = [rows(task, -day) for day in range(1, REFERENCE + 1)]
    listed = [[value for part in parts for value in part[at]] for at in range(3)]
    times = [START - day * DAY + timedelta(minutes=3 * row) for day in range(1, REFERENCE + 1) for row in range(ROWS)]
    columns = {
        "x": [float(row % 5) for _ in range(REFERENCE) for row in range(ROWS)],
        "when": pa.array(times, pa.timestamp("us", tz="UTC")),
    }
    given = {"prediction": listed[0]} if task is Task.REGRESSION else {"scores": listed[1]}
    truth = [json.dumps(each) for each in listed[2]] if task is Task.RANKING else listed[2]
    table = pa.table({**columns, **given, "truth": truth})
    places = {name: name for name in given}
    batch = conform_reference(table, schema, time="when", label="truth", **places)
    ingest.register_reference("m", "1", batch, Window(START - REFERENCE * DAY, START))
    days = [rows(task, day) for day in range(DAYS)]
    for day, (predictions, scores, _) in enumerate(days):
        sent = [
            Inference(
                id=f"{day}-{row}", time=START + day * DAY + timedelta(minutes=3 * row), features={"x": float(row % 5)},
                prediction=predictions[row], scores=None if scores[row] is None else tuple(scores[row]),
            )
            for row in range(ROWS)
        ]  # fmt: skip
        batch = conform(sent, schema, source="test", now=clock.now())
        ingest.submit("m", batch, None, source="test", received=ROWS).result()
    context = JobContext(store=store, pieces=ingest.pieces, clock=clock, data_dir=Config().data_dir)
    return SimpleNamespace(store=store, ingest=ingest, context=context, days=days, model=store.catalog.model("m"))


def label(world: SimpleNamespace, day: int, which: list[int], values: list[object] | None = None) -> None:
    truth = world.days[day][2] if values is None else values
    sent = [
        Label(id=f"{day}-{row}", value=tuple(truth[row]) if isinstance(truth[row], list) else truth[row])
        for row in which
    ]
    world.ingest.submit("m", None, sent, source="test", received=len(sent)).result()


def window(day: int) -> Window:
    return Window(START + day * DAY, START + (day + 1) * DAY)


def measured(world: SimpleNamespace, job: object, day: int) -> dict[str, object]:
    found = job.run(world.context, world.model, window(day))
    world.store.measurements.put(found)
    return {each.metric.partition(".")[2]: each for each in found if each.segment == "all"}


def oracle(task: Task, predictions: list, scores: list, truth: list) -> dict[str, float]:
    """Return what scikit-learn says of all rows."""
    if task is Task.REGRESSION:
        return {"mae": metrics.mean_absolute_error(truth, predictions)}
    p = np.array(scores)
    if task is Task.RANKING:
        return {"ndcg": metrics.ndcg_score(truth, p, k=3)}
    one_hot = np.array(truth)[:, None] == np.array(CLASSES)
    predicted = np.array(CLASSES)[p.argmax(axis=1)]
    return {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "precision": metrics.precision_score(truth, predicted, average="macro"),
        "recall": metrics.recall_score(truth, predicted, average="macro"),
        "f1": metrics.f1_score(truth, predicted, average="macro"),
        "auc": metrics.roc_auc_score(truth, p, multi_class="ovr"),
        "brier": float(((p - one_hot) ** 2).sum(axis=1).mean()),
        "log_loss": metrics.log_loss(truth, p, labels=list(CLASSES)),
    }


@pytest.fixture(params=list(SCHEMAS), ids=lambda task: task.value, scope="module")
def told(request):
    """The world of each task; its days are estimated before any label comes."""
    made = world(request.param)
    made.task = request.param
    made.estimated = [measured(made, EstimationJob(), day) for day in range(DAYS)]
    yield made
    made.ingest.stop()
    made.store.close()


def test_estimates_are_near_what_labels_say_and_bands_hold_it(told):
    held = []
    for day, estimated in enumerate(told.estimated):
        for name, truth in oracle(told.task, *told.days[day]).items():
            given = estimated[name]
            assert given.status is Status.OK
            low, high = given.interval
            assert low <= given.value <= high
            half = (high - low) / 2
            assert half < 0.3 * abs(truth)
            assert abs(given.value - truth) < 2 * half
            held.append(low <= truth <= high)
    assert np.mean(held) >= 0.7


def test_every_task_has_a_tolerance_that_estimates_are_held_against(told):
    """Ordinary days are within it; before any label has come it is known, and in the unit of the estimate."""
    (tolerated,) = ToleranceJob().run(told.context, told.model, window(0))
    assert tolerated.status is Status.OK
    assert tolerated.rows == ROWS
    name = {Task.MULTICLASS: "accuracy", Task.REGRESSION: "mae", Task.RANKING: "ndcg"}[told.task]
    assert tolerated.details["metric"] == name
    estimate = told.estimated[0][name].value
    loss = estimate if told.task is Task.REGRESSION else 1 - estimate
    assert tolerated.details["usual"] == pytest.approx(loss, rel=0.3)
    assert loss < tolerated.value


def test_realised_from_late_partial_and_corrected_labels(told):
    wrong = list(reversed(told.days[0][2]))
    label(told, 0, list(range(ROWS - 1, 199, -1)), wrong)  # half of them, out of order and mistaken
    half = measured(told, PerformanceJob(), 0)
    assert half["label_coverage"].value == pytest.approx(0.5)
    label(told, 0, list(range(ROWS)))  # corrected, and the rest
    found = measured(told, PerformanceJob(), 0)
    assert found["label_coverage"].value == 1
    for name, truth in oracle(told.task, *told.days[0]).items():
        assert found[name].value == pytest.approx(truth, abs=0.003 if name == "auc" else 1e-5 * max(1, truth))
        assert found[name].rows == ROWS
        assert "reference_value" in found[name].details
        assert half[name].value != found[name].value


def test_labels_of_odd_rows_are_told_from_typical_ones(told):
    """Labels come for the rows with the highest scores only: that is said, and weighing by score mends what it can."""
    predictions, scores, truth = told.days[1]
    score = np.array([np.max(each) for each in scores]) if told.task is not Task.REGRESSION else np.array(predictions)
    keep = np.random.default_rng(0).random(ROWS) < np.where(score > np.median(score), 0.95, 0.25)
    label(told, 1, np.flatnonzero(keep).tolist())
    found = measured(told, PerformanceJob(), 1)
    coverage = found["label_coverage"].details
    assert coverage["missing_at_random"] is False
    assert "higher" in coverage["missing"]
    name = {Task.MULTICLASS: "accuracy", Task.REGRESSION: "mae", Task.RANKING: "ndcg"}[told.task]
    whole = oracle(told.task, predictions, scores, truth)[name]
    assert abs(found[name].details["reweighted"] - whole) < abs(found[name].value - whole)


def test_labels_of_typical_rows_are_said_to_be_typical(told):
    label(told, 2, list(range(0, ROWS, 2)))
    found = measured(told, PerformanceJob(), 2)
    assert found["label_coverage"].details["missing_at_random"] is True


def test_labels_that_miss_one_predicted_class_are_told_by_class():
    """The top scores of that class are like the others', so that scores show nothing."""
    told = world(Task.MULTICLASS)
    predictions, scores, truth = told.days[2]
    said = np.argmax(np.array(scores), axis=1)
    keep = np.random.default_rng(1).random(ROWS) < np.where(said == 2, 0.25, 0.95)
    label(told, 2, np.flatnonzero(keep).tolist())
    found = measured(told, PerformanceJob(), 2)
    coverage = found["label_coverage"].details
    assert coverage["missing_at_random"] is False
    shares = [keep[of].mean() * 100 for of in (said == 2, said != 2)]
    assert f"{shares[0]:.1f} % of predictions of c have one, and {shares[1]:.1f} % of the others" in coverage["missing"]
    whole = oracle(Task.MULTICLASS, predictions, scores, truth)["accuracy"]
    by_class = sum(
        np.mean(said == k) * np.mean([truth[r] == CLASSES[k] for r in np.flatnonzero(keep & (said == k))])
        for k in range(3)
    )
    assert found["accuracy"].details["reweighted"] == pytest.approx(by_class)
    assert abs(by_class - whole) < 0.1


def test_a_segment_in_which_labels_turn_is_found_and_named(told):
    wrong = {
        Task.MULTICLASS: lambda label: CLASSES[CLASSES.index(label) - 1],
        Task.REGRESSION: lambda label: label + 40,
        Task.RANKING: lambda label: label[::-1],
    }[told.task]
    truth = [wrong(each) if row % 5 == 2 else each for row, each in enumerate(told.days[3][2])]
    label(told, 3, list(range(ROWS)), truth)
    (found,) = SegmentsJob().run(told.context, told.model, window(3))
    assert found.status is Status.BREACH
    assert found.rows == ROWS
    assert found.details["name"] == "x 2"
    assert found.details["segment_rows"] == ROWS / 5
    if told.task is Task.RANKING:
        assert "labelled queries of this window" in found.details["said"]

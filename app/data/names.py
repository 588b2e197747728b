"""What measures and special columns are called by people, and which of a column's measures speaks for it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

import monitor.drift
import monitor.performance
import monitor.quality
from explain.reasons import is_share
from monitor.drift import DriftMeasure
from monitor.performance import PerformanceMeasure
from monitor.plugins import plugins
from monitor.profile.derived import derived
from monitor.profile.texts import FIGURES as TEXT_FIGURES
from monitor.quality import QualityMeasure
from monitor.types import Feature, Kind, ModelSchema, Task

SHIFT = ("drift.wasserstein", "drift.jensen_shannon")
"""The measures that say whether a column has drifted: one for numbers, one for categories. The others are shown."""

WORTH = "performance.value_per_prediction"
"""Measured where the owner says what answers are worth; in the unit said there."""

EVIDENCE = "detection.evidence"
"""What the detector says of a column, over all traffic; with it the measures of shift only say how large it is."""

EFFECTS = ("detection.shift", "detection.divergence", "detection.nulls")
"""How large the detector's changes are, whatever the evidence; without thresholds."""

QUALITY_FIRST = {Task.BINARY: "auc", Task.MULTICLASS: "accuracy", Task.REGRESSION: "mae", Task.RANKING: "ndcg"}
"""The measure that speaks for a model's accuracy."""


@dataclass(frozen=True, slots=True)
class Measure:
    """How a metric reads. ``better`` is "higher", "lower" or empty."""

    title: str
    unit: str = ""
    better: str = ""
    tasks: frozenset[Task] = frozenset()


@cache
def measures() -> dict[str, Measure]:
    """Every metric's title and unit, from its plug-in."""
    found = {
        "traffic.rows": Measure("Predictions"),
        "traffic.latency_p50": Measure("Latency, median", "ms", "lower"),
        "traffic.latency_p95": Measure("Latency, 95th percentile", "ms", "lower"),
        "traffic.latency_p99": Measure("Latency, 99th percentile", "ms", "lower"),
        "traffic.device_time_p50": Measure("Device time, median", "ms", "lower"),
        "traffic.device_time_p95": Measure("Device time, 95th percentile", "ms", "lower"),
        "traffic.device_time_p99": Measure("Device time, 99th percentile", "ms", "lower"),
        "traffic.device_memory_p50": Measure("Peak device memory, median", "MiB", "lower"),
        "traffic.device_memory_p95": Measure("Peak device memory, 95th percentile", "MiB", "lower"),
        "traffic.device_memory_p99": Measure("Peak device memory, 99th percentile", "MiB", "lower"),
        "traffic.score_mean": Measure("Mean score"),
        EVIDENCE: Measure("Evidence of change", "share", "lower"),
        "detection.shift": Measure("Shift of ranks", "sd"),
        "detection.divergence": Measure("Jensen–Shannon distance"),
        "detection.nulls": Measure("Change of missing values", "share"),
        "performance.label_coverage": Measure("Labels arrived", "share", "higher"),
        "classifier.auc": Measure("Told apart from the reference by a classifier"),
        "segments.scan": Measure("Segment that stands out most", "", "lower"),
        "harm.loss": Measure("Mean loss", "", "lower"),
        "tolerance.loss": Measure("Mean loss that is tolerated"),
        "impact.shift": Measure("Impact of the shift"),
        "attribution.change": Measure("Change of the mean contribution"),
        "attribution.ndcg": Measure("Agreement of what it goes by (nDCG)", "", "higher"),
        "attribution.rank": Measure("Rank correlation of what it goes by", "", "higher"),
        WORTH: Measure("Value of a prediction", "", "higher", frozenset({Task.BINARY})),
        "estimation.value_per_prediction": Measure("Value of a prediction, estimated", "", "higher"),
    }
    for name, drift in plugins(monitor.drift, DriftMeasure).items():
        own = Measure(drift.title.partition(",")[0], "column", "lower")
        found[f"drift.{name}"] = own if drift.scaled else Measure(drift.title, drift.unit, "lower")
    for name, quality in plugins(monitor.quality, QualityMeasure).items():
        found[f"quality.{name}"] = Measure(quality.title, "share", "lower")
    for name, performance in plugins(monitor.performance, PerformanceMeasure).items():
        found[f"performance.{name}"] = Measure(
            performance.title, performance.unit, performance.better, frozenset(performance.tasks)
        )
        found[f"estimation.{name}"] = replace(found[f"performance.{name}"], title=f"{performance.title}, estimated")
    return found


_FIGURES = {"size": "bytes", "norm": "norm", "mean": "mean of its numbers"} | TEXT_FIGURES


def measure(metric: str, target_unit: str = "", column_unit: str = "") -> Measure:
    """How one metric reads; an unknown one by its own name, in words.

    Args:
        metric: such as ``performance.mae``.
        target_unit: of the model's target, for measures in it.
        column_unit: of the column, for measures in it.

    >>> measure("performance.mae", "min").unit, measure("performance.odd_one").title
    ('min', 'Odd one')
    """
    known = measures().get(metric) or Measure(metric.partition(".")[2].replace("_", " ").capitalize() or metric)
    return replace(known, unit={"target": target_unit, "column": column_unit}.get(known.unit, known.unit))


def accuracy_metrics(task: Task) -> list[str]:
    """The accuracy metrics of a task, the one that speaks for the model first."""
    fitting = [name for name, m in measures().items() if name.startswith("performance.") and task in m.tasks]
    return sorted(fitting, key=lambda name: (name != f"performance.{QUALITY_FIRST[task]}", measures()[name].title))


def column(schema: ModelSchema, name: str) -> Feature:
    """A column as people know it: a feature, or the model's own answer."""
    known = schema.feature(name)
    if known is not None:
        return replace(known, unit="characters") if known.kind is Kind.TEXT else known
    if name in derived(schema):
        origin, figure = derived(schema)[name]
        label = next(feature.label for feature in schema.features if feature.name == origin)
        return Feature(name=name, kind=Kind.NUMERIC, title=f"{label}, {_FIGURES[figure]}")
    if name == "_score":
        return Feature(name=name, kind=Kind.NUMERIC, title=score_title(schema), unit=score_unit(schema))
    if name == "_prediction":
        return Feature(name=name, kind=Kind.CATEGORICAL, title="Predicted class")
    if name == "_joint":
        return Feature(name=name, kind=Kind.NUMERIC, title="How columns go together")
    if name == "_new":
        return Feature(
            name=name,
            kind=Kind.CATEGORICAL,
            title="Unknown columns",
            description="whether a row carried columns that the schema does not know",
        )
    if name == "_latency_ms":
        return Feature(name=name, kind=Kind.NUMERIC, title="Latency", unit="ms")
    return Feature(name=name, kind=Kind.TEXT)


def inputs_of(schema: ModelSchema, columns: Iterable[str | None]) -> set[str]:
    """The model's inputs that columns are, or are figures of: a text with three changed figures is one input."""
    figures = derived(schema)
    origins = {figures[name][0] if name in figures else name for name in columns if name is not None}
    return {name for name in origins if schema.feature(name) is not None}


def score_title(schema: ModelSchema) -> str:
    """What the model's score means."""
    if schema.task is Task.REGRESSION:
        return f"Predicted {schema.target}"
    if schema.task is Task.RANKING:
        return "Highest score of a query"
    return (
        f"Probability of {schema.classes[-1]}" if schema.task is Task.BINARY and schema.classes else "Top probability"
    )


def score_unit(schema: ModelSchema, answer: float = 0.0) -> str:
    """The score's unit: a share for classes, the target's for numbers; none of an answer that is a raw score.

    >>> schema = ModelSchema(model="m", task=Task.BINARY, features=())
    >>> score_unit(schema, 0.7), score_unit(schema, 9.04)
    ('share', '')
    """
    if schema.task is Task.RANKING:
        return ""
    if schema.task is Task.REGRESSION:
        return schema.target_unit
    return "share" if is_share(answer) else ""

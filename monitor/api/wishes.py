"""What an owner asks to be told of, checked when it is written down: a rule that can never speak is a mistake."""

import math
from collections.abc import Iterable

import monitor.alerts.channels
import monitor.drift
import monitor.performance
import monitor.quality
from monitor.alerts.channels import AlertChannel
from monitor.alerts.readings import check_rule
from monitor.drift import DriftMeasure
from monitor.errors import InvalidInput
from monitor.jobs.performance import COVERAGE
from monitor.jobs.traffic import METRICS
from monitor.performance import PerformanceMeasure
from monitor.plugins import plugins
from monitor.quality import QualityMeasure
from monitor.schema.held import ARRAYS
from monitor.triage.loss import LOSSES
from monitor.types import ALL, Keep, Model, Rule, Task

_OWN_BOUND = ("drift.", "quality.")
"""Metrics that are measured with a threshold; a rule about another needs one."""


def check_wishes(model: Model) -> None:
    """Refuse rules and channels that could never be heard of.

    Raises:
        InvalidInput: a rule's metric, feature or segment is none of the model's, it has no threshold where the metric
            has none, or its numbers are out of range; a channel is not known or its target not of the channel's form.
    """
    known = metrics(model.schema.task)
    _check_segments(model)
    _check_tolerance(model)
    for rule in model.settings.rules or ():
        check_rule(rule)
        _check_metric(rule, known)
        _check_place(rule, model)
    channels = plugins(monitor.alerts.channels, AlertChannel)
    for channel in model.settings.channels:
        if channel.kind not in channels:
            raise InvalidInput(f"settings.channels: there is no channel {channel.kind!r}; there are {_all(channels)}")
        channels[channel.kind]().check(channel.target)


def _check_segments(model: Model) -> None:
    """Refuse segments by what may not be kept: what is left of such a row would not tell its segment."""
    for name in model.settings.segments:
        feature = model.schema.feature(name)
        if feature is not None and (feature.kind in ARRAYS or feature.store not in (None, Keep.FULL)):
            raise InvalidInput(
                f"settings.segments: {name!r} is {feature.kind}"
                f"{f' with store {feature.store.value}' if feature.store else ''}; features of which every value is "
                "kept and that are no images, embeddings or sequences are allowed"
            )


def _check_tolerance(model: Model) -> None:
    """Refuse a tolerance for what no loss is known of, and amounts that no loss can have."""
    wished, allowed = model.settings.tolerance, LOSSES[model.schema.task]
    if wished.metric is not None and wished.metric not in allowed:
        raise InvalidInput(
            f"settings.tolerance: metric is {wished.metric!r}; a {model.schema.task} model has {_all(allowed)}"
        )
    if wished.amount is not None and not 0 <= wished.amount < math.inf:
        raise InvalidInput(f"settings.tolerance: amount is {wished.amount!r}; 0 or a positive number is allowed")


def metrics(task: Task) -> list[str]:
    """Return the names of everything that is measured of a model of this task.

    >>> "performance.mae" in metrics(Task.REGRESSION), "performance.auc" in metrics(Task.REGRESSION)
    (True, False)
    """
    judged = plugins(monitor.performance, PerformanceMeasure)
    found = [f"drift.{name}" for name in plugins(monitor.drift, DriftMeasure)]
    found += [f"quality.{name}" for name in plugins(monitor.quality, QualityMeasure)]
    found += [f"performance.{name}" for name, measure in judged.items() if task in measure.tasks]
    return sorted([*found, COVERAGE, *METRICS])


def _check_metric(rule: Rule, known: Iterable[str]) -> None:
    families = {name.partition(".")[0] for name in known}
    if rule.metric.partition(".")[0].rstrip("*") in families:  # a job of another family may measure what it likes
        meant = [name for name in known if name == rule.metric or _begins(name, rule.metric)]
        if not meant:
            raise InvalidInput(f"rule {rule.name!r}: metric is {rule.metric!r}; this model has {_all(known)}")
        if rule.threshold is None and not all(name.startswith(_OWN_BOUND) for name in meant):
            raise InvalidInput(f"rule {rule.name!r}: {rule.metric} has no threshold of its own; give the rule one")


def _begins(name: str, pattern: str) -> bool:
    return pattern.endswith("*") and name.startswith(pattern[:-1])


def _check_place(rule: Rule, model: Model) -> None:
    names = [feature.name for feature in model.schema.features]
    if not names:
        return  # they are read from the first reference
    if rule.feature is not None and rule.feature not in names and not rule.feature.startswith("_"):
        raise InvalidInput(f"rule {rule.name!r}: feature is {rule.feature!r}; this model has {_all(names)}")
    segments = model.segments
    if rule.segment != ALL and not any(rule.segment.startswith(f"{name}=") for name in segments):
        allowed = _all(f"{name}=value" for name in segments)
        raise InvalidInput(
            f"rule {rule.name!r}: segment is {rule.segment!r}; allowed: all{', ' * bool(allowed)}{allowed}"
            " (settings.segments names the features whose values are monitored apart)"
        )


def _all(names: Iterable[str]) -> str:
    return ", ".join(names)

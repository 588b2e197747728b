"""Triage of a window from what jobs measured of it."""

from collections.abc import Sequence

from monitor.triage.decompose import Fall
from monitor.triage.evidence import Harm
from monitor.triage.loss import Loss
from monitor.triage.tolerance import Bound
from monitor.triage.verdict import Band, Finding, Triage, triage
from monitor.types import ALL, Measurement, Scalar


def triage_window(findings: Sequence[Finding], measured: Sequence[Measurement]) -> Triage:
    """Return the pages and digest lines of a window.

    Args:
        findings: what was detected in it: faults, drift, joint drift. Segments are read off ``measured``.
        measured: measurements of one version. Of ``harm.loss`` the newest with a value counts, since labels come late,
            and where there is none ``tolerance.loss``; of ``estimation.*``, ``impact.shift`` and ``segments.scan``
            those of the newest window.
    """
    whole = [each for each in measured if each.segment == ALL and each.value is not None]
    tolerated, realised, fall = _harm(whole)
    impacts = {
        each.feature: each.value
        for each in _newest(whole, "impact.shift")
        if each.feature is not None and each.value is not None
    }
    return triage(
        [*findings, *_segments(whole)],
        tolerated=tolerated,
        realised=realised,
        estimate=None if tolerated is None else _estimate(whole, tolerated.metric),
        impacts=impacts,
        fall=fall,
    )


def _newest(measured: Sequence[Measurement], metric: str) -> list[Measurement]:
    own = [each for each in measured if each.metric == metric]
    last = max((each.window.end for each in own), default=None)
    return [each for each in own if each.window.end == last]


def _number(value: Scalar) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def bound_of(given: Measurement, most: float) -> Bound:
    """Return what is tolerated, from the details of a measurement and the largest mean loss that is no harm."""
    usual, amount = _number(given.details.get("usual")), _number(given.details.get("tolerated"))
    unit = str(given.details.get("unit") or "")
    return Bound(str(given.details.get("metric")), usual, amount, most - usual - amount, unit)


def _harm(measured: Sequence[Measurement]) -> tuple[Bound | None, Harm | None, Fall | None]:
    found = next(iter(_newest(measured, "harm.loss")), None)
    if found is None or found.value is None or found.threshold is None:
        alone = next(iter(_newest(measured, "tolerance.loss")), None)
        return None if alone is None or alone.value is None else bound_of(alone, alone.value), None, None
    said = found.details
    tolerated = bound_of(found, found.threshold)
    total = found.value * found.rows
    loss = Loss(found.rows, total, total)
    realised = Harm(_number(said.get("reached")), bool(said.get("open")), bool(said.get("new")), -1, loss)
    if "covariate" not in said:
        return tolerated, realised, None
    covariate, concept = _number(said["covariate"]), _number(said["concept"])
    return tolerated, realised, Fall(covariate + concept, covariate, concept)


def _estimate(measured: Sequence[Measurement], metric: str) -> Band | None:
    found = next(iter(_newest(measured, f"estimation.{metric}")), None)
    if found is None or found.interval is None:
        return None
    return Band(metric, *found.interval, trusted=bool(found.details.get("trusted", True)))


def _segments(measured: Sequence[Measurement]) -> list[Finding]:
    return [
        Finding("segment", (str(each.details["feature"]),), str(each.details["said"]), each.value or 0.0)
        for each in _newest(measured, "segments.scan")
        if each.details.get("new") is True
    ]

"""One window of one version through its detector: what it says, what is remembered of it, and its measurements."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from monitor.detection import Chunk, Detection, Readings, State, stack
from monitor.detection.channels import mean_score
from monitor.detection.columns import CHANNELS
from monitor.detection.faults import FAULTS, NEW_COLUMNS
from monitor.detection.tallies import Tallies
from monitor.drift import describe
from monitor.drift.jensen_shannon import JensenShannon
from monitor.jobs.alike import alike
from monitor.jobs.detectors import Watch
from monitor.jobs.reached import faulty, share
from monitor.profile.binning import NEW
from monitor.profile.column import ColumnProfile
from monitor.profile.comoments import JOINT
from monitor.types import Measurement, Model, Scalar, Status, Window

EVIDENCE: Final = "detection.evidence"
"""How much of what raises an alarm is there: 0 for nothing, 1 for an alarm; evidence counts by its logarithm."""

SHIFT, DIVERGENCE, NULLS = "detection.shift", "detection.divergence", "detection.nulls"
"""Effect sizes: the shift of ranks in reference deviations; Jensen-Shannon distance; change of the share of nulls."""

_DISTANCE = JensenShannon()


@dataclass(frozen=True, eq=False)
class Step:
    """One window of one version.

    Attributes:
        version: whose.
        window: which.
        watch: the detector it was judged by.
        chunk: its profiles.
        readings: what it says, before evidence.
        before, after: what the detector remembered.
        detection: what was found, if anything.
        event: the event of the calendar that the window meets, if any; it gives no evidence of drift then.
    """

    version: str
    window: Window
    watch: Watch
    chunk: Chunk
    readings: Readings
    before: State
    after: State
    detection: Detection | None
    event: str = ""


def step(
    version: str,
    window: Window,
    watch: Watch,
    chunk: Chunk,
    before: State,
    event: str = "",
    readings: Readings | None = None,
) -> Step:
    """Take one window in. Deterministic: the same profiles and memory give the same step.

    Args:
        version: whose.
        window: which.
        watch: what it is judged by.
        chunk: its profiles.
        before: what the detector remembers.
        event: the event of the calendar that it meets.
        readings: what the chunk says, if it has been read already: that does not depend on the dial.
    """
    read = watch.detector.read(stack([chunk])) if readings is None else readings
    heard = _excused(read) if event else read
    after, detection = watch.detector.advance(before, heard, 0)
    return Step(version, window, watch, chunk, heard, before, after, detection, event)


def _excused(read: Readings) -> Readings:
    """Return what a window of a known event says: that it lies elsewhere is no news, and what is broken is."""
    faults = read.faults.copy()
    faults[..., FAULTS.index("displaced")] = -np.inf
    return replace(read, z=np.full_like(read.z, np.nan), faults=faults)


def measurements(model: Model, taken: Step) -> list[Measurement]:
    """Return what is measured of one step: the model's evidence, and each column's with its effect sizes."""
    detector = taken.watch.detector
    reached = detector.reached(taken.before, taken.after, taken.readings, 0)
    if taken.detection is not None:
        reached = max(reached, taken.detection.evidence)
    fault = float(taken.readings.faults.max(initial=-np.inf)) / detector.fault_z
    rows = max((profile.rows for profile in taken.chunk.profiles.values()), default=0)
    found = [
        _measurement(
            model,
            taken,
            EVIDENCE,
            max(share(reached, detector.threshold), faulty(fault)),
            rows,
            threshold=1.0,
            status=Status.BREACH if taken.after.open else Status.OK,
            details={
                "title": "Evidence of change",
                "detected": taken.detection.kind if taken.detection else None,
                "evidence": reached,
                "open": len(taken.after.open),
                "dial": detector.dial,
            },
        )
    ]
    for place, name in enumerate(detector.laws):
        found += _column(model, taken, name, place)
    found += _together(model, taken, rows)
    for name, why in taken.watch.broken.items():
        found.append(_insufficient(model, taken, name, why))
    return found


def _column(model: Model, taken: Step, name: str, place: int) -> Iterator[Measurement]:
    detector, current, whole = taken.watch.detector, taken.chunk.profiles.get(name), taken.watch.whole[name]
    z, faults = taken.readings.z[0, place], taken.readings.faults[0, place]
    if current is None:
        yield _insufficient(model, taken, name, "no rows of this column")
        return
    broken = [NEW_COLUMNS if name == NEW else FAULTS[at] for at in np.flatnonzero(faults >= detector.fault_z)]
    details: dict[str, Scalar] = {"title": "Evidence of change", "faults": ", ".join(broken)}
    details |= {f"z_{channel}": round(float(at), 3) for channel, at in zip(CHANNELS, z, strict=True) if at == at}
    if name != NEW:
        details |= describe(whole, current) | alike(detector, name, taken.window.start, current, whole)
    details |= {
        "null_share": current.nulls / current.rows if current.rows else None,
        "reference_null_share": whole.nulls / whole.rows if whole.rows else None,
        "unseen_share": current.unseen / current.present if current.present else None,
        "outside_share": (current.below + current.above) / current.present if current.present else None,
    }
    silent = name in taken.after.silent
    if not (np.isfinite(z).any() or broken or taken.event):
        yield _insufficient(model, taken, name, "too few values to say anything", current.rows)
    else:
        part = share(detector.weighed(taken.after).get(name, 0.0), detector.threshold)
        yield _measurement(
            model,
            taken,
            EVIDENCE,
            max(part, faulty(float(faults.max(initial=-np.inf)) / detector.fault_z)),
            current.rows,
            feature=name,
            threshold=1.0,
            status=Status.BREACH if silent else Status.OK,
            details=details,
        )
    yield from _effects(model, taken, name, current, whole)


def _together(model: Model, taken: Step, rows: int) -> Iterator[Measurement]:
    """Yield how columns go together: the evidence of pairs and of the classifier, and the pair that changed most."""
    detector, told = taken.watch.detector, taken.chunk.comoments
    if detector.joint is None:
        return
    details: dict[str, Scalar] = {"title": "Evidence that columns go together otherwise"}
    z = taken.readings.z[0, -1]
    if not np.isfinite(z).any() and not taken.event:
        yield _insufficient(model, taken, JOINT, "too few rows to say anything", rows)
        return
    details |= {f"z_{name}": round(float(at), 3) for name, at in (("pairs", z[1]), ("classifier", z[2])) if at == at}
    pair = None if told is None else detector.joint.pair(told.matrix.astype(np.float64), told.columns)
    if pair is not None:
        first, second, now, before = pair
        details |= {"column": first, "other": second, "correlation": now, "reference_correlation": before}
    part = share(detector.weighed(taken.after).get(JOINT, 0.0), detector.threshold)
    status = Status.BREACH if JOINT in taken.after.silent else Status.OK
    yield _measurement(model, taken, EVIDENCE, part, rows, feature=JOINT, threshold=1.0, status=status, details=details)


def _effects(
    model: Model, taken: Step, name: str, current: ColumnProfile, whole: ColumnProfile
) -> Iterator[Measurement]:
    """Yield how large the change is, whatever the evidence."""
    law = taken.watch.detector.laws[name]
    if name == NEW:
        return
    if current.present and law.scores is not None:
        moved = float(mean_score(Tallies.of([current]), law.scores)[0] - mean_score(Tallies.of([whole]), law.scores)[0])
        yield _measurement(
            model, taken, SHIFT, moved, current.present, feature=name, details={"title": "Shift", "unit": "sd"}
        )
    elif current.present and whole.present and law.location is not None:
        apart = _DISTANCE.score(whole, current)
        details: dict[str, Scalar] = {"title": _DISTANCE.title}
        yield _measurement(model, taken, DIVERGENCE, apart, current.present, feature=name, details=details)
    if current.rows and whole.rows:
        change = current.nulls / current.rows - whole.nulls / whole.rows
        about: dict[str, Scalar] = {"title": "Change of missing values", "unit": "share"}
        yield _measurement(model, taken, NULLS, change, current.rows, feature=name, details=about)


def _measurement(
    model: Model,
    taken: Step,
    metric: str,
    value: float | None,
    rows: int,
    *,
    feature: str | None = None,
    threshold: float | None = None,
    status: Status = Status.OK,
    details: dict[str, Scalar] | None = None,
) -> Measurement:
    said: dict[str, Scalar] = dict(details or {}) | {"calibrated": taken.watch.detector.calibrated}
    if taken.event:
        said["event"] = taken.event
    if feature is not None and feature in taken.watch.since:
        said["since"] = taken.watch.since[feature].isoformat()
    return Measurement(
        model=model.name,
        version=taken.version,
        metric=metric,
        feature=feature,
        window=taken.window,
        value=value,
        rows=rows,
        threshold=threshold,
        status=Status.INSUFFICIENT if value is None else status,
        details=said,
    )


def _insufficient(model: Model, taken: Step, name: str, why: str, rows: int = 0) -> Measurement:
    return _measurement(model, taken, EVIDENCE, None, rows, feature=name, threshold=1.0, details={"reason": why})

"""In which segment a model is wrong: every window's labels, by every one-feature segment, against its own past."""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np

from monitor.detection.evidence import SEGMENT_SHARE
from monitor.jobs import Job, JobContext
from monitor.jobs.past import counts_by_window, reference_by_window
from monitor.jobs.performance import MIN_LABELS
from monitor.jobs.windows import length
from monitor.profile.binning import Binning
from monitor.profile.segment_sums import SEGMENTS, SegmentSums, read_segments, segments_of
from monitor.profile.values import Ints
from monitor.segments import CHANNELS, Hit, Residuals, Scan, ScanState, segment_words
from monitor.segments.depth import narrowed
from monitor.segments.scan import ENOUGH, MOST
from monitor.segments.threshold import POOLED, unlearned
from monitor.segments.words import all_words
from monitor.types import Measurement, Model, Scalar, Status, Task, Window

METRIC: Final = "segments.scan"
ROWS: Final = 5_000
"""How many labelled rows of a window are looked at, below a hit, for the part of the segment it is about."""

_BACK: Final = MOST + max(POOLED)


class SegmentsJob(Job):
    """Measures ``segments.scan`` by version: how far the segment that stands out most is, in units of the threshold.

    1 or more is a hit; the details name the segment (``name``), say what is wrong (``said``), and ``new`` tells whether
    it opens an incident. It learns from the reference's chunks and from windows without a hit, the newest 90 of them.
    """

    name: ClassVar[str] = "segments"
    late: ClassVar[bool] = True

    def __init__(self) -> None:
        self._thresholds: dict[tuple[str, str], tuple[object, float]] = {}

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Scan every version that has labels in the window."""
        binning = context.store.catalog.binning(model.name)
        if binning is None:
            return []
        found = counts_by_window(context, model, binning, window, SEGMENTS, _BACK)
        return [
            self._version(context, model, binning, window, version, windows)
            for version, windows in sorted(found.items())
            if window in windows
        ]

    def _version(
        self,
        context: JobContext,
        model: Model,
        binning: Binning,
        window: Window,
        version: str,
        windows: dict[Window, Ints],
    ) -> Measurement:
        now = read_segments(windows[window], model.schema, binning)
        rows = _rows(now)
        coverage = rows / (rows + now.unkept) if rows + now.unkept else None
        hits, state = self._told(context, model, window, version)
        recent = [each for each in sorted(windows, key=lambda w: w.start) if each.end <= window.end][-max(POOLED) :]
        span = max(POOLED) * length(model)
        before = [each for each in windows if each.end <= window.end - span and each not in hits]
        reference = reference_by_window(context, model, binning, version, SEGMENTS)
        known = _ordinary(reference | {each: windows[each] for each in before}, model, binning)
        if rows < MIN_LABELS or len(known) < ENOUGH:
            reason = (
                f"{rows:,} labelled rows; {MIN_LABELS} are needed"
                if rows < MIN_LABELS
                else f"{len(known)} windows with labels before this one, in the reference or since; {ENOUGH} are needed"
            )
            return _measurement(model, version, window, rows, coverage, {"reason": reason}, None)
        threshold = self._threshold(context, model, binning, version, reference)
        scan = Scan.fit(Residuals.of(known), threshold=threshold)
        chunks = Residuals.of([read_segments(windows[each], model.schema, binning) for each in recent])
        hit = scan.peak(chunks, scan.read(chunks), len(recent) - 1, state)
        if hit is None:
            reason = "no segment has labelled rows enough"
            return _measurement(model, version, window, rows, coverage, {"reason": reason}, None)
        after = state.next(hit=hit.reached >= 1)
        details = _details(model, hit, after)
        if hit.reached >= 1:
            batch = context.store.rows.inferences(model.name, window=window, version=version, labelled=True, limit=ROWS)
            part = narrowed(batch, model.schema, binning, hit)
            details |= {} if part is None else {"within": segment_words(part, model.schema)}
        return _measurement(model, version, window, rows, coverage, details, hit)

    def _threshold(
        self, context: JobContext, model: Model, binning: Binning, version: str, reference: Mapping[Window, Ints]
    ) -> float:
        """Return the threshold that a version's reference gives; it is learned once until the reference changes.

        A reference with few labelled windows gives the one that holds for any.
        """
        place = (model.name, version)
        dial = model.settings.dial or 1.0
        stamp = (context.store.profiles.references_replaced(model.name), binning.id, model.settings.window_hours, dial)
        if self._thresholds.get(place, (None,))[0] != stamp:
            known = _ordinary(reference, model, binning)
            if len(known) < ENOUGH:
                found = unlearned(len(segments_of(model.schema, binning)) * len(CHANNELS), dial * SEGMENT_SHARE)
            else:
                found = Scan.fit(Residuals.of(known), dial=dial).threshold
            self._thresholds[place] = (stamp, found)
        return self._thresholds[place][1]

    def _told(self, context: JobContext, model: Model, window: Window, version: str) -> tuple[set[Window], ScanState]:
        """Return the windows before this one that had a hit, and the state after the last of them."""
        earlier = context.store.measurements.query(
            model.name,
            metric=METRIC,
            version=version,
            start=window.start - _BACK * length(model),
            end=window.start,
        )
        last = earlier[-1].details if earlier else {}
        calm = last.get("calm", 0)
        state = ScanState(open=bool(last.get("open", False)), calm=calm if isinstance(calm, int) else 0)
        return {each.window for each in earlier if each.status is Status.BREACH}, state


def _ordinary(windows: Mapping[Window, Ints], model: Model, binning: Binning) -> list[SegmentSums]:
    """Return the sums of the newest windows with labels enough, in order of time."""
    read = (read_segments(windows[each], model.schema, binning) for each in sorted(windows, key=lambda w: w.start))
    return [each for each in read if _rows(each) >= MIN_LABELS][-MOST:]


def _rows(sums: SegmentSums) -> int:
    """Return how many labelled rows are in the segments: those of any one feature hold all of them."""
    first = [at for at, each in enumerate(sums.segments) if each.feature == sums.segments[0].feature]
    return int(np.maximum(sums.sums("n")[first], 0).sum())


def _details(model: Model, hit: Hit, state: ScanState) -> dict[str, Scalar]:
    words = segment_words(hit.segment, model.schema)
    return {
        "title": "segment that stands out most",
        "unit": "times the threshold",
        "feature": hit.segment.feature,
        "name": words,
        "said": said(hit, words, model),
        "channel": hit.channel,
        "z": hit.z,
        "effect": hit.effect,
        "segment_rows": hit.rows,
        "pooled": hit.pooled,
        "others": all_words(hit.others, model.schema),
        "new": hit.reached >= 1 and hit.new,
        "open": state.open,
        "calm": state.calm,
    }


def said(hit: Hit, words: str, model: Model) -> str:
    """Return what is wrong in a segment, as a sentence."""
    over = "this window" if hit.pooled == 1 else f"the last {hit.pooled} windows"
    ranking = model.schema.task is Task.RANKING
    rows = f"{hit.rows:,} labelled {'queries' if ranking else 'rows'} of {over}"
    if ranking and hit.channel == "residual":
        how = f"{abs(hit.effect):.3f} {'lower' if hit.effect > 0 else 'higher'}"
        return f"{words}: nDCG@{model.schema.cutoff} is {how} there than the past says ({rows})."
    if ranking:
        return f"{words}: bad rankings are {'more' if hit.effect > 0 else 'less'} common there than they were ({rows})."
    if model.schema.task is Task.REGRESSION:
        if hit.channel == "residual":
            return f"{words}: predictions are too {'high' if hit.effect > 0 else 'low'} there ({rows})."
        return f"{words}: errors are {'larger' if hit.effect > 0 else 'smaller'} there than they were ({rows})."
    if hit.channel == "residual":
        what = "the model is right" if model.schema.task is Task.MULTICLASS else f"{model.schema.classes[-1]!r} came"
        more = "more" if hit.effect > 0 else "less"
        return f"{words}: {what} {abs(hit.effect) * 100:.1f} pp {more} often than scores and the past say ({rows})."
    return f"{words}: scores are {'worse' if hit.effect > 0 else 'better'} there than they were ({rows})."


def _measurement(
    model: Model,
    version: str,
    window: Window,
    rows: int,
    coverage: float | None,
    details: dict[str, Scalar],
    hit: Hit | None,
) -> Measurement:
    status = Status.INSUFFICIENT if hit is None else Status.BREACH if hit.reached >= 1 else Status.OK
    return Measurement(
        model=model.name,
        version=version,
        metric=METRIC,
        window=window,
        value=None if hit is None else hit.reached,
        rows=rows,
        coverage=coverage,
        threshold=1.0,
        status=status,
        details=details,
    )

"""Whether what a model goes by has changed: contributions of a window's sampled rows beside those of the reference."""

from collections.abc import Iterator
from typing import ClassVar, Final

import numpy as np
import pyarrow.compute as pc

from monitor.errors import InvalidInput, Unavailable
from monitor.jobs import Job, JobContext
from monitor.profile.binning import SCORE
from monitor.profile.values import Ints
from monitor.store.attributions import AttributedSample
from monitor.triage.attribution import FEWEST, Drift, drift
from monitor.types import Measurement, Model, Scalar, Status, Window

CHANGE: Final = "attribution.change"
NDCG: Final = "attribution.ndcg"
RANK: Final = "attribution.rank"
METRICS: Final = (CHANGE, NDCG, RANK)
"""Everything it measures."""

_TITLES: Final = {
    CHANGE: "change of the mean contribution",
    NDCG: "agreement of what it goes by (nDCG)",
    RANK: "rank correlation of what it goes by",
}


class AttributionJob(Job):
    """Measures by version how a window's explained rows differ from the reference's.

    ``attribution.change`` by feature is the change of the mean size of its contributions, with a 95 % interval and what
    it has to exceed; ``attribution.ndcg`` the agreement of the rankings, with what is usual of windows like those of
    the reference; ``attribution.rank`` their rank correlation. Where no row can be explained, the details say why.
    """

    name: ClassVar[str] = "attribution"
    slow: ClassVar[bool] = True

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Compare every version that predicted something in the window."""
        if context.store.catalog.binning(model.name) is None:
            return []
        pieces = context.pieces(model.name, window, columns=[SCORE])
        found: list[Measurement] = []
        for version in sorted(pc.unique(pieces["version"]).to_pylist()):
            found += _version(context, model, version, window)
        return found


def _version(context: JobContext, model: Model, version: str, window: Window) -> list[Measurement]:
    if context.attribute is None:
        return [_nothing(model, version, window, "nothing here explains rows")]
    try:
        basis = context.attribute(model, version, window)
    except (InvalidInput, Unavailable) as error:
        if context.stopping.is_set():
            raise Unavailable("the server stops; the window is explained after the next start") from error
        return [_nothing(model, version, window, str(error))]
    reference, current = (
        context.store.attributions.sample(model.name, version, basis, start) for start in (None, window.start)
    )
    rows = 0 if current is None else len(current.amounts)
    known = None
    if reference is not None and current is not None:
        known = drift(current.features, reference.amounts, _windows(reference, model), current.amounts)
    if known is None:
        reason = (
            f"{rows} rows were explained, and {FEWEST} with finite contributions are needed, here and of the reference"
        )
        return [_nothing(model, version, window, reason, rows)]
    return list(_measured(model, version, window, known))


def _windows(sample: AttributedSample, model: Model) -> Ints:
    """Return which of the model's windows each row was in."""
    return np.asarray(sample.times // (model.settings.window_hours * 3600), dtype=np.int64)


def _nothing(model: Model, version: str, window: Window, reason: str, rows: int = 0) -> Measurement:
    return Measurement(
        model=model.name,
        version=version,
        metric=NDCG,
        window=window,
        value=None,
        rows=rows,
        status=Status.INSUFFICIENT,
        details={"title": _TITLES[NDCG], "reason": reason},
    )


def _measured(model: Model, version: str, window: Window, known: Drift) -> Iterator[Measurement]:
    for each in known.changes:
        details: dict[str, Scalar] = {
            "title": _TITLES[CHANGE],
            "reference": each.reference,
            "reference_low": each.reference_low,
            "reference_high": each.reference_high,
            "current": each.current,
            "current_low": each.current_low,
            "current_high": each.current_high,
        }
        yield Measurement(
            model=model.name,
            version=version,
            metric=CHANGE,
            feature=each.feature,
            window=window,
            value=each.change,
            rows=known.rows,
            interval=each.interval,
            threshold=each.threshold,
            status=Status.BREACH if each.clear else Status.OK,
            details=details,
        )
    for metric, value, least in ((NDCG, known.ndcg, known.usual_ndcg), (RANK, known.rank, None)):
        status = Status.INSUFFICIENT if value is None else Status.OK
        yield Measurement(
            model=model.name,
            version=version,
            metric=metric,
            window=window,
            value=value,
            rows=known.rows,
            threshold=least,
            status=Status.BREACH if metric == NDCG and known.clear else status,
            details={"title": _TITLES[metric]} | ({"unusable_rows": known.unusable} if known.unusable else {}),
        )

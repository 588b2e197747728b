"""How much each column's shift matters to the model: what the digest is ranked by."""

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np

from monitor.jobs import Job, JobContext
from monitor.jobs.cells import Cell, cells
from monitor.jobs.references import ModelReferences, source_of
from monitor.profile.binning import Binning
from monitor.profile.column import ColumnProfile
from monitor.profile.pieces import merge
from monitor.profile.segment_sums import SEGMENTS, SegmentSums, read_segments
from monitor.profile.values import Floats
from monitor.triage.impact import attribution_weights, distance_weights, impact, score_weights, size_weights
from monitor.types import ALL, Explanation, Kind, Measurement, Model, Scalar, Status, Window

METRIC: Final = "impact.shift"
EXPLAINED: Final = 500
"""How many explanations or sampled rows of a version, the newest, are read for the weights of bins."""

ROWS: Final = 10_000
"""How many rows of a reference are read for scores by bin, where no sums of its labelled rows tell them."""

_PLAIN: Final = (Kind.NUMERIC, Kind.INTEGER, Kind.BOOLEAN, Kind.CATEGORICAL)
_BASES: Final = {"attributions": "mean size of attributions", "score": "distance of scores from their mean"}


class ImpactJob(Job):
    """Measures ``impact.shift`` by version and feature: Σ over bins of (share now − share before) × weight.

    The weight of a bin is the mean |attribution| there, or how far the mean score there is from that of all
    (``details["basis"]``). It is no test: a large one matters if the column has drifted.
    """

    name: ClassVar[str] = "impact"

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str], tuple[object, SegmentSums | None]] = {}
        self._rows: dict[tuple[str, str], tuple[object, Mapping[str, Floats | None]]] = {}

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Weigh the shift of every feature of every version."""
        binning = context.store.catalog.binning(model.name)
        if binning is None:
            return []
        references, explained = context.references.of(context.store, model), _explained(context, model)
        names = [each.name for each in model.schema.features if each.name in binning.columns]
        found = []
        for cell in cells(context, model, window, ColumnProfile, columns=names):
            if cell.segment != ALL or cell.profile is None or not cell.profile.present:
                continue
            sums = self._scores(context, model, binning, cell.version)
            sampled = context.store.attributions.sizes(model.name, cell.version, cell.column, EXPLAINED)
            weights = size_weights(*sampled, cell.profile.binning)
            if weights is None:  # rows that somebody picked say less of all rows, and more than nothing
                weights = attribution_weights(explained.get(cell.version, []), cell.column, cell.profile.binning)
            basis = "attributions"
            if weights is None:
                basis, weights = (
                    "score",
                    None if sums is None else score_weights(sums, cell.column, cell.profile.binning),
                )
            if weights is None:
                weights = self._distances(context, model, binning, cell.version).get(cell.column)
            found += _cell(model, window, cell, cell.profile, references, weights, basis)
        return found

    def _distances(
        self, context: JobContext, model: Model, binning: Binning, version: str
    ) -> Mapping[str, Floats | None]:
        """Return the weights by column that scores of the reference's rows give, read once until it changes."""
        source = source_of(context.store.catalog.versions(model.name), version)
        if source is None:
            return {}
        place = (model.name, source.version)
        stamp = (context.store.profiles.references_replaced(model.name), binning.id, model.schema)
        if self._rows.get(place, (None,))[0] != stamp:
            rows = context.store.catalog.reference(model.name, source.version, limit=ROWS)
            scores = rows["_score"].to_numpy().astype(np.float64)
            plain = [each.name for each in model.schema.features if each.kind in _PLAIN]
            self._rows[place] = (
                stamp,
                {
                    name: distance_weights(rows[name].to_pylist(), scores, binning.columns[name])
                    for name in plain
                    if name in binning.columns and name in rows.column_names
                },
            )
        return self._rows[place][1]

    def _scores(self, context: JobContext, model: Model, binning: Binning, version: str) -> SegmentSums | None:
        """Return the sums of segments of the reference that speaks for a version, read once until it changes."""
        source = source_of(context.store.catalog.versions(model.name), version)
        if source is None:
            return None
        place = (model.name, source.version)
        stamp = (context.store.profiles.references_replaced(model.name), binning.id, model.schema)
        if self._sums.get(place, (None,))[0] != stamp:
            pieces = context.store.profiles.reference(model.name, source.version, columns=[SEGMENTS])
            merged = merge(pieces, ["column", "binning"])
            own = [row for row, made in enumerate(merged["binning"].to_pylist()) if made == binning.id]
            sums = read_segments(merged["counts"][own[0]].values.to_numpy(), model.schema, binning) if own else None
            self._sums[place] = (stamp, sums)
        return self._sums[place][1]


def _explained(context: JobContext, model: Model) -> Mapping[str, list[Explanation]]:
    """Return the newest explanations of each version."""
    found: dict[str, list[Explanation]] = {}
    for each in context.store.explanations.query(model.name, limit=EXPLAINED):
        found.setdefault(each.version, []).append(each)
    return found


def _cell(
    model: Model,
    window: Window,
    cell: Cell[ColumnProfile],
    profile: ColumnProfile,
    references: ModelReferences,
    weights: Floats | None,
    basis: str,
) -> list[Measurement]:
    reference = references.get(cell.version, ALL, cell.column)
    if reference is None or not isinstance(reference.whole, ColumnProfile):
        return []
    details: dict[str, Scalar] = {"title": "impact of the shift", "basis": _BASES[basis]}
    if weights is None:
        details = {"title": "impact of the shift", "reason": "no explanations, and no scores in the reference"}
    return [
        Measurement(
            model=model.name,
            version=cell.version,
            metric=METRIC,
            feature=cell.column,
            window=window,
            value=None if weights is None else impact(reference.whole, profile, weights),
            rows=profile.present,
            status=Status.INSUFFICIENT if weights is None else Status.OK,
            details=details,
        )
    ]

"""Whether a window's rows can be told from the reference's at all: a classifier's test on the reservoir's rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Final, cast

import numpy as np
import pyarrow as pa

from monitor.detection import Chunk
from monitor.detection.embedding import Directions
from monitor.detection.heavy import ENOUGH
from monitor.detection.samples import FEWEST, LEAST_CHUNKS, SampleLaw
from monitor.jobs import Job, JobContext
from monitor.jobs.bags import bags
from monitor.jobs.detectors import Watch
from monitor.jobs.references import source_of
from monitor.jobs.windows import length
from monitor.profile.binning import Binning
from monitor.profile.comoments import JOINT, coded_rows, joined
from monitor.profile.placed import Placed
from monitor.profile.ranks import REACH
from monitor.profile.values import Floats
from monitor.types import Kind, Measurement, Model, ModelSchema, Scalar, Status, Version, Window

METRIC: Final = "classifier.auc"
"""The area under the curve of the classifier; ½ means that it cannot tell them apart. Its z-score is evidence."""

REFERENCE_ROWS: Final = 60_000
"""Rows of a reference that are looked at."""

_STEPS = 20  # of the reservoir, that is a million rows
_LEARN = 5_000  # rows that directions of embeddings and of texts are learned from, and that are read at a time


@dataclass(frozen=True, eq=False)
class _Fitted:
    """What a version's rows are held against: the law, and how rows become ranks."""

    stamp: object
    law: SampleLaw | None
    directions: Mapping[str, Directions] = field(default_factory=dict)


class ClassifierJob(Job):
    """Measures ``classifier.auc`` by version, before the detector looks at the window.

    It sees what no single column and no pair shows, embeddings and the words of kept texts among it. Its time does not
    grow with traffic: it looks at 500 rows of the window and 1,000 of the reference.
    """

    name: ClassVar[str] = "classifier"

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], _Fitted] = {}

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Tell the window's rows of each version from its reference's."""
        store = context.store
        binning = store.catalog.binning(model.name)
        if binning is None or model.settings.dial is None:
            return []
        for _ in range(_STEPS):  # rows that have come are in the reservoir before it is read
            if not store.reservoir.step(model.name, store.rows.last_seq(model.name), context.clock.now()):
                break
        rows = store.reservoir.rows(model.name, window)
        versions = rows["_version"].to_numpy(zero_copy_only=False)
        found = []
        for version in sorted(set(versions.tolist())):
            source = source_of(store.catalog.versions(model.name), version)
            if source is not None and source.reference is not None:
                own = rows.filter(pa.array(versions == version))
                found.append(self._version(context, model, binning, window, version, source, own))
        return found

    def _version(
        self,
        context: JobContext,
        model: Model,
        binning: Binning,
        window: Window,
        version: str,
        source: Version,
        rows: pa.Table,
    ) -> Measurement:
        fitted = self._fitted(context, model, binning, source)
        if fitted.law is None:
            reason = f"the reference has fewer than {LEAST_CHUNKS} windows of {FEWEST} rows, or no columns to compare"
            return _measurement(model, version, window, None, rows.num_rows, {"reason": reason})
        ranks = _ranks(rows, model.schema, binning, fitted.directions)
        told = fitted.law.told(ranks, int(window.start.timestamp()))
        if told is None:
            reason = f"{rows.num_rows:,} rows in the reservoir; {FEWEST} are needed"
            return _measurement(model, version, window, None, rows.num_rows, {"reason": reason})
        details: dict[str, Scalar] = {
            "title": "Told apart from the reference by a classifier",
            "unit": "area under the curve",
            "z": round(told.z, 3),
            "columns": ", ".join(told.columns),
            "reference_windows": fitted.law.chunks,
            "calibrated": fitted.law.chunks >= ENOUGH,
        }
        return _measurement(model, version, window, told.auc, rows.num_rows, details)

    def _fitted(self, context: JobContext, model: Model, binning: Binning, source: Version) -> _Fitted:
        """Return what a version is held against, learned once until the reference or the bins change."""
        place = (model.name, source.version)
        stamp = (
            context.store.profiles.references_replaced(model.name),
            context.store.catalog.reference_mark(model.name),
            binning.id,
            model.settings.window_hours,
        )
        known = self._known.get(place)
        if known is None or known.stamp != stamp:
            rows = context.store.catalog.reference(model.name, source.version, limit=REFERENCE_ROWS)
            directions = _directions(rows, model.schema)
            names = [*joined(model.schema, binning)]
            names += [name for name, found in directions.items() for _ in range(found.basis.shape[1])]
            hours = rows["_time"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
            chunk = hours // (length(model).total_seconds() * 1e6)
            ranks = _ranks(rows, model.schema, binning, directions)
            known = _Fitted(stamp, SampleLaw.fit(names, ranks, chunk.astype(np.int64)), directions)
            self._known[place] = known
        return known


def separations(context: JobContext, model: Model, window: Window) -> dict[tuple[str, datetime], float]:
    """Return the z-scores that were measured in some windows, by version and when a window began."""
    found: dict[tuple[str, datetime], float] = {}
    for given in context.store.measurements.query(
        model.name, metric=METRIC, start=window.start, end=window.end, limit=1_000_000
    ):
        z = given.details.get("z")
        if given.window.length == length(model) and isinstance(z, float | int):
            found[given.version, given.window.start] = float(z)
    return found


def heard(watch: Watch, version: str, chunk: Chunk, told: Mapping[tuple[str, datetime], float]) -> Chunk:
    """Return a chunk with what the classifier says of it, from `separations`.

    Nothing, where its owner took a new way of going together for normal: the classifier knows the reference only.
    """
    return chunk if JOINT in watch.since else replace(chunk, separation=told.get((version, chunk.start)))


def _directions(rows: pa.Table, schema: ModelSchema) -> dict[str, Directions]:
    found = {}
    for feature in schema.features:
        if feature.kind in (Kind.EMBEDDING, Kind.TEXT) and feature.name in rows.column_names:
            learned = Directions.fit(_vectors(rows[feature.name].slice(0, _LEARN)))
            if learned is not None:
                found[feature.name] = learned
    return found


def _vectors(column: pa.ChunkedArray) -> Sequence[Sequence[float | None] | None]:
    """Return embeddings as they are, and texts by their words."""
    return cast("Sequence[Sequence[float]]", bags(column)) if pa.types.is_string(column.type) else column.to_pylist()


def _ranks(rows: pa.Table, schema: ModelSchema, binning: Binning, directions: Mapping[str, Directions]) -> Floats:
    """Return the ranks of rows, [n, J], from −1 to 1; 0 where a value is not there."""
    plain = coded_rows(Placed(rows, binning), joined(schema, binning)) / REACH
    more = [placed(rows[name], found) for name, found in directions.items()]
    return np.concatenate([plain, *more], axis=1)


def placed(column: pa.ChunkedArray, directions: Directions) -> Floats:
    """Return the ranks of a column's embeddings or texts, [n, D]: some at a time, vectors take hundreds of numbers."""
    parts = [directions.ranks(_vectors(column.slice(at, _LEARN))) for at in range(0, max(1, len(column)), _LEARN)]
    return np.concatenate(parts)


def _measurement(
    model: Model, version: str, window: Window, value: float | None, rows: int, details: dict[str, Scalar]
) -> Measurement:
    return Measurement(
        model=model.name,
        version=version,
        metric=METRIC,
        window=window,
        value=value,
        rows=rows,
        status=Status.INSUFFICIENT if value is None else Status.OK,
        details=details,
    )

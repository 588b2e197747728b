"""What current profiles are compared with: a version's reference, and what its ordinary chunks stay under.

Reading a reference costs more than reading a window, so its total and the thresholds that follow from its chunks (as
long as the model's windows, so that both vary alike) are remembered until the reference or the binning changes.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

import monitor.drift
import monitor.quality
from monitor.drift import DriftMeasure
from monitor.drift.threshold import Calibration, chunk_threshold
from monitor.jobs import wholes
from monitor.jobs.ordinary import quality_threshold
from monitor.plugins import plugins
from monitor.profile.binning import OUTCOME, Binning
from monitor.profile.build import profile_at, read
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.profile.pieces import merge
from monitor.quality import QualityMeasure
from monitor.store import Store
from monitor.types import Model, Version

TOGETHER: Final = 32
"""How many columns are read at a time: the store looks at all of a reference each time, and all at once take memory."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reference:
    """One column of one version's reference in one segment.

    Attributes:
        version: whose reference it is.
        whole: the profile of all its rows.
        thresholds: by a drift measure's name, the bound that ordinary chunks of it stay under.
        ordinary: by a quality measure's name, likewise.
    """

    version: str
    whole: ColumnProfile | Outcome
    thresholds: Mapping[str, Calibration]
    ordinary: Mapping[str, float]


class References:
    """Remembers what references were read. Used by one thread at a time (the scheduler's lock)."""

    def __init__(self) -> None:
        found = plugins(monitor.drift, DriftMeasure)
        self._measures = [measure() for measure in found.values()]
        faults = plugins(monitor.quality, QualityMeasure)
        self._faults = [measure() for measure in faults.values()]
        self._stamps: dict[tuple[str, str], object] = {}
        self._known: dict[tuple[str, str], dict[str, dict[str, Reference]]] = {}

    def of(self, store: Store, model: Model) -> "ModelReferences":
        """Return the references of a model as they are registered now, for one run of a job."""
        return ModelReferences(self, store, model)

    def segments(
        self, store: Store, model: Model, binning: Binning, source: Version, column: str
    ) -> dict[str, Reference]:
        """Return a column's reference by segment, read once until the reference or the binning changes.

        Raises:
            ValueError: the stored reference cannot be read.
        """
        place = (model.name, source.version)
        known = self._known.get(place)
        stamp = (store.profiles.references_replaced(model.name), binning.id, model.schema, model.settings.window_hours)
        if known is None or self._stamps.get(place) != stamp:
            known = self._all(store, model, binning, source.version)
            self._known[place], self._stamps[place] = known, stamp  # both or, where reading fails, neither
        if column not in known:  # one that could not be read: let it be said why
            known[column] = self._load(store, model, binning, source.version, column)
        return known[column]

    def _all(self, store: Store, model: Model, binning: Binning, version: str) -> dict[str, dict[str, Reference]]:
        """Read all columns: as an earlier process kept them, or from their hours, and then keep them."""
        measures = [*self._measures, *self._faults]
        basis = wholes.basis_of(model, binning, measures)
        replaced = store.profiles.references_replaced(model.name)
        known: dict[str, dict[str, Reference]] = {}
        try:
            for segment, column, whole, bounds in wholes.unpacked(
                store.profiles.wholes(model.name, version, basis), binning, model
            ):
                known.setdefault(column, {})[segment] = Reference(version, whole, *bounds)
        except (ValueError, KeyError) as error:
            _log.error("model %s: the kept reference cannot be read and is made again: %s", model.name, error)
            known = {}
        if known:
            return known
        names = [*binning.columns, OUTCOME]
        for at in range(0, len(names), TOGETHER):
            some = names[at : at + TOGETHER]
            pieces = store.profiles.reference(model.name, version, columns=some, segment=None)
            for column in some:
                with suppress(ValueError):  # it is told where the column is asked for
                    own = pieces.filter(pc.equal(pieces["column"], column))
                    known[column] = self._by_segment(own, model, binning, version, column)
        rows = [
            wholes.packed(segment, binning.id, found.whole, (found.thresholds, found.ordinary))
            for segments in known.values()
            for segment, found in segments.items()
        ]
        if rows and not store.database.in_transaction:
            store.profiles.keep_wholes(model.name, version, basis, wholes.table(rows), replaced)
        return known

    def _load(self, store: Store, model: Model, binning: Binning, version: str, column: str) -> dict[str, Reference]:
        """Read one column's reference in every segment."""
        pieces = store.profiles.reference(model.name, version, columns=[column], segment=None)
        return self._by_segment(pieces, model, binning, version, column)

    def _by_segment(
        self, pieces: pa.Table, model: Model, binning: Binning, version: str, column: str
    ) -> dict[str, Reference]:
        """Return what one column's hourly pieces come to in each segment."""
        pieces = pieces.filter(pc.equal(pieces["binning"], binning.id))
        found = {}
        for segment in pc.unique(pieces["segment"]).to_pylist():
            part = pieces.filter(pc.equal(pieces["segment"], segment))
            whole = read(part, binning, model.schema)[column]
            chunks = [chunk for chunk in _chunks(part, binning, model) if isinstance(chunk, ColumnProfile)]
            found[segment] = self._calibrated(version, whole, chunks)
        return found

    def _calibrated(self, version: str, whole: ColumnProfile | Outcome, chunks: Sequence[ColumnProfile]) -> Reference:
        if not isinstance(whole, ColumnProfile):
            return Reference(version, whole, {}, {})
        return Reference(
            version,
            whole,
            {each.name: chunk_threshold(each, chunks) for each in self._measures if whole.kind in each.kinds},
            {each.name: quality_threshold(each, whole, chunks) for each in self._faults if whole.kind in each.kinds},
        )


class ModelReferences:
    """The references of one model at one moment."""

    def __init__(self, references: References, store: Store, model: Model) -> None:
        self._references, self._store, self._model = references, store, model
        self._binning = store.catalog.binning(model.name)
        self._versions = store.catalog.versions(model.name)

    def get(self, version: str, segment: str, column: str) -> Reference | None:
        """Return the reference of a column, or None where there is none or it holds no such segment.

        A version without a reference of its own is compared with that of the latest version before it which has one.

        Raises:
            ValueError: the stored reference cannot be read.
        """
        source = source_of(self._versions, version)
        if source is None or self._binning is None:
            return None
        return self._references.segments(self._store, self._model, self._binning, source, column).get(segment)


def source_of(versions: Sequence[Version], version: str) -> Version | None:
    """Return the version whose reference speaks for ``version``: itself, else the latest before it, else the first.

    Args:
        versions: the registered versions, oldest first.
        version: the one that serves; it need not be registered.
    """
    names = [known.version for known in versions]
    until = names.index(version) if version in names else len(names)
    own = [known for known in versions if known.version == version and known.reference_rows]
    before = [known for known in versions[:until] if known.reference_rows]
    after = [known for known in versions[until:] if known.reference_rows]
    return next(iter([*own, *reversed(before), *after]), None)


def _chunks(pieces: pa.Table, binning: Binning, model: Model) -> Iterator[ColumnProfile | Outcome]:
    """Yield one column's profile of each stretch of the reference that is as long as a window of the model."""
    length = model.settings.window_hours * 3_600_000_000
    hours = pieces["hour"].cast(pa.int64()).to_numpy()
    column = pieces.schema.get_field_index("hour")
    chunked = pieces.set_column(column, "hour", pa.array(hours // length * length))
    merged = merge(chunked, ["column", "binning", "hour"])
    for row, name in enumerate(merged["column"].to_pylist()):
        yield profile_at(merged, row, binning, model.schema, name)

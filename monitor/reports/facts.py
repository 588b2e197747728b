"""What a report is about, read once: measurements, alerts, profiles and the ledger of one window."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from monitor.clock import Clock
from monitor.profile.binning import PREDICTION, SCORE
from monitor.profile.build import read
from monitor.profile.column import ColumnProfile
from monitor.store import Store
from monitor.types import ALL, Alert, LedgerLine, Measurement, Model, Status, Window


class Reference(Protocol):
    """One column's reference."""

    @property
    def whole(self) -> object:
        """Its profile."""
        ...


class ModelReferences(Protocol):
    """The references of one model."""

    def get(self, version: str, segment: str, column: str) -> Reference | None:
        """Return a column's reference, or None."""
        ...


class References(Protocol):
    """Reads references."""

    def of(self, store: Store, model: Model) -> ModelReferences:
        """Return those of one model."""
        ...


class Pieces(Protocol):
    """Reads a consistent snapshot of profile pieces."""

    def __call__(
        self, model: str, window: Window, *, columns: Sequence[str] | None = None, segment: str | None = None
    ) -> pa.Table:
        """Return the pieces of all hours in the window."""
        ...


class Context(Protocol):
    """What a report needs of the context that jobs run in."""

    @property
    def store(self) -> Store:
        """Where everything is kept."""
        ...

    @property
    def pieces(self) -> Pieces:
        """Reads profiles."""
        ...

    @property
    def stopping(self) -> Event:
        """Set when the server stops."""
        ...

    @property
    def clock(self) -> Clock:
        """Tells when the report is written."""
        ...

    @property
    def references(self) -> References:
        """Reads references."""
        ...

    @property
    def base_url(self) -> str:
        """Where the dashboard is; empty if unknown."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a report is about.

    Attributes:
        measurements: of all traffic (not of segments), of the model's own windows inside ``window``, in order of time.
        alerts: those open at some time in the window, newest first.
        current: by column, the profile over the whole window of the version that served most of it.
        reference: by column, what it is compared with.
        version: the version that served most of the window; empty without traffic.
        ledger: rows by their fate since the model was registered.
        evidently: the name of Evidently's page beside this one, if it could be made.
        evidently_note: what was left out of it, or why there is none.
    """

    model: Model
    window: Window
    made: datetime
    base_url: str
    measurements: Sequence[Measurement]
    alerts: Sequence[Alert]
    current: Mapping[str, ColumnProfile]
    reference: Mapping[str, ColumnProfile]
    version: str
    ledger: Sequence[LedgerLine]
    evidently: Path | None = None
    evidently_note: str = ""

    def of(self, metric: str) -> list[Measurement]:
        """Return the measurements of one metric, or of all that begin as ``metric`` does up to its ``*``."""
        if metric.endswith("*"):
            return [each for each in self.measurements if each.metric.startswith(metric[:-1])]
        return [each for each in self.measurements if each.metric == metric]

    def told(self, version: str | None = None) -> dict[str, list[Measurement]]:
        """Return by column what the detector said of it in each window, of one version or all; empty with it off."""
        found: dict[str, list[Measurement]] = {}
        for each in enough(self.of("detection.evidence")):
            if each.feature is not None and version in (None, each.version):
                found.setdefault(each.feature, []).append(each)
        return found

    def by_version(self, metric: str) -> dict[str, Sequence[Measurement]]:
        """Return the measurements of one metric by version."""
        found: dict[str, list[Measurement]] = {}
        for each in self.of(metric):
            found.setdefault(each.version, []).append(each)
        return dict(sorted(found.items()))


def gather(context: Context, model: Model, window: Window) -> Facts:
    """Read everything a report on one window says."""
    store = context.store
    length = timedelta(hours=model.settings.window_hours)
    measured = store.measurements.query(model.name, segment=ALL, start=window.start, end=window.end)
    measurements = [each for each in measured if each.window.end <= window.end and each.window.length == length]
    alerts = store.alerts.query(model.name, end=window.end)
    rows: Counter[str] = Counter()
    for each in measurements:
        if each.metric == "traffic.rows":
            rows[each.version] += each.rows
    version = rows.most_common(1)[0][0] if rows else ""
    current = _current(context, model, window, version)
    references = context.references.of(store, model)
    reference = {}
    for column in current:
        found = references.get(version, ALL, column)
        if found is not None and isinstance(found.whole, ColumnProfile):
            reference[column] = found.whole
    return Facts(
        model=model,
        window=window,
        made=context.clock.now(),
        base_url=context.base_url,
        measurements=measurements,
        alerts=[each for each in alerts if each.resolved is None or each.resolved > window.start],
        current=current,
        reference=reference,
        version=version,
        ledger=store.ledger.lines(model.name),
    )


def _current(context: Context, model: Model, window: Window, version: str) -> dict[str, ColumnProfile]:
    """Return each column's profile over the window; a column that cannot be read is left out."""
    binning = context.store.catalog.binning(model.name)
    if binning is None or not version:
        return {}
    names = [feature.name for feature in model.schema.features if feature.name in binning.columns]
    pieces = context.pieces(model.name, window, columns=[*names, SCORE, PREDICTION], segment=ALL)
    mine = pieces.filter(pc.and_(pc.equal(pieces["version"], version), pc.equal(pieces["binning"], binning.id)))
    found = {}
    for column in pc.unique(mine["column"]).to_pylist():
        try:
            profile = read(mine.filter(pc.equal(mine["column"], column)), binning, model.schema)[column]
        except ValueError:
            continue  # the jobs have measured it as insufficient and logged why
        if isinstance(profile, ColumnProfile):
            found[column] = profile
    return found


def enough(measurements: Sequence[Measurement]) -> list[Measurement]:
    """Return those that stand on enough rows and have a value."""
    return [each for each in measurements if each.status is not Status.INSUFFICIENT and each.value is not None]

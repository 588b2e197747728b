"""Reading a window's profiles one by one, so that a broken column stops nothing but itself."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from monitor.profile.binning import OUTCOME, Binning
from monitor.profile.build import profile_at
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.profile.pieces import merge
from monitor.types import Measurement, Model, Scalar, Status, Window

if TYPE_CHECKING:
    from monitor.jobs import JobContext

P = TypeVar("P", ColumnProfile, Outcome)
_log = logging.getLogger(__name__)

NOT_COMPARABLE = (
    "not comparable: these hours were counted in the bins of an earlier reference, and their rows are no longer kept "
    "to be counted again"
)
"""Why a column of a window cannot be measured."""


@dataclass(frozen=True, slots=True)
class Cell(Generic[P]):
    """One column's profile in one version and segment; ``profile`` is None where it could not be read."""

    version: str
    segment: str
    column: str
    profile: P | None
    error: str = ""


def cells(
    context: "JobContext", model: Model, window: Window, kind: type[P], columns: Sequence[str] | None = None
) -> Iterator[Cell[P]]:
    """Yield the window's profiles of one kind, by column, version and segment; failures are logged and yielded as such.

    Pieces made with an earlier binning do not compare with the reference and are left out; a column that has no others
    in this window says so. A model that has no binning yet has no profiles. Without ``columns`` every column but the
    outcome is read.
    """
    binning = context.store.catalog.binning(model.name)
    if binning is None:
        return
    wanted = [name for name in binning.columns if name != OUTCOME] if columns is None else columns
    pieces = context.pieces(model.name, window, columns=wanted)
    current = pieces.filter(pc.equal(pieces["binning"], binning.id))
    if len(current) < len(pieces):
        for version, segment, column in _incomparable(pieces, binning, model, window):
            yield Cell(version, segment, column, None, NOT_COMPARABLE)
    by = ["column", "version", "segment", "binning"]
    try:
        together = merge(current, by)
    except (ValueError, pa.ArrowException):  # pieces of some column do not add up: find which, and take the others
        for column in sorted(pc.unique(current["column"]).to_pylist()):
            try:
                merged = merge(current.filter(pc.equal(current["column"], column)), by)
            except (ValueError, pa.ArrowException) as error:
                yield _broken(model, "", "", column, error)
            else:
                yield from _cells(merged, binning, model, kind)
    else:
        yield from _cells(together, binning, model, kind)


def _incomparable(pieces: pa.Table, binning: Binning, model: Model, window: Window) -> list[tuple[str, str, str]]:
    """Return what there are pieces of earlier binnings of alone: the rows were gone when it changed."""
    places: dict[tuple[str, str, str], bool] = {}
    listed = pieces.select(["version", "segment", "column", "binning"])
    for row in listed.group_by(listed.column_names).aggregate([]).to_pylist():
        place = (row["version"], row["segment"], row["column"])
        places[place] = places.get(place, False) or row["binning"] == binning.id
    lost = sorted(place for place, there in places.items() if not there)
    if lost:
        _log.warning("model %s, %s: %d columns were counted in earlier bins", model.name, window.start, len(lost))
    return lost


def _cells(merged: pa.Table, binning: Binning, model: Model, kind: type[P]) -> Iterator[Cell[P]]:
    places = zip(*(merged[name].to_pylist() for name in ("version", "segment", "column")), strict=True)
    for row, (version, segment, column) in enumerate(places):
        try:
            found = profile_at(merged, row, binning, model.schema, column)
        except (ValueError, KeyError, pa.ArrowException) as error:
            yield _broken(model, version, segment, column, error)
        else:
            if isinstance(found, kind):
                yield Cell(version, segment, column, found)


def _broken(model: Model, version: str, segment: str, column: str, error: Exception) -> Cell[P]:
    _log.error("model %s: column %r cannot be read: %s", model.name, column, error)
    return Cell(version, segment, column, None, f"{type(error).__name__}: {error}")


def insufficient(
    model: Model,
    cell: Cell[P],
    metric: str,
    window: Window,
    *,
    rows: int = 0,
    feature: str | None = None,
    **details: Scalar,
) -> Measurement:
    """Return the measurement that says why there is no number."""
    return Measurement(
        model=model.name,
        version=cell.version,
        metric=metric,
        feature=feature,
        segment=cell.segment,
        window=window,
        value=None,
        rows=rows,
        status=Status.INSUFFICIENT,
        details=details,
    )


def too_few(rows: int, needed: int, what: str = "rows") -> dict[str, Scalar]:
    """Return the details that say why a number on few rows is not judged; nothing where they are enough.

    >>> too_few(53, 100, "labels")
    {'reason': '53 labels; 100 are needed'}
    """
    return {"reason": f"{rows:,} {what}; {needed:,} are needed"} if rows < needed else {}

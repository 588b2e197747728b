"""References as they are compared with, kept in the store: a fresh process need not read their hours again."""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa

from monitor.drift.threshold import Calibration
from monitor.profile.binning import OUTCOME, Binning
from monitor.profile.build import profile_at
from monitor.profile.column import ColumnProfile
from monitor.profile.outcome import Outcome
from monitor.store.profiles import WHOLES
from monitor.types import Model

Bounds = tuple[Mapping[str, Calibration], Mapping[str, float]]
"""By measure: what ordinary chunks stay under, of drift and of quality."""

Found = tuple[str, str, ColumnProfile | Outcome, Bounds]
"""Segment, column, its profile over all of the reference, and the bounds that follow from its chunks."""


def basis_of(model: Model, binning: Binning, measures: Iterable[object]) -> str:
    """Return what bounds follow from beside the reference: bins, schema, windows, and the code of the measures."""
    files = [sys.modules[type(each).__module__].__file__ for each in measures]
    code = [_state(Path(file)) for file in [*files, __file__] if file]
    said = repr((binning.id, model.schema, model.settings.window_hours, code))
    return hashlib.sha256(said.encode()).hexdigest()[:24]


def _state(file: Path) -> tuple[str, int, int]:
    found = file.stat()
    return file.name, found.st_mtime_ns, found.st_size


def packed(segment: str, binning: str, whole: ColumnProfile | Outcome, bounds: Bounds) -> dict[str, object]:
    """Return a reference as one row of `WHOLES`."""
    column = whole if isinstance(whole, ColumnProfile) else None
    drift, ordinary = bounds
    said = [{name: [b.threshold, b.chunks, b.calibrated] for name, b in drift.items()}, dict(ordinary)]
    return {
        "segment": segment,
        "column": OUTCOME if column is None else column.column,
        "binning": binning,
        "counts": whole.counts,
        "minimum": float("inf") if column is None else column.minimum,
        "maximum": float("-inf") if column is None else column.maximum,
        "bounds": json.dumps(said),
    }


def unpacked(wholes: pa.Table, binning: Binning, model: Model) -> list[Found]:
    """Return (segment, column, whole profile, bounds) of each row."""
    found: list[Found] = []
    merged = wholes.combine_chunks()
    for at, row in enumerate(merged.select(["segment", "column", "bounds"]).to_pylist()):
        whole = profile_at(merged, at, binning, model.schema, row["column"])
        drift, ordinary = json.loads(row["bounds"])
        bounds = {name: Calibration(*each) for name, each in drift.items()}
        found.append((row["segment"], row["column"], whole, (bounds, ordinary)))
    return found


def table(rows: list[dict[str, object]]) -> pa.Table:
    """Return rows of `packed` as a table."""
    return pa.Table.from_pylist(rows, schema=WHOLES)

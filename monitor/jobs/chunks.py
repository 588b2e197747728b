"""Profile pieces as chunks, as long as a model's windows: what detectors learn from and judge."""

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from monitor.clock import EPOCH
from monitor.detection import Chunk
from monitor.jobs.columns import watched
from monitor.jobs.windows import length
from monitor.profile.binning import NEW, Binning
from monitor.profile.build import profile_at
from monitor.profile.column import ColumnProfile
from monitor.profile.comoments import JOINT, Comoments, read_comoments
from monitor.profile.pieces import merge
from monitor.types import ALL, Model, Window

if TYPE_CHECKING:
    from monitor.jobs import JobContext

_MICROSECOND = timedelta(microseconds=1)
_log = logging.getLogger(__name__)


def columns_of(model: Model, binning: Binning) -> list[str]:
    """Return what a detector looks at: columns watched for drift, the model's answer, unknown columns, all together."""
    return [*(name for name in binning.columns if watched(model, name) or name == NEW), JOINT]


def window_chunks(
    context: "JobContext", model: Model, binning: Binning, window: Window
) -> tuple[dict[str, list[Chunk]], dict[str, str]]:
    """Return the chunks of live traffic in some windows, by version, and the columns that cannot be read, with why."""
    names = columns_of(model, binning)
    pieces = context.pieces(model.name, window, columns=names, segment=ALL, hours=hourly(model))
    return chunks(pieces, binning, model)


def chunks(pieces: pa.Table, binning: Binning, model: Model) -> tuple[dict[str, list[Chunk]], dict[str, str]]:
    """Return profile pieces as chunks as long as the model's windows, by version, in order of time.

    Pieces of another binning do not compare and are left out; a column that cannot be read is left out with its reason.
    """
    current = pieces.filter(pc.equal(pieces["binning"], binning.id))
    step = length(model) // _MICROSECOND
    hours = current["hour"].cast(pa.int64()).to_numpy()
    at = current.schema.get_field_index("hour")
    floored = current.set_column(at, "hour", pa.array(hours // step * step))
    found: dict[str, dict[datetime, dict[str, ColumnProfile]]] = {}
    together: dict[tuple[str, datetime], Comoments] = {}
    broken: dict[str, str] = {}
    for column in sorted(pc.unique(floored["column"]).to_pylist()):
        try:
            for version, start, profile in _column(floored, column, binning, model):
                at_start = found.setdefault(version, {}).setdefault(start, {})
                if isinstance(profile, Comoments):
                    together[version, start] = profile
                else:
                    at_start[column] = profile
        except (ValueError, KeyError, pa.ArrowException) as error:
            _log.error("model %s: column %r cannot be read: %s", model.name, column, error)
            broken[column] = f"{type(error).__name__}: {error}"
    return {
        version: [
            Chunk(start, _whole(starts[start], broken), None if JOINT in broken else together.get((version, start)))
            for start in sorted(starts)
        ]
        for version, starts in sorted(found.items())
    }, broken


def _whole(profiles: Mapping[str, ColumnProfile], broken: Mapping[str, str]) -> dict[str, ColumnProfile]:
    return {name: profile for name, profile in profiles.items() if name not in broken}


def _column(
    pieces: pa.Table, column: str, binning: Binning, model: Model
) -> Iterator[tuple[str, datetime, ColumnProfile | Comoments]]:
    merged = merge(pieces.filter(pc.equal(pieces["column"], column)), ["version", "column", "binning", "hour"])
    places = zip(merged["version"].to_pylist(), merged["hour"].to_pylist(), strict=True)
    for row, (version, micros) in enumerate(places):
        start = EPOCH + micros * _MICROSECOND
        if column == JOINT:
            yield version, start, read_comoments(merged["counts"][row].values.to_numpy(), model.schema, binning)
            continue
        profile = profile_at(merged, row, binning, model.schema, column)
        if isinstance(profile, ColumnProfile):
            yield version, start, profile


def hourly(model: Model) -> bool:
    """Whether days must be told apart by the hour: closed days are one piece each otherwise."""
    return model.settings.window_hours % 24 != 0

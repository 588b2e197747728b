"""One profile column of many windows at once: of a version's reference, and of the traffic up to a window."""

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.clock import EPOCH
from monitor.jobs.references import source_of
from monitor.jobs.windows import length
from monitor.profile.binning import Binning
from monitor.profile.pieces import merge
from monitor.profile.values import Ints
from monitor.types import ALL, Model, Window

if TYPE_CHECKING:
    from monitor.jobs import JobContext

_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


def counts_by_window(
    context: "JobContext", model: Model, binning: Binning, window: Window, column: str, back: int
) -> dict[str, dict[Window, Ints]]:
    """Return, by version, the counters of a column over all traffic of each window that has some.

    Args:
        context: where profiles are read.
        model: whose.
        binning: the model's bins; pieces made with others are left out.
        window: the last window.
        column: which column.
        back: how many windows before it are read too.
    """
    span = length(model)
    whole = Window(window.start - back * span, window.end)
    hours = span % _DAY != timedelta(0)  # whole days come added up
    pieces = context.pieces(model.name, whole, columns=[column], segment=ALL, hours=hours)
    return _by_window(pieces, model, binning)


def reference_by_window(
    context: "JobContext", model: Model, binning: Binning, version: str, column: str
) -> dict[Window, Ints]:
    """Return the counters of a column over each stretch, as long as a window, of the reference that a version has."""
    source = source_of(context.store.catalog.versions(model.name), version)
    if source is None:
        return {}
    pieces = context.store.profiles.reference(model.name, source.version, columns=[column])
    return _by_window(pieces, model, binning).get(source.version, {})


def _by_window(pieces: pa.Table, model: Model, binning: Binning) -> dict[str, dict[Window, Ints]]:
    span = length(model)
    current = pieces.filter(pc.equal(pieces["binning"], binning.id))
    step = span // _MICROSECOND
    hours = current["hour"].cast(pa.int64()).to_numpy() // step * step
    chunked = current.set_column(current.schema.get_field_index("hour"), "hour", pa.array(hours))
    merged = merge(chunked, ["version", "column", "binning", "hour"])
    found: dict[str, dict[Window, Ints]] = {}
    places = zip(merged["version"].to_pylist(), merged["hour"].to_pylist(), merged["counts"], strict=True)
    for version, hour, counts in places:
        start = EPOCH + hour * _MICROSECOND
        found.setdefault(version, {})[Window(start, start + span)] = np.array(counts.values.to_numpy())
    return found

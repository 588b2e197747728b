"""Labels come late: which windows they have changed since last seen, and how many of a window's labels are there."""

import zlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from monitor.jobs.performance import COVERAGE
from monitor.jobs.windows import length
from monitor.profile.binning import OUTCOME, SCORE
from monitor.profile.pieces import merge
from monitor.store import Store
from monitor.types import ALL, Model, Window

if TYPE_CHECKING:
    from monitor.jobs import JobContext

_AT_ONCE: Final = 16  # windows read by one query: enough for a deadline of two weeks, and bounded in memory


class Labels:
    """Remembers a checksum of each open window's predictions and labels, so that unchanged windows cost one query."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[Window, int]] = {}

    def changed(self, context: "JobContext", model: Model, windows: Sequence[Window]) -> Iterator[Window]:
        """Yield, in order, the windows whose predictions or labels differ from when they were last yielded.

        Args:
            context: where profiles are read.
            model: whose.
            windows: consecutive windows; what is remembered of others is forgotten.
        """
        before = self._seen.get(model.name, {})
        self._seen[model.name] = seen = {window: before[window] for window in windows if window in before}
        apart = length(model) % timedelta(days=1) != timedelta(0)  # whole days come added up
        for first in range(0, len(windows), _AT_ONCE):
            part = windows[first : first + _AT_ONCE]
            span = Window(part[0].start, part[-1].end)
            pieces = context.pieces(model.name, span, columns=[OUTCOME, SCORE], segment=ALL, hours=apart)
            for window in part:
                found = _checksum(pieces, window)
                if seen.get(window) != found:
                    seen[window] = found
                    yield window

    def forget(self, model: Model, window: Window) -> None:
        """Yield this window again next time: nothing came of it."""
        self._seen.get(model.name, {}).pop(window, None)


def _checksum(pieces: pa.Table, window: Window) -> int:
    hour = pieces["hour"]
    inside = pc.and_(
        pc.greater_equal(hour, pa.scalar(window.start, hour.type)), pc.less(hour, pa.scalar(window.end, hour.type))
    )
    merged = merge(pieces.filter(inside), ["version", "column", "binning"])
    total = 0
    for name in ("version", "column", "binning"):
        total = zlib.crc32("\0".join(merged[name].to_pylist()).encode(), total)
    for row in merged["counts"]:
        total = zlib.crc32(row.values.to_numpy().tobytes(), total)
    return total


def coverage(store: Store, model: Model, window: Window) -> float:
    """Return the share of a window's predictions, of all versions, that have a label; 1 where there were none."""
    found = [
        measured
        for measured in store.measurements.query(
            model.name, metric=COVERAGE, segment=ALL, start=window.start, end=window.end
        )
        if measured.window == window
    ]
    predicted = sum(measured.rows for measured in found)
    labelled = sum((measured.value or 0.0) * measured.rows for measured in found)
    return labelled / predicted if predicted else 1.0

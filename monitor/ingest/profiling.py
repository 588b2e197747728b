"""The profiles of every model as they grow: references, pieces, and what of them is let go."""

from collections.abc import Sequence
from threading import Lock

import pyarrow as pa

from monitor.clock import Clock
from monitor.ingest.live import Live
from monitor.store import Disk, Store
from monitor.types import Window


class Profiling:
    """The profile side of the way into the store.

    Args:
        store: where rows and pieces are.
        clock: tells what is over its time.
        disk: says whether there is room.
        flush_rows: how many rows of a model may be in memory only.
        keep_days: for how many days profiles are kept by the hour, and by the day.
    """

    def __init__(self, store: Store, clock: Clock, disk: Disk, *, flush_rows: int, keep_days: tuple[int, int]) -> None:
        self.disk = disk
        self._store = store
        self._clock = clock
        self._flush_rows = flush_rows
        self._keep_days = keep_days
        self._live: dict[str, Live] = {}
        self._opening = Lock()

    def register_reference(self, model: str, version: str, batch: pa.Table, window: Window) -> None:
        """Keep a version's reference rows and their profile; the first reference also fixes the model's bins.

        Bins made without a reference, or before the schema gained a feature, are replaced, and the rows that are kept
        are profiled again.

        Args:
            model: a registered model.
            version: which version; it is registered if it is not yet.
            batch: canonical columns and ``_label``, as `monitor.schema.conform_reference` gives them.
            window: the time they span.

        Raises:
            NotFound: the model is not registered.
            DiskFull: the disk's reserve is reached.
        """
        self.disk.check(batch.nbytes)
        self.live(model).register_reference(version, batch, window)

    def flush(self) -> None:
        """Write profile pieces of everything that is durable now."""
        for model in self._store.catalog.models():
            self.live(model.name).flush()

    def thin(self) -> None:
        """Let all rows go now that their models do not keep; the flusher does the same in its own time."""
        for model in self._store.catalog.models():
            while self.live(model.name).thin(self._clock.now()):
                pass

    def roll_up(self, model: str) -> None:
        """Move profiles of closed days into days and let go what is too old; the flusher does it in its own time."""
        now = self._clock.now()
        self._store.profiles.compact(model, now)
        while self._store.profiles.roll_up(model, now):
            pass
        self._store.profiles.expire(model, now, *self._keep_days)

    def pieces(
        self,
        model: str,
        window: Window,
        *,
        columns: Sequence[str] | None = None,
        version: str | None = None,
        segment: str | None = None,
        hours: bool = False,
    ) -> pa.Table:
        """Return the profile pieces of the hours that begin in a window: every row answered for, each once.

        A closed day within the window is one piece a column, at midnight, unless ``hours`` are asked for.

        Raises:
            NotFound: the model is not registered.
            RuntimeError: called inside a transaction or snapshot of the store.
        """
        return self.live(model).pieces(window, columns=columns, version=version, segment=segment, hours=hours)

    def live(self, model: str) -> Live:
        """Return the growing profile of a model.

        Raises:
            NotFound: the model is not registered.
        """
        with self._opening:
            live = self._live.get(model)
            if live is None:
                self._store.catalog.model(model)
                live = self._live[model] = Live(self._store, model, self._flush_rows)
            return live

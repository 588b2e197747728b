"""The thread that turns committed rows into profile pieces, and lets go what is kept for a limited time only."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event, Thread

from monitor.clock import Clock
from monitor.errors import WatchglassError
from monitor.ingest.profiling import Profiling
from monitor.store import Store

_log = logging.getLogger(__name__)
_COMPACT_EVERY = 50  # flushes of one model


class Flusher:
    """Writes profile pieces every so often, or as soon as it is asked to; no failure ends it.

    Args:
        store: where pieces go.
        clock: tells what is over its time.
        profiling: the models' profiles.
        seconds: how often.
        upkeep: what is done in the same round, by what it is called in the log; given the time.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        profiling: Profiling,
        *,
        seconds: float,
        upkeep: Sequence[tuple[str, Callable[[datetime], object]]],
    ) -> None:
        self._store, self._clock, self._profiling = store, clock, profiling
        self._seconds, self._upkeep = seconds, upkeep
        self._soon = Event()
        self._stopping = Event()
        self._flushes: Counter[str] = Counter()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin with what was committed but not profiled before the last stop."""
        self._stopping.clear()
        self._soon.set()
        self._thread = Thread(target=self._run, name="watchglass-flusher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the round that is running."""
        self._stopping.set()
        self._soon.set()
        if self._thread is not None:
            self._thread.join()

    def soon(self) -> None:
        """Ask for a round now."""
        self._soon.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._soon.wait(self._seconds)
            self._soon.clear()
            self._store.database.catch_up()
            with self._store.database.as_it_is():  # once a round: few large groups cost much less than many small ones
                self._round()

    def _round(self) -> None:
        try:
            models = self._store.catalog.models()
        except WatchglassError:
            _log.exception("the store cannot be read; profiles are written later")
            return
        for model in models:
            self._flush(model.name)
        for what, run in self._upkeep:
            try:
                run(self._clock.now())
            except WatchglassError as error:
                _log.warning("%s: that failed, and is tried again: %s", what, error)

    def _flush(self, model: str) -> None:
        try:
            live = self._profiling.live(model)
            live.flush()
            live.thin(self._clock.now())
            self._flushes[model] += 1
            if self._flushes[model] % _COMPACT_EVERY == 0:
                self._profiling.roll_up(model)
        except Exception:  # noqa: BLE001 - the flusher must outlive any one failure; nothing is lost by it
            _log.exception("profiles of %s could not be written; their rows are profiled later", model)

"""The parts of one running Watchglass, opened and closed together. API and dashboard share them in one process."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from explain.service import ExplainService
from explain.worker import Worker
from monitor.api.intake import Intake
from monitor.api.services import Services
from monitor.clock import Clock, ManualClock, SystemClock
from monitor.config import Config
from monitor.ingest import BODIES_FULL, Ingest
from monitor.profile import kernel
from monitor.scheduler import Scheduler
from monitor.servers import ServerWatch
from monitor.store import Disk, HalfLimits, Limits, Store, size_of

DATABASE = "watchglass.duckdb"
CLOCK = "clock"
"""Where a manual clock's moment outlives the process."""


class KeptClock(ManualClock):
    """A manual clock that goes on after a restart where it stood."""

    def __init__(self, file: Path) -> None:
        start = file.read_text().strip() if file.exists() else ""
        super().__init__(datetime.fromisoformat(start) if start else datetime(1970, 1, 1, tzinfo=UTC))
        self._file = file

    def advance(self, to: datetime) -> None:
        """Move the clock, and write down where to."""
        super().advance(to)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(self.now().isoformat())
        fresh.replace(self._file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Everything that one process owns."""

    config: Config
    clock: Clock
    store: Store
    ingest: Ingest
    scheduler: Scheduler
    explain: ExplainService
    servers: ServerWatch

    @classmethod
    def open(cls, config: Config, *, scheduling: bool = True, workers: Sequence[Worker] | None = None) -> "Runtime":
        """Open the store and start what stands on it.

        Args:
            config: where the data is, and the bounds of each part.
            scheduling: whether the scheduler runs by itself; a command that does one thing has no use for it.
            workers: processes that explain, which have been started already.

        Raises:
            Unavailable: another process holds the store, or it cannot be read.
        """
        config = config.model_copy(update={"data_dir": config.data_dir.resolve()})
        config.data_dir.mkdir(parents=True, exist_ok=True)
        kernel.choose(config.kernel)
        clock: Clock = SystemClock() if config.clock == "system" else KeptClock(config.data_dir / CLOCK)
        limits = Limits(**config.dead_letters.model_dump())
        store = Store.open(
            config.data_dir / DATABASE,
            memory_limit=config.memory_limit,
            threads=config.threads,
            limits=limits,
            half_limits=HalfLimits(**config.halves.model_dump()),
        )
        try:
            disk = Disk(config.data_dir, size_of(config.disk_reserve))
            ingest = Ingest(
                store,
                clock,
                max_bytes=config.queue_bytes,
                disk=disk,
                keep_hourly_days=config.profiles.hourly_days,
                keep_daily_days=config.profiles.daily_days,
            )
            explain = ExplainService(store, config, clock, workers)
            scheduler = Scheduler(store, ingest, clock, config, attribute=explain.attribute)
            servers = ServerWatch(
                store,
                clock,
                hosts=config.explain.endpoints,
                every_seconds=config.servers.every_seconds,
                keep_days=config.servers.keep_days,
            )
            ingest.start()
            if scheduling and config.scheduler.enabled:
                scheduler.start()
            if scheduling and config.servers.enabled and config.clock == "system":
                servers.start()
        except BaseException:
            store.close()
            raise
        return cls(
            config=config,
            clock=clock,
            store=store,
            ingest=ingest,
            scheduler=scheduler,
            explain=explain,
            servers=servers,
        )

    def close(self) -> None:
        """Stop taking work, commit what waits, close the store."""
        try:
            self.servers.stop()
            self.scheduler.context.stopping.set()
            self.explain.close()  # a job of the scheduler may be waiting for an explanation
            self.scheduler.stop()
            self.ingest.stop()
        finally:
            self.store.close()

    @property
    def services(self) -> Services:
        """What the HTTP handlers of `monitor.api` work with; made once for each application."""
        return Services(
            config=self.config,
            clock=self.clock,
            store=self.store,
            ingest=self.ingest,
            scheduler=self.scheduler,
            intake=Intake(
                self.config.body_bytes,
                lambda model: self.ingest.refusals.count(model, BODIES_FULL),
                stall=self.config.body_timeout_s,
            ),
        )


_running: list[Runtime] = []


def set_runtime(opened: Runtime) -> None:
    """Make ``opened`` the one that the dashboard's pages find."""
    _running[:] = [opened]


def runtime() -> Runtime:
    """Return the runtime of this process.

    Raises:
        RuntimeError: none was set; pages are run by ``watchglass serve``, not by ``streamlit run``.
    """
    if not _running:
        raise RuntimeError("No Watchglass is open in this process; start the dashboard with `watchglass serve`.")
    return _running[0]

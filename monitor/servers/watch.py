"""Asks every model's server, and this machine's GPUs, every few seconds how they are, in a thread beside capture."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event, Thread

import urllib3

from monitor.clock import Clock
from monitor.config.address import check_address
from monitor.errors import WatchglassError
from monitor.gpu import GpuReader, Gpus
from monitor.servers.fetch import fetch
from monitor.servers.growth import figures
from monitor.servers.series import Series, of_model, read
from monitor.store import Store
from monitor.store.samples import Sample

MACHINE = ""
"""Whose samples this machine's own are."""

_AT_ONCE = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """How asking one server goes.

    Attributes:
        model: whose server it is.
        source: ``server``, or ``version NAME`` where a version has its own.
        url: what is asked.
        server: what it was recognised as, once it answered.
        asked: when it was asked last.
        answered: when it answered last; None if never.
        error: why it did not answer now; empty if it did.
    """

    model: str
    source: str
    url: str
    server: str = ""
    asked: datetime | None = None
    answered: datetime | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class _Page:
    time: datetime
    series: Sequence[Series]


class ServerWatch:
    """Scrapes what owners named; failures are kept as state and tried again at the next round.

    Args:
        store: where models and samples are.
        clock: of samples' times.
        hosts: which may be asked.
        every_seconds: between two rounds.
        keep_days: how long hourly means are kept.
        gpus: reads this machine's GPUs.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        hosts: Sequence[str],
        every_seconds: float = 15.0,
        keep_days: int = 90,
        gpus: GpuReader | None = None,
    ) -> None:
        self._store, self._clock, self._hosts = store, clock, tuple(hosts)
        self._every, self._keep_days = every_seconds, keep_days
        self._gpus = gpus or GpuReader()
        self._pool = urllib3.PoolManager(num_pools=_AT_ONCE, retries=False)
        self._pages: dict[tuple[str, str, str], _Page] = {}
        self._states: Mapping[tuple[str, str, str], Scraped] = {}
        self._thinned: datetime | None = None
        self._stop = Event()
        self._thread: Thread | None = None
        self.gpus: Gpus | None = None

    def start(self) -> None:
        """Ask in a thread from now on."""
        if self._thread is None:
            self._stop.clear()
            self._thread = Thread(target=self._run, name="servers", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Let the running round end, then end the thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._gpus.close()
        self._pool.clear()

    @property
    def running(self) -> bool:
        """Whether servers are asked by themselves; with a manual clock they are not."""
        return self._thread is not None

    def states(self, model: str) -> list[Scraped]:
        """Return how asking a model's servers goes, of those that are named now."""
        known = self._states
        return [known.get(_key(target), target) for target in self._targets(model)]

    def tick(self) -> None:
        """Ask every server and every GPU once, and keep what they say."""
        targets = list(self._targets())
        with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="scrape") as workers:
            asked = list(workers.map(self._ask, targets))
        self._states = {_key(state): state for state, _ in asked}
        self._pages = {key: page for key, page in self._pages.items() if key in self._states}
        samples = [sample for _, found in asked for sample in found]
        samples += self._machine()
        if samples:
            self._store.samples.add(samples)
        now = self._clock.now()
        if self._thinned is None or now - self._thinned >= timedelta(hours=1):
            self._store.samples.thin(now, self._keep_days)
            self._thinned = now

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.tick()
            except Exception:  # noqa: BLE001 - the thread must outlive whatever happens, and tell it
                _log.exception("asking model servers failed; it is tried again")
            self._stop.wait(self._every)

    def _targets(self, only: str | None = None) -> Iterator[Scraped]:
        for model in self._store.catalog.models() if only is None else [self._store.catalog.model(only)]:
            if model.settings.metrics_url:
                yield Scraped(model=model.name, source="server", url=model.settings.metrics_url)
            for version in self._store.catalog.versions(model.name):
                url = (version.endpoint or {}).get("metrics_url")
                if isinstance(url, str) and url:
                    yield Scraped(model=model.name, source=f"version {version.version}", url=url)

    def _ask(self, target: Scraped) -> tuple[Scraped, list[Sample]]:
        before, page = self._states.get(_key(target), target), self._pages.get(_key(target))
        now = self._clock.now()
        try:
            check_address(target.url, self._hosts, "metrics_url")
            found = of_model(read(fetch(target.url, self._pool)), target.model)
        except WatchglassError as error:
            return replace(before, asked=now, error=str(error)), []
        now = self._clock.now()
        seconds = (now - page.time).total_seconds() if page else 0.0
        server, values = figures(page.series if page else (), found, seconds)
        self._pages[_key(target)] = _Page(now, found)
        nothing = "" if found else "it answers, but with nothing that is known of requests, memory or GPUs"
        samples = [
            Sample(model=target.model, source=target.source, metric=metric, part=part, time=now, value=value)
            for (metric, part), value in values.items()
        ]
        return replace(before, server=server, asked=now, answered=now, error=nothing), samples

    def _machine(self) -> list[Sample]:
        self.gpus = found = self._gpus.read()
        now = self._clock.now()
        values = [
            (f"{gpu.index} {gpu.name}", metric, value)
            for gpu in found.devices
            for metric, value in (
                ("gpu_utilisation", gpu.utilisation),
                ("gpu_memory_used_mb", gpu.memory_used_mb),
                ("gpu_memory_total_mb", gpu.memory_total_mb),
                ("gpu_power_w", gpu.power_w),
                ("gpu_temperature_c", gpu.temperature_c),
            )
            if value is not None
        ]
        return [
            Sample(model=MACHINE, source="gpu", metric=metric, part=part, time=now, value=value)
            for part, metric, value in values
        ]


def _key(target: Scraped) -> tuple[str, str, str]:
    return target.model, target.source, target.url

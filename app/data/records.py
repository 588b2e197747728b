"""Alerts with their deliveries, written reports, and whether any data is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from app.runtime import runtime
from monitor.alerts.verdict import ranked
from monitor.reports import write_report
from monitor.types import Alert, AlertState, Delivery, LedgerLine, Report, Window

FATES = ("stored", "duplicate", "rejected", "dropped")
WAYS = {
    "labels": "Labels",
    "http": "Predictions over HTTP",
    "client": "Predictions, Python client",
    "asgi": "Predictions, middleware",
    "import": "Predictions, imported files",
    "kserve": "Predictions, KServe's logger",
}
"""What sources are called by people; a source without a name here is called what it is."""

JOBS = (
    *("traffic", "detection", "drift", "quality", "performance"),
    *("estimation", "segments", "harm", "tolerance", "fairness", "attribution", "impact", "report"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """The rows of one model that came one way, by their fate."""

    model: str
    source: str
    received: int
    fates: Mapping[str, int]
    reasons: Mapping[str, int]  # "rejected: clock_skew" → rows

    @property
    def adds_up(self) -> bool:
        """Whether every row received has met exactly one fate."""
        return self.received == sum(self.fates.values())


@dataclass(frozen=True, slots=True)
class Progress:
    """How far those jobs of one model have come that have come equally far.

    >>> Progress("flights", None, ("drift", "report")).said
    'drift, report'
    >>> Progress("flights", None, JOBS).said, Progress("flights", None, JOBS[1:]).said
    ('all', 'all others')
    """

    model: str
    until: datetime | None
    jobs: tuple[str, ...]
    asked: bool = False  # whether they run only when somebody asks for them

    @property
    def said(self) -> str:
        """The jobs in words."""
        if len(self.jobs) > len(JOBS) / 2:
            return "all" if len(self.jobs) == len(JOBS) else "all others"
        return ", ".join(self.jobs)


def alerts(model: str | None = None) -> tuple[list[Alert], list[Alert]]:
    """Open and resolved alerts: open ones by severity, then as the digest ranks them; resolved ones newest first."""
    found = runtime().store.alerts.query(model=model)
    still = [alert for alert in found if alert.state is not AlertState.RESOLVED]
    over = [alert for alert in found if alert.state is AlertState.RESOLVED]
    rank = {"critical": 0, "warning": 1, "info": 2}
    return (
        sorted(ranked(still), key=lambda alert: rank[alert.severity.value]),
        sorted(over, key=lambda alert: alert.resolved or alert.updated, reverse=True)[:200],
    )


def deliveries(alert: str) -> list[Delivery]:
    """Who was told of an alert, and whether it arrived."""
    return list(runtime().store.alerts.deliveries(alert))


def digest_due(alert: str) -> datetime | None:
    """When the digest that tells of an alert is sent; None where it was, or where none tells of it."""
    return min((line.due for line in runtime().store.digests.of(alert) if line.digest is None), default=None)


def target_of(alert: Alert) -> tuple[str, dict[str, str]]:
    """The view an alert's link opens, as (view, parameters).

    >>> from types import SimpleNamespace
    >>> target_of(SimpleNamespace(link="http://127.0.0.1:8080/feature?model=flights&feature=temp"))
    ('feature', {'model': 'flights', 'feature': 'temp'})
    """
    parts = urlsplit(alert.link)
    view = parts.path.strip("/") or "fleet"
    return view, dict(parse_qsl(parts.query))


def reports(model: str | None = None) -> list[Report]:
    """Written reports, newest first."""
    return sorted(runtime().store.reports.query(model=model), key=lambda report: report.created, reverse=True)


def write_week(name: str) -> Report:
    """Write a report on the last seven full days of a model.

    Raises:
        Unavailable: the packages that draw are not installed, or the server stops.
    """
    running = runtime()
    end = running.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    running.ingest.flush()
    folder = running.config.data_dir / "reports"
    model = running.store.catalog.model(name)
    return write_report(running.scheduler.context, model, Window(end - timedelta(days=7), end), folder)


def report_file(report: Report) -> Path | None:
    """Where a report's page is, or None where it is gone."""
    path = Path(runtime().config.data_dir) / report.path
    return path if path.is_file() else None


def report_address(report: Report) -> str:
    """Where the server shows a report, with the pages it links to: under the address the dashboard is seen at."""
    below = urlsplit(runtime().config.base_url).path.rstrip("/")
    return f"{below}/v1/reports/{report.id}/{Path(report.path).name}"


def sources() -> list[Source]:
    """The ledger by model and source, predictions before labels."""
    ledger = runtime().store.ledger
    received = dict(ledger.received())
    lines: dict[tuple[str, str], list[LedgerLine]] = {key: [] for key in received}
    for line in ledger.lines():
        if line.outcome == "lost":  # says that rows are gone, not how many: see groups_lost
            continue
        lines.setdefault((line.model, line.source), []).append(line)
    found = []
    for (model, source), given in lines.items():
        fates = {fate: sum(line.rows for line in given if line.outcome == fate) for fate in FATES}
        reasons: dict[str, int] = {}
        for line in given:
            if line.outcome in ("rejected", "dropped"):
                reason = f"{line.outcome}: {line.reason.replace('_', ' ')}"
                reasons[reason] = reasons.get(reason, 0) + line.rows
        total = received.get((model, source), sum(fates.values()))
        found.append(Source(model, source, total, fates, reasons))
    return sorted(found, key=lambda each: (each.model, each.source == "labels", each.source))


def groups_lost() -> int:
    """How many acknowledged groups of rows the store was once found without, after a crash or a copy."""
    return sum(loss.expected - loss.found for loss in runtime().store.ledger.losses())


def progress() -> list[Progress]:
    """How far the jobs of every model have come; of each model those behind first."""
    store, replayed = runtime().store, runtime().config.clock == "manual"
    never = datetime.min.replace(tzinfo=UTC)
    found = []
    for model in store.catalog.models():
        together: dict[datetime | None, list[str]] = {}
        for job in JOBS:
            together.setdefault(store.measurements.watermark(job, model.name), []).append(job)
        ordered = sorted(together, key=lambda until: until or never)
        found += [
            Progress(model.name, until, tuple(jobs), replayed and until is None and jobs == ["report"])
            for until in ordered
            for jobs in [together[until]]
        ]
    return found


def store_size() -> int | None:
    """Bytes of the database and its write-ahead log on disk; None for a database in memory."""
    directory = Path(runtime().config.data_dir)
    files = [path for path in directory.glob("*.duckdb*") if path.is_file()] if directory.is_dir() else []
    return sum(path.stat().st_size for path in files) if files else None

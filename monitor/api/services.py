"""What the handlers work with: the parts of one running server."""

from dataclasses import dataclass, field

from prometheus_client import Histogram

from monitor.api.intake import Intake
from monitor.clock import Clock
from monitor.config import Config
from monitor.ingest import Ingest
from monitor.scheduler import Scheduler
from monitor.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The store and what stands around it, one of each per process."""

    config: Config
    clock: Clock
    store: Store
    ingest: Ingest
    scheduler: Scheduler
    intake: Intake
    commit_seconds: Histogram = field(
        default_factory=lambda: Histogram(
            "watchglass_commit_seconds", "From the moment rows are handed in until they are durable.", registry=None
        )
    )

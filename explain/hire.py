"""The worker process that a configuration allows."""

from typing import TYPE_CHECKING

from explain.models import Allowed
from explain.worker import Limits, Worker

if TYPE_CHECKING:
    from monitor.config import Config


def make_worker(config: "Config") -> Worker:
    """Return the worker that a configuration allows; it can be started before the store is open."""
    settings = config.explain
    return Worker(
        Allowed(
            classes=tuple(settings.classes),
            endpoints=tuple(settings.endpoints),
            types=tuple(settings.sklearn_types),
            files=tuple(settings.trusted_files),
        ),
        Limits(seconds=settings.timeout_s, memory_mb=settings.memory_mb, threads=settings.threads),
    )

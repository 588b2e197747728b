"""Is the server up, and its figures for Prometheus."""

from importlib.metadata import version

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from monitor.api.metrics import Figures
from monitor.api.operation import Call, Operation, Reply
from monitor.api.services import Services
from monitor.api.shapes import Health
from monitor.ingest import DISK_FULL, STOPPED


class Probes:
    """The handlers of health and figures."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._version = version("watchglass")
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(Figures(services))

    def get_health(self, _call: Call) -> Reply:
        """Answer once the store can be read."""
        self._services.store.catalog.models()
        ingest = self._services.ingest
        room = ingest.disk.room()
        capture = STOPPED if not ingest.running else "ok" if room.enough else DISK_FULL
        return Reply(
            Health(
                status="ok" if capture == "ok" else "degraded",
                version=self._version,
                now=self._services.clock.now(),
                capture=capture,
                disk_free_bytes=room.free_bytes,
                disk_reserve_bytes=room.reserve_bytes,
            )
        )

    def get_metrics(self, _call: Call) -> Reply:
        """Return every figure in Prometheus' text format."""
        return Reply(generate_latest(self._registry), media=CONTENT_TYPE_LATEST)


def operations(services: Services) -> list[Operation]:
    """Return the operations on health and figures."""
    probes = Probes(services)
    return [
        Operation(
            method="GET",
            path="/healthz",
            name="health",
            summary="The server is up and its store can be read.",
            tag="operations",
            handler=probes.get_health,
            replies={200: Health},
            errors=(503,),
        ),
        Operation(
            method="GET",
            path="/metrics",
            name="metrics",
            summary="Figures for Prometheus.",
            tag="operations",
            handler=probes.get_metrics,
            replies={200: None},
            media=(CONTENT_TYPE_LATEST,),
        ),
    ]

"""Is the server up, and its figures for Prometheus."""

from importlib.metadata import version

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from monitor.api.metrics import Figures
from monitor.api.operation import Call, Operation, Reply
from monitor.api.services import Services
from monitor.api.shapes import Health


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
        return Reply(Health("ok", self._version, self._services.clock.now()))

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

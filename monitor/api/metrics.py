"""The figures of one server in Prometheus' terms, read from the store when they are asked for."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.api.services import Services
from monitor.store import BURIED
from monitor.types import AlertState, Measurement

METRICS = ("traffic.*", "performance.*", "drift.*")
"""Which measurements are shown: their newest window, over all rows of a version."""

_NEWEST = 2_000


class Figures(Collector):
    """Reads ledger, queue, alerts and newest measurements at each scrape; nothing is counted twice or kept here."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        """Yield every family of figures."""
        yield from self._rows()
        yield from self._letters()
        yield from self._halves()
        yield from self._ingest()
        yield self._kept()
        yield self._alerts()
        yield self._measurements()

    def _rows(self) -> Iterator[Metric]:
        received = CounterMetricFamily("watchglass_rows_received", "Rows that reached Watchglass.", labels=_SOURCE)
        fates = CounterMetricFamily(
            "watchglass_rows", "Rows by what became of them; over all outcomes, the rows received.", labels=_FATE
        )
        totals: Counter[tuple[str, str]] = Counter()
        for line in self._services.store.ledger.lines():
            fates.add_metric([line.model, line.source, line.outcome, line.reason], line.rows)
            totals[line.model, line.source] += line.rows
        for (model, source), rows in totals.items():
            received.add_metric([model, source], rows)
        yield received
        yield fates

    def _letters(self) -> Iterator[Metric]:
        letters = self._services.store.letters
        waiting = GaugeMetricFamily("watchglass_dead_letters", "Dead letters that wait.", labels=[*_SOURCE, "reason"])
        for row in letters.waiting():
            waiting.add_metric([row["model"], row["source"], row["reason"]], row["letters"])
        yield waiting
        kept = CounterMetricFamily("watchglass_dead_letters_kept", "Dead letters ever kept.", labels=["model"])
        ended = CounterMetricFamily(
            "watchglass_dead_letters_ended",
            "Dead letters that were replayed, deleted, kept long enough, or crowded out by newer ones.",
            labels=["model", "end"],
        )
        for (model, outcome), count in letters.ends().items():
            if outcome == BURIED:
                kept.add_metric([model], count)
            else:
                ended.add_metric([model, outcome], count)
        yield kept
        yield ended

    def _halves(self) -> Iterator[Metric]:
        unpaired = GaugeMetricFamily(
            "watchglass_halves_unpaired", "Halves of exchanges whose other side has not come.", labels=[*_HALF, "state"]
        )
        fates = CounterMetricFamily("watchglass_halves", "Halves of exchanges, by fate.", labels=[*_HALF, "fate"])
        for count in self._services.store.halves.counts(self._services.clock.now()):
            key = [count.model, count.source, count.side]
            for state in ("waiting", "orphan", "mismatched"):
                unpaired.add_metric([*key, state], getattr(count, state))
            for fate, halves in count.fates.items():
                fates.add_metric([*key, fate], halves)
        yield unpaired
        yield fates

    def _ingest(self) -> Iterator[Metric]:
        ingest = self._services.ingest
        yield GaugeMetricFamily("watchglass_queue_bytes", "Bytes waiting to be stored.", value=ingest.waiting_bytes)
        yield GaugeMetricFamily(
            "watchglass_body_bytes", "Bytes of bodies being read, parsed or stored.", value=self._services.intake.bytes
        )
        yield GaugeMetricFamily(
            "watchglass_waiting_requests", "Requests that wait for room.", value=self._services.intake.waiting
        )
        refused = CounterMetricFamily(
            "watchglass_refused", "Requests that were told to come again (429, 503, 507).", labels=["model", "reason"]
        )
        for (model, reason), requests in sorted(ingest.refusals.totals().items()):
            refused.add_metric([model, reason], requests)
        yield refused
        room = ingest.disk.room()
        yield GaugeMetricFamily("watchglass_disk_free_bytes", "Free on the store's disk.", value=room.free_bytes)
        yield GaugeMetricFamily(
            "watchglass_disk_reserve_bytes", "What must stay free there for capture.", value=room.reserve_bytes
        )
        taking = int(ingest.running and room.enough)
        yield GaugeMetricFamily("watchglass_capturing", "1 while rows are taken, 0 while refused.", value=taking)
        yield from self._services.commit_seconds.collect()

    def _kept(self) -> Metric:
        family = GaugeMetricFamily(
            "watchglass_rows_stored", "Rows stored, by what is left of them.", labels=["model", "state"]
        )
        for model in self._services.store.catalog.models():
            found = self._services.store.thinning.counts(model.name)
            for state in ("kept", "thinned", "expired"):
                family.add_metric([model.name, state], getattr(found, state))
        return family

    def _alerts(self) -> Metric:
        family = GaugeMetricFamily("watchglass_alerts_open", "Alerts that are firing.", labels=["model", "severity"])
        firing = self._services.store.alerts.query(state=AlertState.FIRING)
        for (model, severity), count in Counter((alert.model, alert.severity.value) for alert in firing).items():
            family.add_metric([model, severity], count)
        return family

    def _measurements(self) -> Metric:
        family = GaugeMetricFamily("watchglass_measurement", "Newest value of each measurement.", labels=_MEASURED)
        for model in self._services.store.catalog.models():
            newest: dict[tuple[str, str, str], Measurement] = {}
            for metric in METRICS:
                found = self._services.store.measurements.query(model.name, metric=metric, segment="all", limit=_NEWEST)
                newest.update({(each.version, each.metric, each.feature or ""): each for each in found})
            for (version, metric, feature), measurement in newest.items():
                if measurement.value is not None:
                    family.add_metric([model.name, version, metric, feature], measurement.value)
        return family


_SOURCE = ["model", "source"]
_HALF = [*_SOURCE, "side"]
_FATE = [*_SOURCE, "outcome", "reason"]
_MEASURED = ["model", "version", "metric", "feature"]

"""What recognising repeats costs as a store grows: the time to commit a batch with little and with much stored."""

import gc
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitor.clock import SystemClock
from monitor.ingest.committer import Committer
from monitor.ingest.receipts import Submission
from monitor.ingest.refusals import Refusals
from monitor.schema import conform_table, schema_from_dict
from monitor.store import Disk, Store
from monitor.types import Model, Settings
from tests.benchmarks.ingest_rows import MODEL, SCHEMA, rows, sent

BATCH = 1_000
_FILLS = {"VARCHAR": "'v'", "TIMESTAMP": "TIMESTAMP '2026-01-01'", "DOUBLE": "0.5", "BIGINT": "1", "INTEGER": "1"}


class Grown:
    """A store that holds ``stored`` rows, made inside the database, and a committer that adds to it."""

    def __init__(self, directory: Path, stored: int) -> None:
        self.path = directory / f"{stored}.duckdb"
        self._open()
        schema = schema_from_dict({**SCHEMA, "model": MODEL})
        self.store.catalog.put_model(Model(name=MODEL, schema=schema, settings=Settings(), created=datetime.now(UTC)))
        self.schema = schema
        table = f'captured."{MODEL}"'
        values = []
        for column in self.store.database.rows(f"DESCRIBE {table}"):
            name, kind = column["column_name"], column["column_type"]
            value = {"_id": "'old-' || n", "_seq": "n", "_hash": "n"}.get(name)
            values.append(value or _FILLS.get(kind, "[]" if kind.endswith("[]") else "NULL"))
        self.store.database.write(f"INSERT INTO {table} SELECT {', '.join(values)} FROM range(1, {stored + 1}) AS r(n)")
        self.close()
        before = rss_mb()
        begun = time.perf_counter()
        self._open()
        self.store.rows.existing(MODEL, ["none"])
        self.restart_s = time.perf_counter() - begun
        gc.collect()
        self.index_mb = rss_mb() - before

    def _open(self) -> None:
        self.store = Store.open(self.path, memory_limit="1GB", threads=2)
        self.committer = Committer(self.store, SystemClock(), Disk(None), Refusals(self.store))

    def add(self, number: int) -> float:
        """Commit one batch, a tenth of it sent before, and return how long that took."""
        table = sent(rows(BATCH, number, f"new-{number}"))
        if number:
            again = sent(rows(BATCH, number - 1, f"new-{number - 1}"))
            table = pa.concat_tables([table.slice(BATCH // 10), again.slice(BATCH * 9 // 10)])
        conformed = conform_table(table, self.schema, source="http", now=datetime.now(UTC))
        submission = Submission(
            model=MODEL, conformed=conformed, labels=(), source="http", received=BATCH, client=None, drops={}
        )
        submission.future.set_running_or_notify_cancel()
        begun = time.perf_counter()
        self.committer.commit([submission])
        seconds = time.perf_counter() - begun
        receipt = submission.future.result()
        assert receipt.stored == (BATCH if not number else BATCH * 9 // 10), receipt
        return seconds

    def close(self) -> None:
        """Close the store."""
        self.store.close()


def rss_mb() -> float:
    """Return the resident memory of this process, in MB (10⁶ bytes)."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096 / 1e6


def measure(directory: Path, few: int, many: int, batches: int) -> dict[str, float]:
    """Return how much longer a batch takes with ``many`` rows stored than with ``few``, asked in turn."""
    small, large = Grown(directory, few), Grown(directory, many)
    times: dict[Grown, list[float]] = {small: [], large: []}
    for number in range(batches + 3):
        for store in (small, large) if number % 2 else (large, small):
            times[store].append(store.add(number))
    medians = {store: float(np.median(taken[3:])) for store, taken in times.items()}
    for store in times:
        store.close()
    return {
        "dedupe_slowdown_10m": medians[large] / medians[small],
        "dedupe_batch_ms_100k": medians[small] * 1e3,
        "dedupe_batch_ms_10m": medians[large] * 1e3,
        "dedupe_restart_s_10m": large.restart_s,
        "dedupe_index_mb_10m": large.index_mb,
    }

"""One HTTP exchange with a served model, kept as it passed; read later, on the client's thread."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.client.dialects import Dialect
from monitor.client.items import Kind, Row
from monitor.collectors.pairing import is_probe, pair
from monitor.types import Task

Headers = Iterable[tuple[bytes, bytes]]

_SHAPE = re.compile(rb'"shape"\s*:\s*\[\s*(\d{1,9})')


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a served model beside what its exchanges say.

    ``id_column`` is the input that holds the rows' ids; ``task`` what the model predicts; ``columns`` the names of an
    unnamed matrix's columns, by commas.
    """

    id_column: str = "id"
    task: Task | None = None
    columns: str | None = None


@dataclass(slots=True)
class Exchange:
    """A request and its answer: their headers, and their bodies in the pieces in which they came."""

    model: str
    version: str | None
    dialect: Dialect
    path: str
    request: list[bytes]
    response: list[bytes]
    request_headers: Headers
    response_headers: Headers
    time: str | None
    now: datetime
    latency_ms: float
    status: int
    identity: str
    reading: Reading
    rows: int
    size: int
    kind: Kind = "inferences"

    def build(self) -> Iterator[Row]:
        """Parse both bodies and make one row per inference; nothing for a probe.

        Raises:
            InvalidInput: a body is not of the dialect, or the two do not belong together.
        """
        columns = {} if self.reading.columns is None else {"watchglass-columns": self.reading.columns}
        headers = {**columns, **_by_name(self.request_headers), ":path": self.path}
        asked = self.dialect.read("request", b"".join(self.request), headers)
        if is_probe(asked):
            return
        headers = {**_by_name(self.response_headers), ":status": str(self.status)}
        answered = self.dialect.read("response", b"".join(self.response), headers)
        moment = self.time or self.now.astimezone(UTC).isoformat()
        inferences = pair(
            asked,
            answered,
            task=self.reading.task,
            version=self.version,
            latency_ms=self.latency_ms,
            status=str(self.status),
            id_column=self.reading.id_column,
        )
        for place, row in enumerate(inferences):
            yield {
                "id": row.id or f"{self.identity}:{place}",
                "version": row.version,
                "time": moment,
                "features": row.features,
                "prediction": row.prediction,
                "scores": row.scores,
                "latency_ms": row.latency_ms,
                "batch_size": row.batch_size,
                "status": row.status,
            }


def _by_name(headers: Headers) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def rows_in(request: bytes) -> int:
    """Guess from the start of a request how many rows its first tensor holds, at the cost of a glance; 1 if unsaid.

    >>> rows_in(b'{"inputs": [{"name": "x", "shape": [32, 4], "datatype": "FP32"')
    32
    """
    found = _SHAPE.search(request)
    return max(int(found[1]), 1) if found else 1

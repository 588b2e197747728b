"""One HTTP exchange with a served model, copied as it passed; read later, on the client's thread."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from monitor.client.items import Kind, Row
from monitor.collectors import Half
from monitor.collectors.pairing import is_probe, pair
from monitor.collectors.v2 import V2
from monitor.types import Task

_SHAPE = re.compile(rb'"shape"\s*:\s*\[\s*(\d{1,9})')

_v2 = V2()


@dataclass(slots=True)
class Exchange:
    """Request and response bodies of Open Inference Protocol v2, in the pieces in which they came."""

    model: str
    version: str | None
    request: list[bytes]
    response: list[bytes]
    time: str | None
    now: datetime
    latency_ms: float
    status: int
    identity: str
    id_column: str
    task: Task | None
    rows: int
    size: int
    kind: Kind = "inferences"

    def build(self) -> Iterator[Row]:
        """Parse both bodies and make one row per inference; nothing for a probe.

        Raises:
            InvalidInput: a body is not of the protocol, or the two do not belong together.
        """
        (asked,) = _v2.parse(b"".join(self.request), {})
        if not isinstance(asked, Half) or is_probe(asked):
            return
        (answered,) = _v2.parse(b"".join(self.response), {})
        if not isinstance(answered, Half):
            return
        moment = self.time or self.now.astimezone(UTC).isoformat()
        inferences = pair(
            asked,
            answered,
            task=self.task,
            version=self.version,
            latency_ms=self.latency_ms,
            status=str(self.status),
            id_column=self.id_column,
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


def rows_in(request: bytes) -> int:
    """Guess from the start of a request how many rows its first tensor holds, at the cost of a glance; 1 if unsaid.

    >>> rows_in(b'{"inputs": [{"name": "x", "shape": [32, 4], "datatype": "FP32"')
    32
    """
    found = _SHAPE.search(request)
    return max(int(found[1]), 1) if found else 1

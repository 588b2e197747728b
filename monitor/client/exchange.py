"""One HTTP exchange with a served model, kept as it passed; read later, on the client's thread."""

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from monitor.client.dialects import Dialect
from monitor.client.items import Kind, Row
from monitor.collectors import Half
from monitor.collectors.pairing import aligned, is_probe, pair
from monitor.errors import InvalidInput
from monitor.types import Task

Headers = Iterable[tuple[bytes, bytes]]

_SHAPE = re.compile(rb'"shape"\s*:\s*\[\s*(\d{1,9})')


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a served model beside what its exchanges say.

    ``id_column`` is the input that holds the rows' ids; ``task`` what the model predicts; ``columns`` the names of an
    unnamed matrix's columns, by commas; ``tensor`` what a body that is one raw tensor is: ``NAME DATATYPE SIZE…``.
    """

    id_column: str = "id"
    task: Task | None = None
    columns: str | None = None
    tensor: str | None = None

    def headers(self) -> dict[str, str]:
        """Return what the collectors read of it, as headers.

        >>> Reading(tensor="x FP32 4").headers()
        {'watchglass-tensor': 'x FP32 4'}
        """
        known = {"watchglass-columns": self.columns, "watchglass-tensor": self.tensor}
        return {name: value for name, value in known.items() if value is not None}


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

    def build(self) -> Iterator[Row | None]:
        """Parse both bodies and make one row per inference; nothing for a probe. None is a moment to rest.

        Raises:
            InvalidInput: a body is not of the dialect, or the two do not belong together.
        """
        headers = {**self.reading.headers(), **_by_name(self.request_headers), ":path": self.path}
        body = b"".join(self.request)
        asked = self.dialect.read("request", body, headers)
        if is_probe(asked):
            return
        yield None
        told = {**_by_name(self.response_headers), ":status": str(self.status)}
        answered = aligned(asked, self.dialect.read("response", b"".join(self.response), told))
        if asked.rows != answered.rows:
            asked, answered = self._agreed(asked, answered, body, headers)
        yield None
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

    def _agreed(self, asked: Half, answered: Half, body: bytes, headers: Mapping[str, str]) -> tuple[Half, Half]:
        """Return both sides in as many rows: those of the answer if the request can be read so, else all as one row."""
        if asked.rows == 1:
            with contextlib.suppress(InvalidInput):
                rows = {**headers, "watchglass-rows": str(answered.rows)}
                again = self.dialect.read("request", body, rows)
                if again.rows == answered.rows:
                    return again, answered
        return as_one_row(asked), as_one_row(answered)


def as_one_row(half: Half) -> Half:
    """Return what has no rows in common with its other side as one row: every value is kept, in order.

    >>> as_one_row(Half(side="request", rows=2, columns={"x": [1, 2], "y": [[1.0], [2.0]]})).columns
    {'x': [[1, 2]], 'y': [[1.0, 2.0]]}
    """
    columns = {name: [_flat(values)] if half.rows != 1 else values for name, values in half.columns.items()}
    return replace(half, rows=1, columns=columns)


def _flat(values: Any) -> Any:
    """Return nested lists in one; texts, which no list holds, as their JSON."""
    flat = [values]
    while any(isinstance(value, list) for value in flat):
        flat = [item for value in flat for item in (value if isinstance(value, list) else [value])]
    return flat if all(value is None or isinstance(value, int | float) for value in flat) else json.dumps(flat)


def _by_name(headers: Headers) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def rows_in(request: bytes) -> int:
    """Guess from the start of a request how many rows its first tensor holds, at the cost of a glance; 1 if unsaid.

    >>> rows_in(b'{"inputs": [{"name": "x", "shape": [32, 4], "datatype": "FP32"')
    32
    """
    found = _SHAPE.search(request)
    return max(int(found[1]), 1) if found else 1

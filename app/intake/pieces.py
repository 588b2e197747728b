"""What is sent at once: rows and labels in bytes, and which rows of which files they are."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import pyarrow as pa

Kind = Literal["inferences", "labels"]

ARROW, NDJSON = "application/vnd.apache.arrow.stream", "application/x-ndjson"
LARGEST = 4 * 2**20
"""The most bytes of one body; the server takes 10 MiB if not told otherwise."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a piece holds of one file. ``done``: there is nothing more of it; ``halves`` it gave, all in all."""

    place: int
    inferences: int = 0
    labels: int = 0
    done: bool = False
    halves: int = 0


@dataclass(slots=True)
class Piece:
    """Bodies with their kind, media type, number of rows and, for messages, the first row's place."""

    parts: list[Part]
    bodies: list[bytes] = field(default_factory=list)
    about: list[dict[str, Any]] = field(default_factory=list)

    def add(self, kind: Kind, media: str, body: bytes, rows: int, first: int) -> None:
        """Add one body; rows go before the labels that name them."""
        self.bodies.append(body)
        self.about.append({"kind": kind, "media": media, "rows": rows, "first": first})

    def says(self) -> dict[str, Any]:
        """Return what its frame says beside the bodies."""
        return {"about": self.about, "parts": [asdict(part) for part in self.parts]}


def arrow_bytes(table: pa.Table) -> bytes:
    """Return a table as an Arrow stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def cut(table: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield a table in slices of about `LARGEST` bytes, with their first rows; the same every time."""
    rows = max(1, min(len(table), len(table) * LARGEST // max(table.nbytes, 1)))
    for start in range(0, len(table), rows):
        yield start, table.slice(start, rows)


def line_of(row: Mapping[str, Any]) -> bytes:
    """Return a row as one line of JSON; NaN stays what it is, which the server reads and flags."""
    return json.dumps(row, default=_plain).encode()


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

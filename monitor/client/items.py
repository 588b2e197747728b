"""What waits in the client's queue: something that was seen, with its size, and how to make rows of it later."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Literal, Protocol

from monitor.client.snapshot import Snapshot

Kind = Literal["inferences", "labels"]
Row = Mapping[str, object]


class Item(Protocol):
    """One thing in the queue. ``size`` is about how many bytes it holds, ``rows`` how many rows it stands for."""

    model: str
    kind: Kind
    rows: int
    size: int

    def build(self) -> Iterator[Row | None]:
        """Make the rows as they are sent; None is no row, but where the client's thread may rest meanwhile.

        Runs on that thread; may raise anything.
        """
        ...


@dataclass(slots=True)
class LoggedRows:
    """Rows given to ``client.log``: columns in, columns out."""

    model: str
    version: str
    inputs: Snapshot
    outputs: Snapshot
    ids: list[object] | None
    times: list[object] | None
    latency_ms: float | None
    identity: str
    now: datetime
    rows: int
    size: int
    ran: Mapping[str, object] = field(default_factory=dict)
    kind: Kind = "inferences"

    def build(self) -> Iterator[Row]:
        """Make one row per inference."""
        features = self.inputs.records()
        answers = self.outputs.answers(self.rows)
        ids = self.ids or (
            [self.identity] if self.rows == 1 else [f"{self.identity}:{row}" for row in range(self.rows)]
        )
        times = self.times or [self.now] * self.rows
        for name, time, row, answer in zip(ids, times, features, answers, strict=True):
            yield {
                "id": name if isinstance(name, str) else str(name),
                "version": self.version,
                "time": _aware(time),
                "features": row,
                **answer,
                "latency_ms": self.latency_ms,
                "batch_size": self.rows,
                **self.ran,
            }


@dataclass(slots=True)
class LoggedLabels:
    """Truths given to ``client.label``."""

    model: str
    ids: list[object]
    values: list[object]
    times: list[object] | None
    rows: int
    size: int
    kind: Kind = "labels"

    def build(self) -> Iterator[Row]:
        """Make one row per label."""
        for place, (name, value) in enumerate(zip(self.ids, self.values, strict=True)):
            row: dict[str, object] = {"id": name if isinstance(name, str) else str(name), "value": value}
            if self.times is not None:
                row["time"] = _aware(self.times[place])
            yield row


# Not uuid4: it asks the system, which lets go of the interpreter in the middle of someone's request.
_random = Random()  # noqa: S311 - names, not secrets
os.register_at_fork(after_in_child=_random.seed)


def new_identity() -> str:
    """Return an id that no other row has; a batch's rows add their number to it."""
    return f"{_random.getrandbits(128):032x}"


def _aware(time: object) -> object:
    return time.replace(tzinfo=UTC) if isinstance(time, datetime) and time.tzinfo is None else time

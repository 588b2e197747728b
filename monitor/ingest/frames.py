"""What one frame of the journal holds: rows and halves of exchanges, as they are written and read again."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.ingest.arrivals import Arrival
from monitor.ingest.receipts import Submission
from monitor.ingest.rows import inference_as_sent
from monitor.schema import Conformed, conform
from monitor.schema.canonical import TIME
from monitor.store import Store
from monitor.store.packing import unpack
from monitor.types import Inference

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()


@dataclass(frozen=True, slots=True)
class Group:
    """Rows or halves of one model and source that were acknowledged together, and when they were received.

    ``ids`` are those of the rows that its halves are known to give; they are not written.
    """

    model: str
    source: str
    received: datetime
    rows: Sequence[Inference]
    halves: Sequence[Arrival] = ()
    ids: Sequence[str | None] = ()

    @property
    def size(self) -> int:
        """How many rows and halves it has."""
        return len(self.rows) + len(self.halves)

    @property
    def names(self) -> set[tuple[str, str | None]]:
        """The model and id of every row that it has or gives, where it has an id."""
        return {(self.model, name) for name in (*(row.id for row in self.rows), *self.ids) if name is not None}

    @property
    def ones(self) -> "list[Group]":
        """The same rows and halves, each alone."""
        rows = [Group(self.model, self.source, self.received, [row]) for row in self.rows]
        return rows + [Group(self.model, self.source, self.received, (), [half]) for half in self.halves]


@dataclass(frozen=True, slots=True)
class Held:
    """One frame of the journal in memory; ``bytes`` is how long it is in the file."""

    number: int
    groups: Sequence[Group]
    bytes: int


def written(groups: Sequence[Group]) -> bytes:
    """Return groups as the journal holds them.

    Raises:
        OverflowError, UnicodeEncodeError, TypeError: a value that MessagePack cannot hold.
    """
    return _encoder.encode([_parts(group) for group in groups])


def _parts(group: Group) -> tuple[object, ...]:
    own = (group.model, group.source, group.received, group.rows)
    if not group.halves:
        return own
    return (*own, [(each.exchange, each.digest, each.body, each.version, each.id_column) for each in group.halves])


def read(payload: bytes) -> list[Group]:
    """Return what `written` was given.

    >>> from datetime import UTC
    >>> moment = datetime(2013, 5, 1, tzinfo=UTC)
    >>> group = Group("m", "http", moment, [Inference(id="a", features={"x": float("inf")}, scores=(0.5,))])
    >>> read(written([group])) == [group]
    True
    """
    return [
        Group(
            model,
            source,
            received,
            [_inference(row) for row in rows],
            [_arrival(half, received) for half in (halves[0] if halves else ())] or (),
        )
        for model, source, received, rows, *halves in _decoder.decode(payload)
    ]


def _inference(row: dict[str, Any]) -> Inference:
    scores = row["scores"]
    return Inference(**{**row, "scores": None if scores is None else tuple(scores)})


def _arrival(parts: Sequence[Any], received: datetime) -> Arrival:
    exchange, digest, body, version, id_column = parts
    return Arrival(
        half=unpack(body),
        exchange=exchange,
        digest=digest,
        body=body,
        version=version,
        id_column=id_column,
        received=received,
    )


def submissions(store: Store, held: Sequence[Held]) -> list[Submission]:
    """Return one submission a model and source, with the rows and halves of all frames."""
    parts: dict[tuple[str, str], list[Group]] = {}
    for frame in held:
        for group in frame.groups:
            parts.setdefault((group.model, group.source), []).append(group)
    return [_submission(store, model, source, groups) for (model, source), groups in parts.items()]


def _submission(store: Store, model: str, source: str, groups: Sequence[Group]) -> Submission:
    halves = [half for group in groups for half in group.halves]
    rows = [row for group in groups for row in group.rows]
    return Submission(
        model=model,
        conformed=_conformed(store, model, source, groups, rows) if rows else None,
        labels=(),
        source=source,
        received=len(rows),
        client=None,
        drops={},
        halves=halves or None,
    )


def _conformed(store: Store, model: str, source: str, groups: Sequence[Group], rows: Sequence[Inference]) -> Conformed:
    """Return rows as they would have been had each been brought in when it was received."""
    now = max(group.received for group in groups)
    made = conform(rows, store.catalog.model(model).schema, source=source, now=now)
    rejected = [replace(bad, sent=inference_as_sent(rows[bad.row])) for bad in made.rejected]
    refused = {bad.row for bad in rejected}
    stay = np.array([place not in refused for place in range(len(rows))]) if refused else slice(None)
    counts = [len(group.rows) for group in groups]
    moments = np.array([group.received.replace(tzinfo=None) for group in groups], "datetime64[us]")
    received = pa.array(np.repeat(moments, counts)[stay]).cast(TIME)
    untold = pa.array(np.array([row.time is None for row in rows], bool)[stay])
    batch = made.batch
    batch = batch.set_column(*_place(batch, "_time"), pc.if_else(untold, received, batch["_time"]))
    batch = batch.set_column(*_place(batch, "_received"), received)
    return Conformed(batch, rejected)


def _place(batch: pa.Table, name: str) -> tuple[int, pa.Field]:
    place = batch.schema.get_field_index(name)
    return place, batch.schema.field(place)

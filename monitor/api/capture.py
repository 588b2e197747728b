"""Take inferences and labels: the path that every prediction of a served model goes."""

import asyncio
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from monitor.api.operation import ARROW_STREAM, JSON, NDJSONS, BodySpec, Call, Operation, Parameter, Reply
from monitor.api.problem import Detail, Problem
from monitor.api.quick import Quick
from monitor.api.rows import Rows, label_rows, read_inferences, read_labels
from monitor.api.services import Services
from monitor.api.tables import read_table
from monitor.api.waking import Waker
from monitor.ingest import LABELS, Receipt
from monitor.schema import Conformed, Rejected, Sent, arrow_schema, check_name, conform, conform_table, is_plain
from monitor.types import Inference, Label, Model, Version

LARGE = 1 << 14
"""Bodies from this size on are read in a thread, so that they do not hold up the small ones."""

FEW = 100
"""Requests of at most so many rows are conformed by the committer, many requests at a time."""

MOST_VERSIONS = 200
"""From so many versions on, one that is new in the traffic is captured but no longer registered by itself."""

_OWN = frozenset(field.name for field in fields(Inference))
_NAMES = frozenset({"bad_id", "bad_column"})
_SHOWN = 20
_MOST_BYTES, _MOST_ROWS = 256 * 2**20, 1_000_000  # of an Arrow stream, in memory
_DROPPED = re.compile(r"([a-z0-9_-]{1,64})=([0-9]{1,18})")
_HEADERS = (
    Parameter(name="watchglass-source", where="header", description="Who sends; kept with each row."),
    Parameter(name="watchglass-client", where="header", description="The sending client's id, one per process."),
    Parameter(
        name="watchglass-dropped",
        where="header",
        description="What that client dropped since it started, by reason: queue_full=12, too_large=1.",
    ),
)


class Capture:
    """The handlers of inferences and labels. They answer once the rows are durable."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._versions: set[tuple[str, str]] = set()
        self._waker = Waker()
        self.quick = Quick(services, self._versions, self._waker)

    async def post_inferences(self, call: Call) -> Reply:
        """Take inferences."""
        model = self._services.store.catalog.model(call.path["model"])
        self._services.ingest.check(model.name)
        source = _source(call)
        if len(call.body) < LARGE and call.media != ARROW_STREAM:
            rows = read_inferences(call.body, call.media, empty=bool(_drops(call)))
            if not rows.rejected and len(rows.taken) <= FEW and is_plain(rows.taken, model.schema):
                await self._registered(model.name, {row.version for row in rows.taken})
                return Reply(await self._submit(call, model, None, [], rows.received, source, rows.taken))
            received, conformed = self._conformed(rows, model, source)
        elif len(call.body) < LARGE:
            received, conformed = self._inferences(call, model, source)
        else:
            received, conformed = await asyncio.to_thread(self._inferences, call, model, source)
        await self._registered(model.name, set(pc.unique(conformed.batch["_version"]).to_pylist()))
        return Reply(await self._submit(call, model, conformed, [], received, source))

    async def _registered(self, model: str, versions: set[str]) -> None:
        seen = {(model, version) for version in versions}
        if not seen <= self._versions:
            await asyncio.to_thread(self.register, model, seen)

    def _inferences(self, call: Call, model: Model, source: str) -> tuple[int, Conformed]:
        if call.media == ARROW_STREAM:
            table = _table(call.body)
            now = self._services.clock.now()
            conformed = conform_table(table, model.schema, source=source, now=now)
            if len(conformed.rejected) == table.num_rows:
                _refuse_names(conformed.rejected)
            return table.num_rows, _with_sent(conformed, table)
        return self._conformed(read_inferences(call.body, call.media, empty=bool(_drops(call))), model, source)

    def _conformed(self, rows: Rows[Inference], model: Model, source: str) -> tuple[int, Conformed]:
        now = self._services.clock.now()
        conformed = conform(rows.taken, model.schema, source=source, now=now)
        if not conformed.rejected and not rows.rejected:
            return rows.received, conformed
        places = [rows.places[bad.row] for bad in conformed.rejected]
        rejected = [
            replace(bad, row=place, sent=rows.sent(place))
            for bad, place in zip(conformed.rejected, places, strict=True)
        ]
        if len(rejected) == rows.received:
            _refuse_names(rejected)
        return rows.received, Conformed(conformed.batch, rows.rejected + rejected)

    def register(self, model: str, seen: set[tuple[str, str]]) -> None:
        """Register versions that only traffic tells of, so that they are listed; at most so many a model."""
        catalog = self._services.store.catalog
        with self._services.store.transaction():
            known = {version.version for version in catalog.versions(model)}
            fresh = sorted(version for _, version in seen if version not in known)
            for version in fresh[: max(MOST_VERSIONS - len(known), 0)]:
                catalog.put_version(Version(model=model, version=version, created=self._services.clock.now()))
        self._versions |= seen

    async def post_labels(self, call: Call) -> Reply:
        """Take labels."""
        model = self._services.store.catalog.model(call.path["model"])
        self._services.ingest.check(model.name)
        rows = _labels(call) if len(call.body) < LARGE else await asyncio.to_thread(_labels, call)
        # Ingest numbers what could not be read before the labels that could: hand them in so, and number them back.
        unread = [replace(bad, row=place) for place, bad in enumerate(rows.rejected)]
        conformed = Conformed(arrow_schema(model.schema).empty_table(), unread) if unread else None
        receipt = await self._submit(call, model, conformed, rows.taken, rows.received, LABELS)
        places = [bad.row for bad in rows.rejected] + rows.places
        errors = sorted((replace(error, row=places[error.row]) for error in receipt.errors), key=lambda each: each.row)
        return Reply(replace(receipt, errors=errors))

    async def _submit(
        self,
        call: Call,
        model: Model,
        conformed: Conformed | None,
        labels: list[Label],
        received: int,
        source: str,
        rows: Sequence[Inference] = (),
    ) -> Receipt:
        client = call.text("watchglass-client")
        begun = time.perf_counter()
        waiting = self._services.ingest.submit(
            model.name,
            conformed,
            labels,
            source=source,
            received=received,
            client=client,
            drops=_drops(call),
            rows=rows,
            plain=True,
        )
        receipt = await self._waker.wait(waiting)
        self._services.commit_seconds.observe(time.perf_counter() - begun)
        return receipt


def _refuse_names(rejected: Sequence[Rejected]) -> None:
    """Refuse a request of nothing but rows whose names no row may have: the sender can mend that, and keeps them.

    Raises:
        Problem: 422, nothing is counted or kept.
    """
    if all(bad.reason in _NAMES for bad in rejected):
        details = [Detail(f"rows[{bad.row}]", bad.detail) for bad in rejected[:_SHOWN]]
        raise Problem(422, f"No row can be taken: {details[0].detail}", details)


def _with_sent(conformed: Conformed, table: pa.Table) -> Conformed:
    """Keep what a table's rejected rows held, as the rows of JSON that would say the same."""
    if not conformed.rejected:
        return conformed
    rows = table.take([bad.row for bad in conformed.rejected]).to_pylist()
    return Conformed(
        conformed.batch,
        [
            replace(bad, sent=Sent("inferences", json.dumps(_wire(row), default=str).encode()))
            for bad, row in zip(conformed.rejected, rows, strict=True)
        ],
    )


def _wire(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        name[1:] if name[1:] in _OWN and name.startswith("_") else name: value
        for name, value in row.items()
        if value is not None
    }


def _source(call: Call) -> str:
    named = call.text("watchglass-source")
    if named is not None:
        return check_name("source", named)
    return "http" if call.text("watchglass-client") is None else "client"


def _drops(call: Call) -> dict[str, int]:
    """Read a client's own count of what it dropped.

    Raises:
        Problem: 422 the header is not reason=rows,…, or comes without the client's id.
    """
    given = call.text("watchglass-dropped")
    if not given:
        return {}
    found = [_DROPPED.fullmatch(part.strip()) for part in given.split(",")]
    if call.text("watchglass-client") is None or not all(found):
        raise Problem(422, f"watchglass-dropped is {given[:80]!r}; allowed: reason=rows,… with watchglass-client.")
    return {match[1]: int(match[2]) for match in found if match is not None}


def _labels(call: Call) -> Rows[Label]:
    if call.media != ARROW_STREAM:
        return read_labels(call.body, call.media, empty=bool(_drops(call)))
    return label_rows(_table(call.body).to_pylist())


def _table(body: bytes) -> pa.Table:
    table = read_table(body, ARROW_STREAM, most_bytes=_MOST_BYTES, most_rows=_MOST_ROWS)
    if table.num_rows == 0:
        raise Problem(400, "The stream has no rows; send at least one.")
    return table


def operations(services: Services) -> list[Operation]:
    """Return the operations that capture."""
    capture = Capture(services)
    return [
        Operation(
            method="POST",
            path=f"/v1/models/{{model}}/{what}",
            name=f"post_{what}",
            summary=f"Take {what}: a JSON array or object, NDJSON, or an Arrow stream. Answers once they are durable.",
            tag="capture",
            handler=handler,
            replies={200: Receipt},
            errors=(400, 404, 408, 413, 415, 422, 429, 503, 507),
            parameters=_HEADERS,
            direct=True,
            quick=capture.quick if what == "inferences" else None,
            body=BodySpec(media=(JSON, *NDJSONS, ARROW_STREAM), type=shape),
        )
        for what, handler, shape in (
            ("inferences", capture.post_inferences, list[Inference] | Inference),
            ("labels", capture.post_labels, list[Label] | Label),
        )
    ]

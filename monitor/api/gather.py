"""Read a body in a model server's own format into what ingest takes: rows, labels, halves, and what cannot be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from uuid import uuid4

from monitor.api.decode import decode_json
from monitor.api.problem import Problem
from monitor.api.rows import MAX_ID
from monitor.collectors import Collector, Half
from monitor.collectors.records import BadRecord, BadRecords
from monitor.collectors.v2_binary import LENGTH, split
from monitor.errors import InvalidInput
from monitor.ingest.arrivals import Arrival, arrival
from monitor.ingest.receipts import MALFORMED
from monitor.schema import Conformed, Rejected, Sent, arrow_schema, conform
from monitor.types import Inference, Label, Model

_BATCH = "application/cloudevents-batch"
_KEPT = ("content-type", LENGTH, "x-request-id", ":path", ":status")
"""The headers that a dead letter keeps, beside those of the event and our own: none that could be a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a body is to be read: by which collector, for which model, and what it does not say itself.

    ``headers`` are what the collector is given; ``source`` is what the ledger counts under; ``version`` and
    ``id_column`` are as for `monitor.collectors.pairing.pair`.
    """

    collector: Collector
    model: Model
    headers: Mapping[str, str]
    source: str
    version: str | None = None
    id_column: str = "id"


@dataclass(slots=True)
class Gathered:
    """What one body held. ``received`` counts rows, labels and records that cannot be read, not halves.

    ``conformed`` is None where there is no row, and nothing that could not be read.
    """

    conformed: Conformed | None
    labels: list[Label] = field(default_factory=list)
    halves: list[Arrival] = field(default_factory=list)
    received: int = 0
    error: InvalidInput | None = None

    @property
    def nothing(self) -> bool:
        """Whether not a single record could be read."""
        rows = 0 if self.conformed is None else self.conformed.batch.num_rows
        return self.error is not None and not (rows or self.labels or self.halves)

    @property
    def rejected(self) -> list[Rejected]:
        """What could not be read or taken as a row."""
        return [] if self.conformed is None else self.conformed.rejected


def gather(body: bytes, reading: Reading, now: datetime) -> Gathered:
    """Read a whole body; never raises for what is in it, but tells of it.

    Rows without an id get one made of the body and their place in it, so that the same body gives the same ids. A half
    that nothing could pair gets one of its own.
    """
    made = ""
    rows: list[Inference] = []
    labels: list[Label] = []
    halves: list[Half] = []
    bad: list[BadRecord] = []
    error: InvalidInput | None = None
    refused = 0
    try:
        for found in reading.collector.parse(body, reading.headers):
            if isinstance(found, Half):
                halves.append(found)
            elif isinstance(found, Label):
                labels.append(replace(found, version=reading.version or found.version))
            else:
                made = made or f"{reading.source}-{sha256(body).hexdigest()[:16]}"
                name = found.id or f"{made}:{len(rows)}"
                rows.append(replace(found, id=name, version=reading.version or found.version))
    except BadRecords as records:
        error, refused, bad = records, records.refused, list(records.records)
    except InvalidInput as one:
        error, refused, bad = one, 1, [BadRecord(1, str(one), body)]
    arrivals, misnamed = _arrivals(halves, reading)
    schema = reading.model.schema
    unread = [Rejected(0, None, MALFORMED, each.detail, _sent(each.body, body, reading)) for each in bad]
    unread = [replace(each, row=len(rows) + place) for place, each in enumerate(unread + misnamed)]
    conformed = conform(rows, schema, source=reading.source, now=now) if rows else None
    if unread:
        taken = conformed or Conformed(arrow_schema(schema).empty_table())
        conformed = Conformed(taken.batch, taken.rejected + unread)
    return Gathered(
        conformed=conformed,
        labels=labels,
        halves=arrivals,
        received=len(rows) + len(labels) + refused + len(misnamed),
        error=error,
    )


def unread(problem: Problem, body: bytes, reading: Reading) -> Gathered:
    """Return what to hand in for a body that could not even be received, so that it is counted as lost."""
    reason = "too_large" if problem.status == 413 else MALFORMED
    lost = Rejected(0, None, reason, problem.detail, _sent(body, body, reading))
    empty = arrow_schema(reading.model.schema).empty_table()
    return Gathered(Conformed(empty, [lost]), received=1, error=InvalidInput(problem.detail))


def check_framing(body: bytes, headers: Mapping[str, str]) -> object:
    """Return the JSON that a body is, or begins with, before binary tensors.

    Raises:
        Problem: 400 it is not JSON, nested too deep, names a key twice, or its JSON ends beyond it.
    """
    if LENGTH in headers or b'"binary_data_size"' in body:
        try:
            body, rest = split(body, headers)
        except InvalidInput as error:
            raise Problem(400, str(error)) from None
        if not body and rest:
            return {"raw": True}  # one tensor's bytes and nothing else
    return decode_json(body)


def _arrivals(halves: list[Half], reading: Reading) -> tuple[list[Arrival], list[Rejected]]:
    arrivals: list[Arrival] = []
    misnamed: list[Rejected] = []
    for half in halves:
        exchange = half.exchange or half.id or uuid4().hex
        try:
            exchange.encode()
            fits = len(exchange) <= MAX_ID and "\0" not in exchange
        except UnicodeEncodeError:
            fits = False
        if fits:
            arrivals.append(arrival(half, exchange, version=reading.version, id_column=reading.id_column))
        else:
            detail = f"id: got {len(exchange):,} characters; 1 to {MAX_ID} characters of text are allowed"
            misnamed.append(Rejected(0, None, "bad_id", detail))
    return arrivals, misnamed


def _sent(record: bytes, body: bytes, reading: Reading) -> Sent:
    """Return a record, or a whole body, as it can be given to the collector again."""
    headers = {
        name: value
        for name, value in reading.headers.items()
        if name in _KEPT or name.startswith(("ce-", "watchglass-"))
    }
    if record is not body and headers.get("content-type", "").startswith(_BATCH):
        headers["content-type"] = "application/cloudevents+json"
    more = {"watchglass-version": reading.version, "watchglass-id-column": reading.id_column}
    headers |= {name: value for name, value in more.items() if value is not None}
    return Sent(reading.collector.name, record, headers)

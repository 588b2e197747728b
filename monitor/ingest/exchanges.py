"""Join the two halves of exchanges as they are committed: each half once, each pair once, in one transaction.

A half is kept under what both sides of its exchange carry. When the other side comes, the rows are made and both
halves go, in the transaction that stores the rows: a crash leaves either both halves or all rows. What is complete is
remembered by digest, so that a repeat is told from a contradiction.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

from monitor.collectors import Half
from monitor.collectors.pairing import is_probe, pair
from monitor.errors import InvalidInput
from monitor.ingest.arrivals import Arrival
from monitor.ingest.receipts import CONFLICT, Submission
from monitor.schema import Rejected, Sent
from monitor.store import Store
from monitor.store.half import PROBE, KeptHalf, Paired, half_line
from monitor.store.packing import squeeze, stretch, unpack
from monitor.types import Inference, LedgerLine, Task

_OTHER = {"request": "response", "response": "request"}


@dataclass(slots=True)
class Joined:
    """What became of the halves of one submission: rows of pairs, refusals, and counts of halves."""

    inferences: list[Inference] = field(default_factory=list)
    refused: list[Rejected] = field(default_factory=list)
    lines: list[LedgerLine] = field(default_factory=list)
    repeated: int = 0
    waiting: int = 0
    paired: int = 0
    probes: int = 0
    failed: int = 0


@dataclass(slots=True)
class Known:
    """What is known of exchanges of one source, kept up to date as halves come."""

    kept: dict[tuple[str, str], KeptHalf] = field(default_factory=dict)
    done: dict[tuple[str, str], int] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    paired: list[Paired] = field(default_factory=list)


def join(store: Store, model: str, submissions: Sequence[Submission], now: datetime) -> list[Joined]:
    """Keep halves, or pair them with those that wait; within the running transaction.

    Args:
        store: in a transaction.
        model: whose submissions they are.
        submissions: in the order they came.
        now: the present moment; a mate that is an orphan by now is counted as late.

    Returns:
        What became of the halves of each submission, in the same order.
    """
    joined = [Joined() for _ in submissions]
    by_source: dict[str, list[tuple[Joined, Arrival]]] = {}
    for told, submission in zip(joined, submissions, strict=True):
        for each in submission.halves or ():
            by_source.setdefault(submission.source, []).append((told, each))
    task = store.catalog.model(model).schema.task
    for source, arrivals in by_source.items():
        state = _read(store, model, source, {came.exchange for _, came in arrivals})
        joining = Joining(model, source, state, task, now, store.halves.orphaned(now))
        for told, came in arrivals:
            joining.take(told, came)
        fresh = [replace(half, body=squeeze(half.body)) for half in state.kept.values() if not half.seq]
        store.halves.change(added=fresh, removed=state.gone, paired=state.paired)
    return joined


def _read(store: Store, model: str, source: str, exchanges: Iterable[str]) -> Known:
    waiting, complete = store.halves.find(model, source, exchanges)
    state = Known({(half.exchange, half.side): half for half in waiting})
    for exchange in complete:
        state.done[exchange.exchange, "request"] = exchange.request
        state.done[exchange.exchange, "response"] = exchange.response
    return state


@dataclass(frozen=True, slots=True)
class Joining:
    """Halves of one source meeting what is known."""

    model: str
    source: str
    state: Known
    task: Task
    now: datetime
    orphaned: datetime

    def take(self, told: Joined, came: Arrival) -> None:
        """Give one half its fate: told of in ``told``, and from now on known."""
        key = (came.exchange, came.half.side)
        kept = self.state.kept.get(key)
        known = kept.digest if kept is not None else self.state.done.get(key)
        if known is not None:
            if known == came.digest:
                told.repeated += 1
            else:
                told.refused.append(_conflict(came))
            return
        told.lines.append(half_line(self.model, self.source, came.half.side, "received"))
        mate = self.state.kept.get((came.exchange, _OTHER[came.half.side]))
        if mate is None:
            told.waiting += 1
            self._keep(came)
        else:
            self._meet(told, came, mate)

    def _meet(self, told: Joined, came: Arrival, mate: KeptHalf) -> None:
        if PROBE in (mate.note, _note(came)):
            told.probes += 1
            self._complete(told, came, mate, "probe")
            return
        other = unpack(mate.body)
        if _failed(came.half) or _failed(other):
            told.failed += 1
            self._complete(told, came, mate, "failed")
            return
        try:
            rows = self._rows(came, other, mate.received)
        except InvalidInput as error:
            # Both sides are kept as they came, and seen to contradict each other.
            told.waiting += 1
            self._keep(came, note=str(error))
            self._drop(mate)
            self.state.kept[mate.exchange, mate.side] = replace(mate, seq=0, note=str(error))
            return
        told.inferences += rows
        told.paired += 1
        self._complete(told, came, mate, "late" if mate.received < self.orphaned else "paired")

    def _rows(self, came: Arrival, other: Half, since: datetime) -> list[Inference]:
        asked, answered = (came.half, other) if came.half.side == "request" else (other, came.half)
        received = (came.received or self.now) if asked is came.half else since
        return pair(
            asked,
            answered,
            task=self.task,
            version=came.version,
            time=_time(asked, answered, received),
            latency_ms=_latency(asked, answered),
            status=_status(answered),
            id_column=came.id_column,
        )

    def _keep(self, came: Arrival, note: str | None = None) -> None:
        self.state.kept[came.exchange, came.half.side] = KeptHalf(
            model=self.model,
            source=self.source,
            exchange=came.exchange,
            side=came.half.side,
            digest=came.digest,
            rows=came.half.rows,
            time=came.half.time,
            received=came.received or self.now,
            body=came.body,
            note=note or _note(came),
        )

    def _complete(self, told: Joined, came: Arrival, mate: KeptHalf, fate: str) -> None:
        self._drop(mate)
        digests = {came.half.side: came.digest, mate.side: mate.digest}
        for side, value in digests.items():
            self.state.done[came.exchange, side] = value
            told.lines.append(half_line(self.model, self.source, side, fate))
        self.state.paired.append(
            Paired(
                model=self.model,
                source=self.source,
                exchange=came.exchange,
                request=digests["request"],
                response=digests["response"],
                paired=came.received or self.now,
            )
        )

    def _drop(self, mate: KeptHalf) -> None:
        del self.state.kept[mate.exchange, mate.side]
        if mate.seq:
            self.state.gone.append(mate.seq)


def _note(came: Arrival) -> str | None:
    return PROBE if is_probe(came.half) else None


def _conflict(came: Arrival) -> Rejected:
    shown = came.exchange[:80]
    detail = (
        f"the {came.half.side} of {shown!a} came before with other content; the first stays, this one is a dead letter"
    )
    return Rejected(0, came.exchange, CONFLICT, detail, Sent("note", came.body))


def _time(asked: Half, answered: Half, received: datetime) -> datetime:
    """Return when it was asked. A time that was given but cannot be read goes on as it is, to be flagged as such."""
    if asked.time is not None:
        return asked.time
    given = asked.parameters.get("ce-recordedtime") or asked.parameters.get("ce-time")
    return cast("datetime", given) if given else answered.time or received


def _latency(asked: Half, answered: Half) -> float | None:
    if asked.time is None or answered.time is None or answered.time < asked.time:
        return None
    return (answered.time - asked.time).total_seconds() * 1000


def _failed(half: Half) -> bool:
    """Tell whether a half is an answer with a status that is an error's."""
    return not (_status(half) or "200").startswith("2")


def _status(answered: Half) -> str | None:
    said = answered.parameters.get("ce-statuscode")
    return said if isinstance(said, str) else None


def described(half: KeptHalf) -> dict[str, object]:
    """Return what a kept half holds, for people: its content without how it was packed."""
    content: dict[str, object] = json.loads(stretch(half.body))
    return {name: content[name] for name in ("id", "version", "columns", "parameters")}

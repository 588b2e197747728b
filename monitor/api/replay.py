"""Read dead letters again, the way they came; those that can be stored now become rows."""

import asyncio
from dataclasses import dataclass, field

from monitor.api.capture import Capture
from monitor.api.collect import Collect
from monitor.api.problem import Problem
from monitor.api.rows import Rows, read_inferences, read_labels
from monitor.api.services import Services
from monitor.errors import Unavailable, WatchglassError
from monitor.ingest.rows import CONFLICTING, row_fates
from monitor.ingest.truths import Refusal, read_label
from monitor.schema import Conformed, conform
from monitor.store import DeadLetter
from monitor.types import Inference, Label, Model

SOURCE = "replay"
"""The source under which the ledger counts inferences that were read again; labels count under labels as ever."""

_PAGE = 200
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Still:
    """A dead letter that still cannot be stored, and why."""

    number: int
    reason: str
    detail: str


@dataclass(slots=True)
class Replayed:
    """What became of the dead letters that were read again: ``tried = replayed + failed``.

    ``stored`` and ``duplicate`` are the rows that the replayed ones held; ``still`` tells of the first that failed.
    """

    tried: int = 0
    replayed: int = 0
    failed: int = 0
    stored: int = 0
    duplicate: int = 0
    still: list[Still] = field(default_factory=list)

    def fail(self, letter: DeadLetter, reason: str, detail: str) -> None:
        """Note one that stays."""
        self.failed += 1
        if len(self.still) < _SHOWN:
            self.still.append(Still(letter.number, reason, detail))


class StillBad(Exception):
    """A letter cannot be stored now either."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Replay:
    """Replays the letters of one model, one after another.

    What fails again counts nothing and stays as it is. What passes is a new receipt: its rows are received and stored
    (or duplicates) under the source `SOURCE`, in the transaction that marks the letter, so that a crash leaves either
    the letter or its rows. A collector's body counts under the collector, where its halves find their other side. What
    was counted when the letter was kept stays counted: it did come, and was rejected then.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._collect = Collect(services)
        self._capture = Capture(services)
        self._one = asyncio.Lock()  # two at once could store the rows of a letter without ids twice

    async def run(self, model: Model, *, reason: str | None, source: str | None, number: int | None) -> Replayed:
        """Read the letters that match again, oldest first.

        Raises:
            NotFound: a letter was named by its number, and there is none.
            Unavailable: nothing can be stored now; what was replayed before is replayed.
        """
        told = Replayed()
        async with self._one:
            letters = self._services.store.letters
            if number is not None:
                one = await asyncio.to_thread(letters.get, model.name, number)
                if one.replayed is None:
                    await self._try(model, one, told)
                return told
            after = -1
            while True:
                page = await asyncio.to_thread(self._page, model.name, reason, source, after)
                for letter in page:
                    await self._try(model, letter, told)
                if len(page) < _PAGE:
                    return told
                after = page[-1].number

    def _page(self, model: str, reason: str | None, source: str | None, after: int) -> list[DeadLetter]:
        return self._services.store.letters.query(
            model, reason=reason, source=source, waiting=True, after=after, limit=_PAGE
        )

    async def _try(self, model: Model, letter: DeadLetter, told: Replayed) -> None:
        told.tried += 1
        try:
            if letter.cut:
                raise StillBad("cut", f"Only the first {len(letter.body):,} of {letter.size:,} bytes are kept.")
            if not letter.body:
                raise StillBad("no_body", "Its body was not kept.")
            stored, duplicate = await self._again(model, letter)
        except StillBad as bad:
            told.fail(letter, bad.reason, bad.detail)
        except Problem as problem:
            told.fail(letter, "unreadable", problem.detail)
        except Unavailable:
            raise
        except WatchglassError as error:
            told.fail(letter, "unreadable", str(error))
        else:
            told.replayed += 1
            told.stored += stored
            told.duplicate += duplicate

    async def _again(self, model: Model, letter: DeadLetter) -> tuple[int, int]:
        if letter.form in ("inferences", "labels"):
            read = self._inferences if letter.form == "inferences" else self._labels
            conformed, labels = await asyncio.to_thread(read, model, letter.body)
            submit = self._services.ingest.submit
            waiting = submit(model.name, conformed, labels, source=SOURCE, received=1, replays=[letter.number])
            receipt = await asyncio.wrap_future(waiting)
            return receipt.stored, receipt.duplicate
        if letter.form == "note":
            raise StillBad("no_body", "It was kept for people to read only.")
        return await self._collect.replay(model, letter.form, letter.body, letter.headers, letter.number)

    def _inferences(self, model: Model, body: bytes) -> tuple[Conformed, list[Label]]:
        row: Rows[Inference] = read_inferences(body, "application/json")
        _check(row)
        conformed = conform(row.taken, model.schema, source=SOURCE, now=self._services.clock.now())
        for bad in conformed.rejected:
            raise StillBad(bad.reason, bad.detail)
        self._capture.register(model.name, {(model.name, row.taken[0].version)})
        if CONFLICTING in row_fates(self._services.store, model.name, conformed.batch):
            raise StillBad("conflict", "Its id is stored with other content; the first stays.")
        return conformed, []

    def _labels(self, model: Model, body: bytes) -> tuple[None, list[Label]]:
        row: Rows[Label] = read_labels(body, "application/json")
        _check(row)
        for label in row.taken:
            truth = read_label(label, model.schema, self._services.clock.now())
            if isinstance(truth, Refusal):
                raise StillBad(truth.reason, truth.detail)
        return None, row.taken


def _check(rows: "Rows[Inference] | Rows[Label]") -> None:
    for bad in rows.rejected:
        raise StillBad(bad.reason, bad.detail)
    if rows.received != 1:
        raise StillBad("bad_row", f"It holds {rows.received:,} rows; a dead letter is one.")

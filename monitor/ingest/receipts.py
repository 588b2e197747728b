"""What is handed in to be stored, and the answer to it."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Protocol

from monitor.ingest.arrivals import Arrival
from monitor.schema import Conformed
from monitor.types import Inference, Label

DUPLICATE, CONFLICT, MALFORMED = "same_content", "conflict", "malformed"
"""Reasons in the ledger: sent before; same id with other content; could not be read as a row."""


@dataclass(frozen=True, slots=True)
class RowError:
    """Why one row was not stored. ``row`` counts from 0 in what was sent; inferences before labels."""

    row: int
    id: str | None
    reason: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of the rows of one submission: ``received = stored + duplicate + rejected + dropped``.

    ``errors`` tells of the first 1,000 rows rejected; all are counted, and kept as dead letters.
    """

    received: int
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    dropped: int = 0
    errors: list[RowError] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected(Receipt):
    """What became of a body in a model server's own format.

    Rows are those of exchanges that are complete. A record that met another fate at once (an event that repeats or
    contradicts an earlier one, or that cannot be read) counts as one row. Halves that wait are no rows yet.

    Attributes:
        waiting: halves that are kept until the other side comes.
        paired: exchanges that were completed.
        probes: exchanges that Watchglass asked itself, to explain; they are not captured.
        failed: exchanges that were answered with an error; they hold no prediction.
        versions: which versions the rows are of.
    """

    waiting: int = 0
    paired: int = 0
    probes: int = 0
    failed: int = 0
    versions: list[str] = field(default_factory=list)


class Answer(Protocol):
    """What a submission is answered by, in the committer's thread: a `concurrent.futures.Future` is one."""

    def set_result(self, result: Receipt, /) -> None:
        """Answer with what became of it."""

    def set_exception(self, exception: BaseException | None, /) -> None:
        """Answer with why nothing did."""


@dataclass(kw_only=True, eq=False)
class Submission:
    """Rows, labels and halves of exchanges of one model, handed in together and answered together.

    ``rows`` are inferences still to be conformed: by the committer, with those of other submissions, at a fraction of
    the cost. They are numbered before those in ``conformed``, of which there are none then.
    ``halves`` become rows where their other side is there; None where none can come, and the answer tells of none.
    ``plain`` says that none of ``rows`` can be refused, unless for its time (`monitor.schema.is_plain`).
    ``replays`` are the numbers of the dead letters that they were read from, if they were.
    ``each`` is there where the rows came one by one and are only handed in together: where they do not share one fate,
    it gives the answer of the row at a place. It is not frozen: there is one for each request and freezing costs as
    much as all else here; nobody changes it.
    """

    model: str
    conformed: Conformed | None
    labels: Sequence[Label]
    source: str
    received: int
    client: str | None
    drops: Mapping[str, int]
    replays: Sequence[int] = ()
    rows: Sequence[Inference] = ()
    plain: bool = False
    halves: Sequence[Arrival] | None = None
    future: Answer = field(default_factory=Future[Receipt])
    each: Callable[[int], Answer] | None = None
    _bytes: int = field(default=0, init=False)

    @property
    def askers(self) -> int:
        """How many requests it answers."""
        return 1 if self.each is None else len(self.rows)

    def singles(self) -> "Sequence[Submission]":
        """Return the requests that were handed in together, each as a submission of its own."""
        each = self.each
        if each is None:
            return [self]
        return [
            replace(self, rows=(row,), received=1, future=each(place), each=None) for place, row in enumerate(self.rows)
        ]

    @property
    def inferences(self) -> int:
        """How many inferences were sent, taken or not, that could be read."""
        made = 0 if self.conformed is None else self.conformed.batch.num_rows + len(self.conformed.rejected)
        return made + len(self.rows)

    @property
    def malformed(self) -> int:
        """How many of the rows received could not even be read."""
        return self.received - self.inferences - len(self.labels)

    @property
    def bytes(self) -> int:
        """Roughly how much memory it takes."""
        if not self._bytes:
            self._bytes = self._weigh()
        return self._bytes

    def _weigh(self) -> int:
        rows = 0 if self.conformed is None else self.conformed.batch.nbytes + 400 * len(self.conformed.rejected)
        halves = sum(2_000 + 10 * len(each.body) for each in self.halves or ())  # held as objects too
        held = sum([600 + 100 * len(row.features) for row in self.rows])
        return int(rows) + held + 400 * len(self.labels) + halves + 1000

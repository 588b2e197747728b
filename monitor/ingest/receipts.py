"""What is handed in to be stored, and the answer to it."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property

from monitor.schema import Conformed
from monitor.types import Label

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


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Rows and labels of one model, handed in together and answered together.

    ``replays`` are the numbers of the dead letters that they were read from, if they were.
    """

    model: str
    conformed: Conformed | None
    labels: Sequence[Label]
    source: str
    received: int
    client: str | None
    drops: Mapping[str, int]
    replays: Sequence[int] = ()
    future: "Future[Receipt]" = field(default_factory=Future)

    @property
    def inferences(self) -> int:
        """How many inferences were sent, taken or not, that could be read."""
        return 0 if self.conformed is None else self.conformed.batch.num_rows + len(self.conformed.rejected)

    @property
    def malformed(self) -> int:
        """How many of the rows received could not even be read."""
        return self.received - self.inferences - len(self.labels)

    @cached_property
    def bytes(self) -> int:
        """Roughly how much memory it takes."""
        rows = 0 if self.conformed is None else self.conformed.batch.nbytes + 400 * len(self.conformed.rejected)
        return int(rows) + 400 * len(self.labels) + 1000

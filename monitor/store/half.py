"""What is known of halves of exchanges: one that waits, a pair that is complete, counts, and how long they are kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.types import LedgerLine

PROBE = "probe"
"""The note of a half that Watchglass itself asked, to explain; it waits for its answer, and both are dropped."""

HALF = "half_"
"""How the ledger's outcomes begin that count halves, by side in place of a reason; halves are no rows yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfLimits:
    """How long a half may wait before it is called an orphan, how long it is kept all the same, and how many a model.

    Exchanges are remembered as long, so that what is told twice is known.
    """

    orphan_minutes: float = 10.0
    days: float = 7.0
    halves: int = 100_000
    total_bytes: int = 256 * 2**20


@dataclass(slots=True, kw_only=True)
class KeptHalf:
    """One half that waits: what it is the half of, a digest of its content, and the content itself, packed.

    ``note`` says why it will not be paired, where that is known: `PROBE`, or how the two halves contradict each other.
    ``seq`` is its place in the store, 0 before it has one.
    """

    model: str
    source: str
    exchange: str
    side: str
    digest: int
    rows: int
    time: datetime | None
    received: datetime
    body: bytes
    note: str | None = None
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """An exchange whose halves both came; their digests tell a repeat from a contradiction."""

    model: str
    source: str
    exchange: str
    request: int
    response: int
    paired: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfCount:
    """What became of the halves of one side: ``received = paired + late + failed + probe + expired + unpaired``.

    Attributes:
        fates: how many were received, and how many left the store: paired in time or late, answered with an error
            (failed), as a probe, or expired.
        unpaired: how many are in the store: those that follow, together.
        waiting: came not long ago.
        orphan: have waited longer than is usual; a mate that comes late is still paired.
        mismatched: both halves came, and contradict each other.
        probe: asked by Watchglass itself; never captured.
        bytes: what their content takes.
        oldest: when the first of those that wait or are orphans came.
    """

    model: str
    source: str
    side: str
    fates: Mapping[str, int]
    unpaired: int = 0
    waiting: int = 0
    orphan: int = 0
    mismatched: int = 0
    probe: int = 0
    bytes: int = 0
    oldest: datetime | None = None

    @property
    def adds_up(self) -> bool:
        """Whether every half received has met exactly one fate or is still there."""
        left = sum(halves for fate, halves in self.fates.items() if fate != "received")
        return self.fates.get("received", 0) == left + self.unpaired


def half_line(model: str, source: str, side: str, fate: str, halves: int = 1) -> LedgerLine:
    """Return the line by which the ledger counts halves: taken (``received``), or what became of them."""
    return LedgerLine(model=model, source=source, outcome=f"{HALF}{fate}", reason=side, rows=halves)

"""What comes from a served model, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from monitor.types.kinds import Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """One prediction a served model made: one row, not one request.

    ``scores`` are per class in schema order (binary: one number, of the positive class, is enough).
    ``prediction`` is the class or, for regression, the number. A ranking is one row a query: ``scores`` are one a
    candidate, any number of them, and ``prediction`` their names in the same order (without scores, the best first).
    ``device`` is what computed it ("cuda:0"), ``device_ms``
    how long that took there, ``memory_mb`` the most device memory in use meanwhile, in MiB; of the whole batch.
    """

    id: str | None = None
    version: str = "1"
    time: datetime | None = None
    features: Mapping[str, object] = field(default_factory=dict)
    prediction: Scalar | tuple[Scalar, ...] = None
    scores: tuple[float, ...] | None = None
    latency_ms: float | None = None
    batch_size: int | None = None
    status: str | None = None
    device: str | None = None
    device_ms: float | None = None
    memory_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The truth for one inference. Without a version it goes to every version that has the id.

    For a ranking the value is a grade for each candidate in the order they were sent (None: not known yet), or grades
    by the candidates' names; a later label replaces an earlier one as a whole.
    """

    id: str
    value: Scalar | tuple[Scalar, ...] | Mapping[str, Scalar]
    time: datetime | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """How many rows of one model and source met one fate. Over all fates the rows received are accounted for."""

    model: str
    source: str
    outcome: str  # stored, duplicate, rejected, dropped
    reason: str
    rows: int

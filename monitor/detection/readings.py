"""What chunks say before evidence is gathered, and what a detector finds in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.profile.values import Floats


@dataclass(frozen=True, eq=False)
class Readings:
    """What chunks say, before any evidence is gathered.

    Attributes:
        starts: when each chunk began, M of them.
        z: z-scores, [M, J, channels]; NaN where a column says nothing. How columns go
            together is the last: pairs in the channel ``up``, the classifier's test in ``shape``.
        faults: z-scores of hard faults, [M, J − 1, faults]; −inf without any sign of one.
    """

    starts: Sequence[datetime]
    z: Floats
    faults: Floats


@dataclass(frozen=True, slots=True)
class Detection:
    """A detection: it opens an incident.

    Attributes:
        start: of the chunk in which it was found.
        kind: ``fault``, ``drift`` (of columns) or ``joint`` (of how columns go together).
        columns: the columns it is about, most evidence first; the model's outputs too.
        faults: by column, the hard faults it has.
        channels: by column, the channel with most evidence.
        evidence: of the model, in units of the threshold; 1 or more for drift.
        calibrated: whether the reference had chunks enough for the dial to be held.
    """

    start: datetime
    kind: str
    columns: tuple[str, ...]
    faults: Mapping[str, tuple[str, ...]]
    channels: Mapping[str, str]
    evidence: float
    calibrated: bool

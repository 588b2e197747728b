"""What a detector remembers between chunks: the evidence so far, and which incidents are open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from monitor.detection.evidence import Evidence, nothing
from monitor.profile.values import Floats

CALM = 7
"""An incident is over after so many calm chunks in a row."""

JOIN = 7
"""A column that follows within so many chunks of an incident's beginning is part of it: one drift is one incident."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One open incident.

    Attributes:
        opened: start of the chunk that opened it.
        kind: ``fault``, ``drift`` or ``joint``.
        columns: the columns it is about, silent until it is over.
        age: chunks since it was opened.
        calm: calm chunks in a row.
        snoozed: until when it stays silent, however calm it is; None: until it is calm.
    """

    opened: datetime
    kind: str
    columns: tuple[str, ...]
    age: int = 0
    calm: int = 0
    snoozed: datetime | None = None


@dataclass(frozen=True, eq=False)
class State:
    """What a detector has seen of one version and segment. A few numbers a column; `to_json` keeps every bit.

    Attributes:
        evidence: Shiryaev-Roberts statistics, by column.
        open: open incidents, oldest first.
        chunks: how many chunks were seen.
        seen: when the last of them began; None before the first.
        last: its z-scores, by column, NaN where there was none.
    """

    evidence: Evidence
    open: tuple[Incident, ...] = ()
    chunks: int = 0
    seen: datetime | None = None
    last: Evidence = field(default_factory=dict)

    @property
    def silent(self) -> frozenset[str]:
        """Columns that are part of an open incident."""
        return frozenset(column for incident in self.open for column in incident.columns)

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON values."""
        return {
            "chunks": self.chunks,
            "seen": self.seen.isoformat() if self.seen else None,
            "last": {name: [None if np.isnan(z) else float(z) for z in values] for name, values in self.last.items()},
            "evidence": {name: values.tolist() for name, values in self.evidence.items()},
            "open": [
                {
                    "opened": each.opened.isoformat(),
                    "kind": each.kind,
                    "columns": list(each.columns),
                    "age": each.age,
                    "calm": each.calm,
                    "snoozed": each.snoozed.isoformat() if each.snoozed else None,
                }
                for each in self.open
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "State":
        """Return the state that `to_json` gave."""
        return cls(
            {name: _wide(values, 0.0) for name, values in data["evidence"].items()},
            tuple(
                Incident(
                    datetime.fromisoformat(each["opened"]),
                    each["kind"],
                    tuple(each["columns"]),
                    each["age"],
                    each["calm"],
                    datetime.fromisoformat(each["snoozed"]) if each["snoozed"] else None,
                )
                for each in data["open"]
            ),
            data["chunks"],
            datetime.fromisoformat(data["seen"]) if data["seen"] else None,
            {name: _wide(values, np.nan) for name, values in data["last"].items()},
        )


def _wide(values: Sequence[float | None], rest: float) -> Floats:
    """Return what was kept by channel; channels that there were not yet hold ``rest``."""
    found = np.full(len(nothing()), rest)
    found[: len(values)] = np.array(values, dtype=np.float64)
    return found


def age(state: State, start: datetime, restless: frozenset[str]) -> State:
    """Return the state one chunk later: incidents whose columns have all been calm long enough are over.

    Args:
        state: what was.
        start: of the chunk.
        restless: columns that were out of the ordinary in this chunk.
    """
    kept, evidence = [], dict(state.evidence)
    for incident in state.open:
        calm = 0 if restless.intersection(incident.columns) else incident.calm + 1
        asleep = incident.snoozed is not None and start < incident.snoozed
        if not asleep and (calm >= CALM or incident.snoozed is not None):
            evidence |= {name: nothing() for name in incident.columns}
        else:
            kept.append(replace(incident, age=incident.age + 1, calm=calm))
    return replace(state, evidence=evidence, open=tuple(kept), chunks=state.chunks + 1)


def opened(state: State, start: datetime, kind: str, columns: Sequence[str]) -> tuple[State, bool]:
    """Return the state with these columns in an incident, and whether the incident is a new one.

    A drift that shows within `JOIN` chunks of another incident's beginning joins it; a fault is always told.
    """
    last = state.open[-1] if state.open else None
    if last is not None and kind != "fault" and last.age < JOIN and last.snoozed is None:
        joined = replace(last, columns=(*last.columns, *columns), calm=0)
        return replace(state, open=(*state.open[:-1], joined)), False
    return replace(state, open=(*state.open, Incident(start, kind, tuple(columns)))), True


def rebaseline(state: State, columns: Sequence[str] | None = None) -> State:
    """Return the state with incidents about these columns closed and their evidence forgotten; None: all of them.

    To be called when the owner accepts the new traffic as the reference.
    """
    names = set(state.evidence) if columns is None else set(columns)
    kept = tuple(each for each in state.open if not names.intersection(each.columns))
    gone = names | {name for each in state.open if each not in kept for name in each.columns}
    return replace(state, open=kept, evidence=dict(state.evidence) | {name: nothing() for name in gone})


def snooze(state: State, columns: Sequence[str], until: datetime) -> State:
    """Return the state in which incidents about these columns stay silent until then, and are over after it."""
    return replace(
        state,
        open=tuple(
            replace(each, snoozed=until) if set(columns).intersection(each.columns) else each for each in state.open
        ),
    )

"""The fate of labels: new or a correction, said before, or not a truth of this model at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from monitor.schema import VERSION, VERSION_RULE, label_of
from monitor.schema.notes import text
from monitor.schema.truth import allowed_labels
from monitor.store import Store
from monitor.types import Label, ModelSchema

_SKEW = timedelta(minutes=5)
_MAX_ID = 512

History = list[tuple[str | None, str | float]]
"""What was said about one id: (version or None for every version, value), oldest first."""


@dataclass(frozen=True, slots=True)
class Truth:
    """One label in the model's terms."""

    id: str
    version: str | None
    value: str | float
    time: datetime


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a label cannot be taken."""

    id: str | None
    reason: str
    detail: str


def read_label(label: Label, schema: ModelSchema, now: datetime) -> Truth | Refusal:
    """Return a label in the model's terms, or why it is not one."""
    given: object = label.id
    known = given if isinstance(given, str) and 0 < len(given) <= _MAX_ID and given == text(given) else None
    if known is None:
        return Refusal(None, "bad_id", f"id: 1 to {_MAX_ID} characters of text are allowed")
    if label.version is not None and not VERSION.fullmatch(label.version):
        return Refusal(known, "bad_version", f"version {label.version[:80]!a}: {VERSION_RULE}")
    value = label_of(text(label.value) if isinstance(label.value, str) else label.value, schema)
    if value is None:
        return Refusal(known, "bad_label", f"value {str(label.value)[:80]!a}: {allowed_labels(schema)} is allowed")
    time = label.time or now
    time = time if time.tzinfo else time.replace(tzinfo=UTC)
    if time > now + _SKEW:
        detail = f"time {time.isoformat()} is more than 5 minutes ahead of the server's {now.isoformat()}"
        return Refusal(known, "clock_skew", detail)
    return Truth(known, label.version, value, time)


class Said:
    """What has been said about the truth of some ids, kept up to date while a group of labels is gone through."""

    def __init__(self, store: Store, model: str, ids: Iterable[str]) -> None:
        self._history: dict[str, History] = {}
        for row in store.rows.label_history(model, list(ids)).to_pylist():
            self._history.setdefault(row["id"], []).append((row["version"], row["value"]))

    def repeats(self, truth: Truth) -> bool:
        """Return whether a label changes nothing about any version; otherwise remember it."""
        history = self._history.setdefault(truth.id, [])
        if _stands(history, truth.version) == {truth.value}:
            return True
        history.append((truth.version, truth.value))
        return False


def _stands(history: Sequence[tuple[str | None, str | float]], version: str | None) -> set[str | float]:
    """Return the values that stand for a version, or for all versions where it is None; empty if some have none."""
    standing: set[str | float] = set()
    others: set[str] = set()
    for said, value in reversed(history):
        if said is None or said == version:
            return standing | {value}
        if version is None and said not in others:
            others.add(said)
            standing.add(value)
    return set()

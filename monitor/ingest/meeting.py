"""Halves that can be answered from the journal alone: what becomes of them is known from what came lately, in memory.

Nothing is decided here. A half is made durable in the journal and given its fate when it is brought into the tables,
as every other is (`monitor.ingest.exchanges.join`). But whoever sent it is answered before, so the same joining is done
here on what is remembered; where that is not all there is to know, the half goes through the tables at once.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TypeVar

from monitor.ingest.exchanges import Joined, Joining, Known
from monitor.ingest.pending import Pending
from monitor.ingest.receipts import Collected, Submission
from monitor.schema import is_taken
from monitor.store import Store
from monitor.store.half import KeptHalf

MOST, MOST_BYTES = 50_000, 64 * 2**20
"""How many exchanges, and how many bytes of halves that wait, are remembered beyond what pends."""

_SIDES = ("request", "response")

Key = tuple[str, str, str]
"""A model, the source of its halves, and an exchange."""

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Met:
    """What will become of one submission's halves: its receipt, and the ids of the rows they give."""

    receipt: Collected
    ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Before:
    """What was known of one exchange before a submission, by side, to undo it."""

    key: Key
    number: int | None
    kept: Sequence[KeptHalf | None]
    done: Sequence[int | None]


class Meeting:
    """What is known of the exchanges of late.

    Args:
        store: whose index is asked for all others, in memory.
        pending: what is durable but not in the tables.
    """

    def __init__(self, store: Store, pending: Pending) -> None:
        self._store = store
        self._pending = pending
        self._sources: dict[tuple[str, str], Known] = {}
        self._seen: dict[Key, int] = {}  # the frame that told of it last; oldest first
        self._bytes = 0
        self._undo: list[_Before] = []
        self._slow: set[Key] = set()
        self._changing = Lock()
        self._shut = False

    def expire(self, now: datetime) -> int:
        """Let the store forget halves, as `monitor.store.Halves.expire` says; none is answered from memory meanwhile.

        Raises:
            Unavailable: the store cannot be written.
        """
        if not self._store.halves.looks(now):
            return 0
        with self._changing:
            self._shut = True
        changed = False
        try:
            with self._store.database.as_it_is():  # whoever asks: while more comes, something always pends
                self._pending.bring_in()
            if next(reversed(self._seen.values()), 0) > self._pending.reached:
                return 0  # the tables do not take what pends, which may complete a half that is to go
            changed = True  # where no half goes, complete exchanges may: what they were is a repeat no longer
            return self._store.halves.expire(now)
        finally:
            with self._changing:
                if changed:
                    self._forget_all()
                self._shut = False

    @contextmanager
    def group(self) -> Iterator[None]:
        """Begin a group: what is foreseen in it is undone unless `keep` is called before it ends."""
        with self._changing:
            try:
                yield
            finally:
                self._take_back(0)

    def foresee(self, submissions: Sequence[Submission], now: datetime, ids: set[tuple[str, str]]) -> list[Met | None]:
        """Return what will become of each of some submissions of halves alone, in order; None where it is not certain.

        Args:
            submissions: of a group that was begun.
            now: the present moment.
            ids: models and ids of the other rows in the group.
        """
        if self._shut:
            return [None] * len(submissions)
        keys = [_key(each, half.exchange) for each in submissions for half in each.halves or ()]
        others = [key for key in dict.fromkeys(keys) if key not in self._seen]
        known = self._store.halves.may_hold(others)
        self._slow = {key for key in others if self._store.halves.may_hold([key])} if known else set()
        taken = set(ids)
        met = [self._one(each, now, taken) for each in submissions]
        if self._stored(submissions, met):
            self._take_back(0)
            taken = set(ids)
            met = [self._one(each, now, taken, careful=True) for each in submissions]
        return met

    def _stored(self, submissions: Sequence[Submission], met: Sequence[Met | None]) -> bool:
        """Return whether any of the rows may be in the tables: asked at once, for that costs as much as for one."""
        names: dict[str, list[str]] = {}
        for submission, one in zip(submissions, met, strict=True):
            names.setdefault(submission.model, []).extend(one.ids if one is not None else ())
        return any(own and self._store.rows.may_hold(model, own) for model, own in names.items())

    def _one(
        self, submission: Submission, now: datetime, ids: set[tuple[str, str]], *, careful: bool = False
    ) -> Met | None:
        keys = dict.fromkeys(_key(submission, half.exchange) for half in submission.halves or ())
        mark = len(self._undo)
        met = None
        if self._slow.isdisjoint(keys):
            self._undo += [self._before(key) for key in keys]
            met = self._met(submission, now, ids, careful=careful)
            self._bytes += sum(self._weight(before.key) - _weight(before.kept) for before in self._undo[mark:])
        if met is None:
            self._take_back(mark)
            self._slow.update(keys)  # who comes behind it cannot know what became of it
        return met

    def _met(self, submission: Submission, now: datetime, ids: set[tuple[str, str]], *, careful: bool) -> Met | None:
        model, source = submission.model, submission.source
        schema = self._store.catalog.model(model).schema
        known = self._sources[model, source]
        joining = Joining(model, source, known, schema.task, now, self._store.halves.orphaned(now))
        told = Joined()
        for half in submission.halves or ():
            joining.take(told, half)
            self._seen.setdefault((model, source, half.exchange), 0)
        known.gone.clear()
        known.paired.clear()
        rows = told.inferences
        names = [row.id for row in rows if row.id is not None]
        if told.refused or len(set(names)) < len(rows) or (rows and not is_taken(rows, schema, now)):
            return None
        if not ids.isdisjoint((model, name) for name in names):
            return None
        if any(self._pending.knows(model, name) for name in names):
            return None
        if careful and names and self._store.rows.may_hold(model, names):
            return None
        ids.update((model, name) for name in names)
        receipt = Collected(
            received=len(rows) + told.repeated,
            stored=len(rows),
            duplicate=told.repeated,
            waiting=told.waiting,
            paired=told.paired,
            probes=told.probes,
            failed=told.failed,
            versions=sorted({row.version for row in rows}),
        )
        return Met(receipt, names)

    def keep(self, number: int) -> None:
        """Remember what was foreseen in this group: it is durable, in frame ``number``."""
        for before in self._undo:
            self._seen.pop(before.key, None)
            self._seen[before.key] = number
        self._undo.clear()
        while len(self._seen) > MOST or self._bytes > MOST_BYTES:
            key = next(iter(self._seen))
            if self._seen[key] > self._pending.reached:
                break
            self._drop(key)

    def forget(self, submissions: Sequence[Submission]) -> None:
        """Forget the exchanges of submissions that went through the tables; those that pend still are as they were."""
        with self._changing:
            for submission in submissions:
                for half in submission.halves or ():
                    key = _key(submission, half.exchange)
                    if key in self._seen and self._seen[key] <= self._pending.reached:
                        self._drop(key)

    def _forget_all(self) -> None:
        for key in [key for key, number in self._seen.items() if number <= self._pending.reached]:
            self._drop(key)

    def _drop(self, key: Key) -> None:
        self._bytes -= self._weight(key)
        del self._seen[key]
        known = self._sources[key[:2]]
        for side in _SIDES:
            known.kept.pop((key[2], side), None)
            known.done.pop((key[2], side), None)

    def _weight(self, key: Key) -> int:
        kept = self._sources[key[:2]].kept
        return _weight([kept.get((key[2], side)) for side in _SIDES])

    def _before(self, key: Key) -> _Before:
        known = self._sources.setdefault(key[:2], Known())
        sides = [(key[2], side) for side in _SIDES]
        return _Before(key, self._seen.get(key), [*map(known.kept.get, sides)], [*map(known.done.get, sides)])

    def _take_back(self, mark: int) -> None:
        """Undo what was foreseen since there were so many to undo, the last first."""
        while len(self._undo) > mark:
            before = self._undo.pop()
            self._bytes -= self._weight(before.key) - _weight(before.kept)
            known = self._sources[before.key[:2]]
            for side, kept, done in zip(_SIDES, before.kept, before.done, strict=True):
                _put(known.kept, (before.key[2], side), kept)
                _put(known.done, (before.key[2], side), done)
            _put(self._seen, before.key, before.number)


def _key(submission: Submission, exchange: str) -> Key:
    return submission.model, submission.source, exchange


def _weight(kept: Sequence[KeptHalf | None]) -> int:
    return sum(len(half.body) for half in kept if half is not None)


def _put(where: dict[K, V], key: K, value: V | None) -> None:
    if value is None:
        where.pop(key, None)
    else:
        where[key] = value

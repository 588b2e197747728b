"""Which submissions can be answered from the journal alone: those of which it is certain that every row is new."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from monitor.ingest.frames import Group, written
from monitor.ingest.meeting import Meeting, Met
from monitor.ingest.pending import Pending
from monitor.ingest.receipts import Receipt, Submission
from monitor.schema.assemble import SKEW
from monitor.schema.columns import Retyped, moment
from monitor.store import Store


class Swift:
    """Tells them from the others, and makes them durable together.

    Args:
        store: whose index of ids is asked, in memory.
        pending: where their rows go.
    """

    def __init__(self, store: Store, pending: Pending) -> None:
        self._store = store
        self._pending = pending
        self._receipts: dict[int, Receipt] = {}
        self._met: dict[int, Met] = {}  # by the identity of a submission of the running group
        self.meeting = Meeting(store, pending)

    @contextmanager
    def group(self) -> Iterator[None]:
        """Begin a group, for `split` and `store`."""
        try:
            with self.meeting.group():
                yield
        finally:
            self._met.clear()

    def split(self, group: Sequence[Submission], now: datetime) -> tuple[list[Submission], list[Submission]]:
        """Return the submissions whose rows are plain and surely new, or whose halves are foreseen, and the others.

        Of rows with one id among the submissions the first may be new; whoever comes behind it is for the others.
        """
        if not self._pending.room():
            return [], [single for submission in group for single in submission.singles()]
        swift: list[Submission] = []
        others: list[Submission] = []
        ids: dict[str, set[str]] = {}
        halves = [submission for submission in group if _halves_only(submission)]
        for submission in group:
            if _halves_only(submission):
                continue
            if self._fits(submission, now, ids):
                swift.append(submission)
            else:
                for single in submission.singles():
                    alone = single is not submission and self._fits(single, now, ids)
                    (swift if alone else others).append(single)
        known = {model for model, names in ids.items() if names and self._store.rows.may_hold(model, names)}
        for submission in [each for each in swift if each.model in known and self._held(each)]:
            swift.remove(submission)
            for single in submission.singles():
                (others if self._held(single) else swift).append(single)
        if halves:
            rows = {(model, name) for model, names in ids.items() for name in names}
            for submission, met in zip(halves, self.meeting.foresee(halves, now, rows), strict=True):
                (others if met is None else swift).append(submission)
                if met is not None:
                    self._met[id(submission)] = met
        return swift, others

    def _fits(self, submission: Submission, now: datetime, seen: dict[str, set[str]]) -> bool:
        return _simple(submission) and _in_time(submission, now) and self._fresh(submission, seen)

    def _held(self, submission: Submission) -> bool:
        """Return whether the tables may hold a row with one of its ids."""
        return self._store.rows.may_hold(submission.model, _names(submission))

    def _fresh(self, submission: Submission, seen: dict[str, set[str]]) -> bool:
        """Return whether no row has an id that is pending, or that came before in ``seen``; those are added to it."""
        names = _names(submission)
        before = seen.setdefault(submission.model, set())
        together = set(names)
        if len(together) < len(names) or not before.isdisjoint(together):
            return False
        if any(self._pending.knows(submission.model, name) for name in names):
            return False
        before |= together
        return True

    def store(self, group: Sequence[Submission], now: datetime) -> list[Receipt]:
        """Make submissions durable that `split` has found, and return their receipts.

        Raises:
            OSError: the journal could not be written; nothing is stored.
            OverflowError, UnicodeEncodeError, TypeError: it cannot hold a value of theirs; likewise.
        """
        parts: dict[tuple[str, str], list[Submission]] = {}
        for submission in group:
            parts.setdefault((submission.model, submission.source), []).append(submission)
        groups = [self._group(model, source, now, theirs) for (model, source), theirs in parts.items()]
        self.meeting.keep(self._pending.add(groups, written(groups)))
        return [self._receipt(submission) for submission in group]

    def _group(self, model: str, source: str, now: datetime, submissions: Sequence[Submission]) -> Group:
        return Group(
            model,
            source,
            now,
            [row for submission in submissions for row in submission.rows],
            [replace(half, received=now) for submission in submissions for half in submission.halves or ()],
            [name for submission in submissions if submission.halves for name in self._met[id(submission)].ids],
        )

    def _receipt(self, submission: Submission) -> Receipt:
        if submission.halves:
            return self._met[id(submission)].receipt
        rows = submission.received
        found = self._receipts.get(rows)
        if found is None:
            found = self._receipts[rows] = Receipt(received=rows, stored=rows)
        return found


def _names(submission: Submission) -> list[str]:
    """Return the ids of its rows that have one."""
    return [row.id for row in submission.rows if row.id is not None]


def _simple(submission: Submission) -> bool:
    """Return whether a submission is nothing but plain rows."""
    return (
        submission.plain
        and submission.received == len(submission.rows) > 0
        and submission.conformed is None
        and not submission.labels
        and not submission.drops
        and not submission.replays
        and submission.halves is None
    )


def _halves_only(submission: Submission) -> bool:
    """Return whether a submission is nothing but halves of exchanges."""
    given = submission.conformed
    return (
        bool(submission.halves)
        and not submission.received
        and (given is None or not (given.batch.num_rows or given.rejected))
        and not submission.labels
        and not submission.drops
        and not submission.replays
    )


def _in_time(submission: Submission, now: datetime) -> bool:
    """Return whether the times of all rows can be read and are not ahead of ours."""
    for row in submission.rows:
        if row.time is not None:
            try:
                if moment(row.time) > now + SKEW:
                    return False
            except Retyped:
                return False
    return True

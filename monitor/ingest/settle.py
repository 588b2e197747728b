"""Settle a group: give every row its one fate, write everything in one transaction, and say what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pyarrow as pa

from monitor.ingest.exchanges import join
from monitor.ingest.receipts import CONFLICT, DUPLICATE, MALFORMED, Receipt, RowError, Submission
from monitor.ingest.rows import CONFLICTING, NEW, as_sent, inference_as_sent, label_as_sent, row_fates
from monitor.ingest.tally import Tally
from monitor.ingest.truths import Refusal, Said, Truth, read_label
from monitor.schema import Rejected, conform
from monitor.store import RECEIVED, Store, label_table
from monitor.types import Inference, LedgerLine

LABELS = "labels"
"""The source under which the ledger counts labels."""


def settle(store: Store, group: Sequence[Submission], now: datetime) -> tuple[list[Receipt], int]:
    """Write a group within the running transaction.

    Args:
        store: in a transaction, so that what is looked up stays true until it is written.
        group: submissions of any models, in the order they came.
        now: the present moment.

    Returns:
        A receipt for each submission, valid once the transaction is durable; and the group's ledger number.
    """
    tallies = [Tally(submission, now) for submission in group]
    by_model: dict[str, list[Tally]] = {}
    for tally in tallies:
        by_model.setdefault(tally.submission.model, []).append(tally)
    number = 0
    for model, theirs in by_model.items():
        _halves(store, model, theirs, now)
        parts = _conformed(store, model, theirs, now)
        for tally in theirs:
            _open(store, tally)
        batch = _rows(store, model, parts)
        labels = _labels(store, model, theirs, now)
        lines = _sum([line for tally in theirs for line in tally.lines])
        letters = [letter for tally in theirs for letter in tally.letters]
        number = store.rows.commit(model, batch, labels, lines, letters).number
        replays = [letter for tally in theirs for letter in tally.submission.replays]
        if replays:
            store.letters.mark_replayed(model, replays, now)
    return [tally.receipt() for tally in tallies], number


def _halves(store: Store, model: str, tallies: Sequence[Tally], now: datetime) -> None:
    """Keep halves of exchanges, and make rows of those whose other side is there."""
    given = [tally for tally in tallies if tally.submission.halves is not None]
    if given:
        schema = store.catalog.model(model).schema
        joined = join(store, model, [tally.submission for tally in given], now)
        for tally, told in zip(given, joined, strict=True):
            tally.join(told, schema)


def _open(store: Store, tally: Tally) -> None:
    """Count what was received, what could not be read or taken, and what the client dropped before it reached us."""
    submission = tally.submission
    tally.count(submission.source, RECEIVED, rows=submission.received - len(submission.labels))
    tally.count(LABELS, RECEIVED, rows=len(submission.labels))
    tally.count(submission.source, "rejected", MALFORMED, rows=submission.malformed)
    for refused in tally.refused:
        tally.refuse(submission.source, RowError(refused.row, refused.id, refused.reason, refused.detail), refused.sent)
    if submission.client is not None and submission.drops:
        grown = store.ledger.client_drops(submission.model, submission.source, submission.client, submission.drops)
        tally.lines += grown
        tally.dropped = sum(line.rows for line in grown if line.outcome == "dropped")


@dataclass(frozen=True, slots=True)
class _Part:
    """A canonical batch, and whose rows it holds: so many of each submission, in order."""

    batch: pa.Table
    owners: Sequence[tuple[Tally, int]]


def _conformed(store: Store, model: str, tallies: Sequence[Tally], now: datetime) -> list[_Part]:
    """Return the rows of all submissions in canonical batches; those that are not conformed yet are so together."""
    parts: list[_Part] = []
    waiting: dict[str, list[Tally]] = {}
    for tally in tallies:
        given = tally.submission.conformed
        if tally.submission.rows:
            waiting.setdefault(tally.submission.source, []).append(tally)
        elif given is not None:
            tally.refused = given.rejected
            if given.batch.num_rows:
                parts.append(_Part(given.batch, [(tally, given.batch.num_rows)]))
    for source, theirs in waiting.items():
        rows = [row for tally in theirs for row in tally.submission.rows]
        made = conform(rows, store.catalog.model(model).schema, source=source, now=now)
        owners = _owners(theirs, made.rejected, rows)
        if made.batch.num_rows:
            parts.append(_Part(made.batch, owners))
    return parts


def _owners(
    tallies: Sequence[Tally], rejected: Sequence[Rejected], rows: Sequence[Inference]
) -> list[tuple[Tally, int]]:
    """Hand back the rows that were refused to whom they belong, and tell how many of each were taken."""
    owners = []
    refused = {bad.row: bad for bad in rejected}
    first = 0
    for tally in tallies:
        sent = len(tally.submission.rows)
        for place in range(first, first + sent) if refused else ():
            if place in refused:
                bad = replace(refused[place], row=place - first, sent=inference_as_sent(rows[place]))
                tally.refused.append(bad)
        owners.append((tally, sent - len(tally.refused)))
        first += sent
    return owners


def _rows(store: Store, model: str, parts: Sequence[_Part]) -> pa.Table | None:
    """Return the new rows of all submissions; count the others."""
    if not parts:
        return None
    batches = [part.batch for part in parts]
    together = batches[0] if len(batches) == 1 else pa.concat_tables(batches, promote_options="default")
    fates = row_fates(store, model, together)
    start = 0
    for part in parts:
        for tally, rows in part.owners:
            mine = fates[start : start + rows]
            new = int(np.count_nonzero(mine == NEW))
            source = tally.submission.source
            tally.count(source, "stored", rows=new)
            if new < rows:
                conflicts = np.flatnonzero(mine == CONFLICTING).tolist()
                tally.count(source, "duplicate", DUPLICATE, rows - new - len(conflicts))
                _conflicts(tally, together.slice(start, rows), conflicts)
            start += rows
    fresh = fates == NEW
    return together if fresh.all() else together.filter(pa.array(fresh))


def _conflicts(tally: Tally, batch: pa.Table, places: Sequence[int]) -> None:
    if not places:
        return
    refused = {line.row for line in tally.refused}
    positions = [row for row in range(tally.submission.inferences) if row not in refused]
    for place, sent in zip(places, as_sent(batch, places), strict=True):
        known = batch.column("_id")[place].as_py()
        detail = f"id {known!a} is stored with other content; the first stays, this one is kept as a dead letter"
        tally.refuse(tally.submission.source, RowError(positions[place], known, CONFLICT, detail), sent)


def _labels(store: Store, model: str, tallies: Sequence[Tally], now: datetime) -> pa.Table | None:
    """Return the labels of all submissions that say something new; count the others."""
    given = [tally for tally in tallies if tally.submission.labels]
    if not given:
        return None
    schema = store.catalog.model(model).schema
    read = [[read_label(label, schema, now) for label in tally.submission.labels] for tally in given]
    said = Said(store, model, {truth.id for truths in read for truth in truths if isinstance(truth, Truth)})
    fresh: list[Truth] = []
    for tally, truths in zip(given, read, strict=True):
        before = len(fresh)
        first = tally.submission.inferences
        for row, (label, truth) in enumerate(zip(tally.submission.labels, truths, strict=True)):
            if isinstance(truth, Refusal):
                error = RowError(first + row, truth.id, truth.reason, truth.detail)
                tally.refuse(LABELS, error, label_as_sent(label))
            elif said.repeats(truth):
                tally.count(LABELS, "duplicate", DUPLICATE)
            else:
                fresh.append(truth)
        tally.count(LABELS, "stored", rows=len(fresh) - before)
    return label_table(
        [truth.id for truth in fresh],
        [truth.version for truth in fresh],
        [truth.value for truth in fresh],
        [truth.time for truth in fresh],
        now,
    )


def _sum(lines: Sequence[LedgerLine]) -> list[LedgerLine]:
    """Add up the rows of equal lines."""
    sums: dict[tuple[str, str, str, str], int] = {}
    for line in lines:
        key = (line.model, line.source, line.outcome, line.reason)
        sums[key] = sums.get(key, 0) + line.rows
    return [
        LedgerLine(model=model, source=source, outcome=outcome, reason=reason, rows=rows)
        for (model, source, outcome, reason), rows in sums.items()
    ]

"""What labels change: for a span of seqs, the rows whose truth came or changed, as additions and subtractions."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from monitor.store import tables
from monitor.store.database import Database
from monitor.store.keys import KeyIndex, Seqs
from monitor.store.sql import names

# r: every row whose truth may have changed; l: every label of their ids, up to the end of the span.
# A row's truth is the newest label of its id that names its version or none. What it was when the span began is taken
# back (−1), what it is now is added (+1), if they differ; so consecutive spans add up to one long span.
_DELTAS = """
WITH r AS (
    SELECT _seq, {columns} FROM {source} WHERE _seq > $after AND _seq <= $up_to
    UNION ALL
    SELECT _seq, {columns} FROM {source} WHERE _seq <= $after AND _seq IN (SELECT seq FROM old_rows)
), l AS (
    SELECT * FROM {labels} WHERE seq <= $up_to AND seq IN (SELECT seq FROM their_labels)
), truths AS (
    SELECT r._seq, arg_max(l.value, l.seq) AS now,
           arg_max(l.value, l.seq) FILTER (l.seq <= $after AND r._seq <= $after) AS before
    FROM r JOIN l ON l.id = r._id AND (l.version IS NULL OR l.version = r._version) GROUP BY r._seq
), changes AS (
    SELECT _seq, now AS _label, 1::TINYINT AS _sign FROM truths WHERE now IS DISTINCT FROM before
    UNION ALL
    SELECT _seq, before, -1::TINYINT FROM truths WHERE before IS NOT NULL AND now IS DISTINCT FROM before
)
SELECT r.*, changes._label, changes._sign FROM changes JOIN r USING (_seq) ORDER BY _seq, _sign
"""


_NONE = """
SELECT r.*, l.value AS _label, 1::TINYINT AS _sign
FROM (SELECT _seq, {columns} FROM {source} LIMIT 0) AS r, {labels} AS l LIMIT 0
"""


def outcome_deltas(
    database: Database,
    model: str,
    source: str,
    columns: Sequence[str],
    rows: KeyIndex,
    labels: KeyIndex,
    after_seq: int,
    up_to_seq: int,
) -> pa.Table:
    """Return what the seqs in (after_seq, up_to_seq] changed about which rows have which truth.

    Args:
        database: where rows and labels are.
        model: whose.
        source: SQL for all its rows, with ``_seq`` and ``columns``.
        columns: what is returned of each row.
        rows: where the rows of an id are.
        labels: where the labels of an id are.
        after_seq: the span's beginning, exclusive.
        up_to_seq: its end, inclusive.

    Returns:
        ``_seq``, the columns, ``_label`` and ``_sign`` (+1: now true, −1: no longer).
    """
    span = [after_seq, up_to_seq]
    fresh, theirs = [], np.empty(0, np.int64)
    if len(labels):
        ids = f"SELECT id FROM {tables.labels(model)} WHERE seq > ? AND seq <= ?"  # noqa: S608 - quoted
        fresh = database.query(ids, span).column(0).to_pylist()
        new_rows = f"SELECT _id FROM {source} WHERE _seq > ? AND _seq <= ?"  # noqa: S608 - quoted
        theirs = labels.find([*fresh, *database.query(new_rows, span).column(0).to_pylist()])
    if not len(theirs):  # without a label no truth changes, and no row need be read
        return database.query(_NONE.format(columns=names(columns), source=source, labels=tables.labels(model)))
    statement = _DELTAS.format(columns=names(columns), source=source, labels=tables.labels(model))
    statement = statement.replace("$after", str(int(after_seq))).replace("$up_to", str(int(up_to_seq)))
    return database.query(statement, old_rows=_seqs(rows.find(fresh)), their_labels=_seqs(theirs))


def _seqs(seqs: Seqs) -> pa.Table:
    return pa.table({"seq": np.asarray(seqs, dtype=np.int64)})

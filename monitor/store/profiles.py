"""Profile pieces: appended with the seq they reach, compacted, moved into days when these are over."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa

from monitor.profile.binning import LATENCY, OUTCOME, PREDICTION, RUNTIME, SCORE
from monitor.profile.class_scores import CLASS_SCORES
from monitor.profile.pieces import PIECES, merge
from monitor.profile.residuals import RESIDUALS
from monitor.store import tables
from monitor.store.database import Database
from monitor.store.days import Days
from monitor.store.sql import naive, names
from monitor.types import ALL

_COLUMNS = names(PIECES.names)
LEFT = (SCORE, PREDICTION, LATENCY, OUTCOME, RESIDUALS, CLASS_SCORES, *RUNTIME)
"""The columns whose profile can be made again from what is left of a row that is not kept."""

WHOLES = pa.schema(
    [PIECES.field(name) for name in ("segment", "column", "binning", "counts", "minimum", "maximum")]
    + [("bounds", pa.string())]
)
"""The Arrow schema of references added up over all their hours, each with the bounds that follow from them as JSON."""


class Profiles(Days):
    """Pieces of every model. A query adds up whatever pieces it finds, so their number never matters to the result."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._replaced: Counter[str] = Counter()

    def append(self, model: str, pieces: pa.Table, up_to_seq: int, *, basis: str = "", replace: bool = False) -> None:
        """Add pieces that cover a model's rows and labels up to ``up_to_seq``, in one transaction.

        Args:
            model: whose.
            pieces: the table `monitor.profile` makes.
            up_to_seq: what they reach to.
            basis: what they were made with (binning, segments): pieces of another basis do not go together.
            replace: take away the model's earlier pieces, but for those of days of which no rows are kept any more.
        """
        with self._database.transaction():
            if replace:
                self.clear(model, self._kept_since(model), LEFT)
            self._database.insert("profiles", _of(model, pieces))
            self._database.query("DELETE FROM profile_marks WHERE model = ?", [model])
            self._database.query("INSERT INTO profile_marks VALUES (?, ?, ?)", [model, up_to_seq, basis])

    def _kept_since(self, model: str) -> datetime | None:
        """Return the time of the first row that is kept; None where all have gone. Without any row: long ago."""
        first = self._database.scalar(f"SELECT min(_time) FROM {tables.captured(model)}")  # noqa: S608 - quoted
        if isinstance(first, datetime):
            return first
        gone = f"SELECT 1 FROM {tables.narrow(model)} UNION ALL SELECT 1 FROM expired WHERE model = ? LIMIT 1"  # noqa: S608 - quoted
        return None if self._database.query(gone, [model]).num_rows else datetime.min.replace(year=2, tzinfo=UTC)

    def up_to_seq(self, model: str) -> int:
        """Return the seq that a model's stored pieces reach, 0 where there is none."""
        return self.mark(model)[0]

    def mark(self, model: str) -> tuple[int, str]:
        """Return the seq that a model's stored pieces reach, and the basis they were made with."""
        rows = self._database.rows("SELECT up_to_seq, basis FROM profile_marks WHERE model = ?", [model])
        return (rows[0]["up_to_seq"], str(rows[0]["basis"])) if rows else (0, "")

    def eras(self, model: str) -> list[tuple[int, tuple[str, ...]]]:
        """Return (after_seq, segment features) of each span of rows that was profiled by other segments, ascending."""
        rows = self._database.rows(
            "SELECT after_seq, segments FROM segment_eras WHERE model = ? ORDER BY after_seq", [model]
        )
        return [(row["after_seq"], tuple(row["segments"])) for row in rows]

    def set_eras(self, model: str, eras: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Keep from which seqs on rows are profiled by which segment features."""
        with self._database.transaction():
            self._database.query("DELETE FROM segment_eras WHERE model = ?", [model])
            for after_seq, segments in eras:
                self._database.query("INSERT INTO segment_eras VALUES (?, ?, ?)", [model, after_seq, list(segments)])

    def replace_reference(self, model: str, version: str, pieces: pa.Table) -> None:
        """Set the profile of a version's reference."""
        with self._database.transaction():
            where = [model, version]
            self._database.query("DELETE FROM reference_profiles WHERE model = ? AND version = ?", where)
            self._database.query("DELETE FROM reference_wholes WHERE model = ? AND version = ?", where)
            self._database.insert("reference_profiles", _of(model, pieces))
            self._database.on_commit(lambda: self._replaced.update([model]))

    def references_replaced(self, model: str) -> int:
        """Return how often this process has replaced a reference of a model: what was read before may be stale."""
        return self._replaced[model]

    def wholes(self, model: str, version: str, basis: str) -> pa.Table:
        """Return what `keep_wholes` kept of a version's reference for this basis; no rows if it was replaced since."""
        listed = names(WHOLES.names)
        return self._database.query(
            f"SELECT {listed} FROM reference_wholes WHERE model = ? AND version = ? AND basis = ?",  # noqa: S608 - fixed
            [model, version, basis],
        ).cast(WHOLES)

    def keep_wholes(self, model: str, version: str, basis: str, wholes: pa.Table, replaced: int) -> None:
        """Keep what was computed of a version's reference, unless the reference has been replaced meanwhile.

        Args:
            model: whose.
            version: whose reference.
            basis: what it follows from beside the reference; what was kept for another is forgotten.
            wholes: columns as `WHOLES`.
            replaced: what `references_replaced` gave before the reference was read.
        """
        with self._database.transaction():
            if self._replaced[model] != replaced:
                return
            self._database.write("DELETE FROM reference_wholes WHERE model = ? AND version = ?", [model, version])
            rows = len(wholes)
            for name, value in (("model", model), ("version", version), ("basis", basis)):
                wholes = wholes.append_column(name, pa.repeat(pa.scalar(value), rows))
            self._database.insert("reference_wholes", wholes)

    def reference(
        self, model: str, version: str | None, columns: Sequence[str] | None = None, segment: str | None = ALL
    ) -> pa.Table:
        """Return the hourly pieces of a version's reference."""
        return self._read(model, [("reference_profiles", None, None)], columns, version, segment)

    def compact(self, model: str, before: datetime) -> int:
        """Add up the pieces of hours that began before a moment; return how many rows that saved."""
        several = (
            "SELECT hour FROM profiles WHERE model = ? AND hour < ? GROUP BY hour "
            'HAVING count(*) > count(DISTINCT (version, segment, "column", binning))'
        )
        with self._database.transaction():
            hours = self._database.query(several, [model, naive(before)]).column(0)
            if not len(hours):
                return 0
            where = "model = ? AND hour = ANY(?)"
            key: list[object] = [model, [naive(hour) for hour in hours.to_pylist()]]
            found = self._database.query(f"SELECT {_COLUMNS} FROM profiles WHERE {where}", key)  # noqa: S608 - fixed
            merged = merge(found.cast(PIECES))
            self._database.query(f"DELETE FROM profiles WHERE {where}", key)  # noqa: S608 - fixed
            self._database.insert(
                "profiles", _of(model, merged.sort_by([("column", "ascending"), ("hour", "ascending")]))
            )
        return int(found.num_rows - merged.num_rows)


def _of(model: str, pieces: pa.Table) -> pa.Table:
    return pieces.select(PIECES.names).append_column("model", pa.repeat(pa.scalar(model), pieces.num_rows))

"""Rows that are not kept: what is left of them, for how long, and how many they are, exactly.

A row goes through up to three states. It is *kept* in full until a profile piece covers it, and after that as long as
the policy keeps it. Then it is *thinned* to a narrow record, which serves late labels and de-duplication until the
label deadline after it was received. Then it is *expired*: counted by source, version, hour and reason, and no more.
So at any moment ``stored = kept + thinned + expired``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from monitor.store import sampling, tables
from monitor.store.catalog import Catalog
from monitor.store.database import Database
from monitor.store.rows import Rows
from monitor.store.sql import naive, names, quote
from monitor.types import Model, Window

STEP = 10_000
"""How many rows one transaction thins or lets expire: capture waits for it."""

SAMPLED, OLDER, AGED = "sampled", "older", "aged"
"""Why a row is not kept: its id's fate, newer rows beyond the newest N, its age."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How many rows of a model, version or window were stored, and what has become of them.

    ``why`` counts the rows not kept by reason; ``rate`` is the share kept, None where there are no rows.
    """

    kept: int
    thinned: int
    expired: int
    why: Mapping[str, int] = field(default_factory=dict)

    @property
    def stored(self) -> int:
        """All of them."""
        return self.kept + self.thinned + self.expired

    @property
    def rate(self) -> float | None:
        """The share of the rows that is kept."""
        return self.kept / self.stored if self.stored else None


class Thinning:
    """Carries out which rows are kept, in bounded steps.

    Args:
        database: where rows are.
        catalog: what owners ask for.
        rows: knows where ids are.
    """

    def __init__(self, database: Database, catalog: Catalog, rows: Rows) -> None:
        self._database = database
        self._catalog = catalog
        self._rows = rows
        self._expired_to: dict[str, datetime] = {}
        database.on_loss(self._expired_to.clear)

    def step(self, name: str, up_to_seq: int, now: datetime) -> int:
        """Do one bounded step of what is due and return how many rows it was about; 0 when nothing is left to do.

        Args:
            name: a registered model.
            up_to_seq: what stored profile pieces reach; later rows are left as they are.
            now: the present moment.
        """
        model = self._catalog.model(name)
        return (
            self._sample(model, up_to_seq)
            or self._newest(model, up_to_seq)
            or self._age(model, up_to_seq, now)
            or self._expire(model, now)
        )

    def _sample(self, model: Model, up_to_seq: int) -> int:
        spans = [span for span in sampling.policies(self._database, model.name) if span.rate < 1]
        if not spans:
            return 0
        done = reached(self._database, model.name)
        for span in spans:
            end = up_to_seq if span.up_to_seq is None else min(span.up_to_seq, up_to_seq)
            start = max(done, span.after_seq)
            if start >= end:
                continue
            end = min(end, start + STEP)
            with self._database.transaction():
                inside = f"_seq > {int(start)} AND _seq <= {int(end)}"
                self._thin(model, f"{inside} AND NOT ({sampling.kept(span.rate)})", SAMPLED)
                self._database.query("DELETE FROM thinned WHERE model = ?", [model.name])
                self._database.query("INSERT INTO thinned VALUES (?, ?)", [model.name, end])
            return end - start
        return 0

    def _newest(self, model: Model, up_to_seq: int) -> int:
        if model.settings.sampling.newest is None:
            return 0
        found = self._database.rows(
            f"SELECT _seq AS seq FROM {tables.captured(model.name)} ORDER BY _seq DESC LIMIT 1 OFFSET ?",  # noqa: S608 - quoted
            [model.settings.sampling.newest],
        )
        return self._oldest(model, f"_seq <= {int(min(found[0]['seq'], up_to_seq))}", OLDER) if found else 0

    def _age(self, model: Model, up_to_seq: int, now: datetime) -> int:
        if model.settings.keep_rows_days is None:
            return 0
        cut = now - timedelta(days=model.settings.keep_rows_days)
        return self._oldest(model, f"_seq <= {int(up_to_seq)} AND _time < {_literal(cut)}", AGED)

    def _oldest(self, model: Model, condition: str, why: str) -> int:
        """Thin the first `STEP` rows of those a condition holds for."""
        first = f"SELECT _seq FROM {tables.captured(model.name)} WHERE {condition} ORDER BY _seq LIMIT {STEP}"  # noqa: S608 - quoted
        with self._database.transaction():
            end = self._database.integer(f"SELECT max(_seq) FROM ({first})")  # noqa: S608 - quoted
            return self._thin(model, f"{condition} AND _seq <= {int(end)}", why) if end else 0

    def _thin(self, model: Model, condition: str, why: str) -> int:
        """Leave narrow records of the rows a condition holds for, within the running transaction."""
        table, left = tables.captured(model.name), tables.narrow(model.name)
        same = [name for name in tables.narrow_columns(model.schema) if name not in ("_segments", "_why")]
        count = self._database.integer(f"SELECT count(*) FROM {table} WHERE {condition}")  # noqa: S608 - quoted
        if count:
            self._rows.thins(model.name)
            self._database.query(
                f"INSERT INTO {left} ({names(same)}, _segments, _why) "  # noqa: S608 - quoted
                f"SELECT {names(same)}, {_segments(model)}, ? FROM {table} WHERE {condition}",
                [why],
            )
            self._database.query(f"DELETE FROM {table} WHERE {condition}")  # noqa: S608 - quoted
        return count

    def _expire(self, model: Model, now: datetime) -> int:
        """Let narrow records go that were received before the label deadline, by the hour."""
        cut = (now - timedelta(days=model.settings.label_deadline_days)).replace(minute=0, second=0, microsecond=0)
        if not self._rows.thinned(model.name) or self._expired_to.get(model.name) == cut:
            return 0
        left = tables.narrow(model.name)
        due = f"SELECT _seq FROM {left} WHERE _received < {_literal(cut)} ORDER BY _seq LIMIT {STEP}"  # noqa: S608 - quoted
        with self._database.transaction():
            seqs = self._database.query(due).column(0)
            if not len(seqs):
                self._expired_to[model.name] = cut
                return 0
            condition = f"_received < {_literal(cut)} AND _seq <= {int(seqs[-1].as_py())}"
            self._database.query(
                "INSERT INTO expired SELECT ?, _source, _version, date_trunc('hour', _time), _why, count(*), true "  # noqa: S608 - quoted
                f"FROM {left} WHERE {condition} GROUP BY ALL",
                [model.name],
            )
            self._database.query(f"DELETE FROM {left} WHERE {condition}")  # noqa: S608 - quoted
            gone = seqs.to_numpy()
            self._database.on_commit(lambda: self._rows.forget(model.name, gone))
        return len(gone)

    def unprofiled(self, model: str) -> None:
        """Note, within the running transaction, that profiles begin again without the rows that have expired."""
        self._database.query("UPDATE expired SET profiled = false WHERE model = ?", [model])

    def whole(self, name: str) -> bool:
        """Return whether all rows of a model are kept, without counting them: what that costs grows with them.

        Raises:
            NotFound: no such model.
        """
        gone = "SELECT 1 FROM expired WHERE model = ? LIMIT 1"
        return not self._rows.thinned(name) and not self._database.query(gone, [name]).num_rows

    def counts(self, name: str, window: Window | None = None, version: str | None = None) -> Kept:
        """Return how many rows were stored and what became of them, of a window's hours or of all time.

        Raises:
            NotFound: no such model.
        """
        self._catalog.model(name)
        start, end = (naive(window.start), naive(window.end)) if window else (None, None)
        inside = "coalesce({0} >= ?, true) AND coalesce({0} < ?, true) AND coalesce({1} = ?, true)"
        of_row, of_hour = inside.format("_time", "_version"), inside.format("hour", "version")
        why: dict[str, int] = {}
        with self._database.snapshot():
            kept = self._database.integer(
                f"SELECT count(*) FROM {tables.captured(name)} WHERE {of_row}",  # noqa: S608 - quoted
                [start, end, version],
            )
            left = self._database.rows(
                f"SELECT _why AS why, count(*) AS rows FROM {tables.narrow(name)} WHERE {of_row} GROUP BY ALL",  # noqa: S608 - quoted
                [start, end, version],
            )
            gone = self._database.rows(
                f"SELECT why, sum(rows)::BIGINT AS rows FROM expired WHERE model = ? AND {of_hour} GROUP BY ALL",  # noqa: S608 - fixed
                [name, start, end, version],
            )
        for row in [*left, *gone]:
            why[row["why"]] = why.get(row["why"], 0) + row["rows"]
        return Kept(kept, sum(row["rows"] for row in left), sum(row["rows"] for row in gone), why)


def reached(database: Database, model: str) -> int:
    """Return the seq up to which a model's rows have met the fate of their ids."""
    return database.integer("SELECT max(up_to_seq) FROM thinned WHERE model = ?", [model])


def _segments(model: Model) -> str:
    """Return SQL for the values of a row's segment features, as text by name."""
    known = [name for name in model.segments if model.schema.feature(name)]
    if not known:
        return "NULL"
    keys = ", ".join("'" + name.replace("'", "''") + "'" for name in known)
    return f"MAP([{keys}], [{', '.join(f'CAST({quote(name)} AS VARCHAR)' for name in known)}])"


def _literal(moment: datetime) -> str:
    return f"TIMESTAMP '{naive(moment)}'"

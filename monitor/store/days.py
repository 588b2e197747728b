"""Profiles by the day: what closed days come to, so that a month is thirty cells a column whatever its traffic.

Pieces are appended to ``profiles`` and moved from there, once their day is over, into two tables: ``profile_days``, one
row a day, and ``profile_hours``, the same by the hour for the edges of windows. What comes late for such a day waits in
``profiles`` until it is moved too, and is added then. So at any moment all rows are in ``profiles`` and
``profile_days`` together, each once, and since adding is exact it does not matter what was moved when.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.profile.pieces import KEYS, PIECES, merge
from monitor.store.database import Database
from monitor.store.sql import naive, names
from monitor.types import Window

KEEP_HOURLY, KEEP_DAILY = 35, 396
"""For how many days profiles are kept by the hour, and by the day (13 months)."""

_DAY = timedelta(days=1)
_MOST_MOVED = 20_000  # pieces of one transaction, more only where one day has more: capture waits for it
_ORDER = [(name, "ascending") for name in ("hour", "column", "segment", "version")]
_COLUMNS = names(PIECES.names)
_LARGE = timedelta(microseconds=1)

Part: TypeAlias = tuple[str, datetime | None, datetime | None]
"""A table, and the span of hours that is read of it."""


@dataclass(frozen=True, slots=True)
class Spans:
    """From when on a model's profiles are there by the hour and by the day (None: all of them), and how many went."""

    hours_from: datetime | None = None
    days_from: datetime | None = None
    hours_gone: int = 0
    days_gone: int = 0


class Days:
    """Reads profiles from wherever they are, and moves them there; the base of `monitor.store.profiles.Profiles`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pieces(
        self,
        model: str,
        window: Window | None = None,
        *,
        columns: Sequence[str] | None = None,
        version: str | None = None,
        segment: str | None = None,
        hours: bool = False,
    ) -> pa.Table:
        """Return stored pieces of the hours that begin within a window.

        A closed day that is wholly inside is one piece a column, at midnight. One whose hours are no longer kept is so
        too, and belongs to the window that its midnight is in.

        Args:
            model: whose.
            window: which hours; all if not given.
            columns: of which columns.
            version: of one version.
            segment: of one segment.
            hours: tell the hours of all days apart, as far as they are kept.
        """
        with self._database.snapshot():
            return self._read(model, self._parts(model, window, hours=hours), columns, version, segment)

    def spans(self, model: str) -> Spans:
        """Return from when on a model's profiles are kept, and how many have been let go."""
        listed = "hours_from, days_from, hours_gone, days_gone"
        rows = self._database.rows(f"SELECT {listed} FROM profile_spans WHERE model = ?", [model])  # noqa: S608 - fixed
        return Spans(**rows[0]) if rows else Spans()

    def roll_up(self, model: str, before: datetime) -> int:
        """Move the pieces of days that were over before a moment into their days; return how many were moved.

        One transaction moves some whole days; call it again until nothing is left.
        """
        midnight = _midnight(before)
        waiting = "SELECT date_trunc('day', hour) AS day, count(*) AS pieces FROM profiles WHERE model = ? AND hour < ?"
        with self._database.transaction():
            days = self._database.query(f"{waiting} GROUP BY day ORDER BY day", [model, naive(midnight)])
            if not days.num_rows:
                return 0
            taken = max(1, int(np.searchsorted(np.cumsum(days["pieces"].to_numpy()), _MOST_MOVED, side="right")))
            start, end = days["day"][0].as_py(), days["day"][taken - 1].as_py() + _DAY
            moved = self._read(model, [("profiles", start, end)], None, None, None)
            place = [model, naive(start), naive(end)]
            self._database.write("DELETE FROM profiles WHERE model = ? AND hour >= ? AND hour < ?", place)
            since = self.spans(model).hours_from
            fine = moved if since is None else moved.filter(pc.greater_equal(moved["hour"], since))
            self._fold("profile_hours", model, fine)
            self._fold("profile_days", model, _by_day(moved))
        return int(moved.num_rows)

    def _fold(self, table: str, model: str, pieces: pa.Table) -> None:
        """Add pieces to the rows of a table that have their keys, or as new ones."""
        if not pieces.num_rows:
            return
        added = merge(pieces).cast(PIECES)
        first, last = pc.min(added["hour"]).as_py(), pc.max(added["hour"]).as_py()
        where = f"model = ? AND hour >= ? AND hour <= ? AND ({names(KEYS)}) IN (SELECT ({names(KEYS)}) FROM keys)"  # noqa: S608 - fixed
        place = [model, naive(first), naive(last)]
        there = "SELECT 1 FROM {} WHERE model = ? AND hour >= ? AND hour <= ? LIMIT 1"
        if self._database.query(there.format(table), place).num_rows:
            keys = added.select(KEYS)
            known = self._database.query(f"SELECT {_COLUMNS} FROM {table} WHERE {where}", place, keys=keys)  # noqa: S608 - fixed
            if known.num_rows:
                self._database.write(f"DELETE FROM {table} WHERE {where}", place, keys=keys)  # noqa: S608 - fixed
                added = merge(pa.concat_tables([known.cast(PIECES), added])).cast(PIECES)
        ordered = added.sort_by(_ORDER)
        self._database.insert(table, ordered.append_column("model", pa.repeat(pa.scalar(model), ordered.num_rows)))

    def expire(self, model: str, now: datetime, hourly_days: int = KEEP_HOURLY, daily_days: int = KEEP_DAILY) -> int:
        """Let profiles go that are older than is kept, counted; return how many.

        Their age is that at the model's newest closed day, so that history that is imported, or a model that is still,
        keeps what it has.
        """
        with self._database.transaction():
            newest = self._database.scalar(
                "SELECT max(hour) FROM profile_days WHERE model = ? AND hour <= ?", [model, naive(now)]
            )
            if not isinstance(newest, datetime):
                return 0
            end, before = newest + _DAY, self.spans(model)
            hourly, daily = end - hourly_days * _DAY, end - daily_days * _DAY
            hours, days = self._let_go("profile_hours", model, hourly), self._let_go("profile_days", model, daily)
            if hours or days:
                later = Spans(
                    hourly if hours else before.hours_from,
                    daily if days else before.days_from,
                    before.hours_gone + hours,
                    before.days_gone + days,
                )
                self._set(model, later)
        return hours + days

    def _let_go(self, table: str, model: str, cut: datetime) -> int:
        place = [model, naive(cut)]
        count = self._database.integer(f"SELECT count(*) FROM {table} WHERE model = ? AND hour < ?", place)  # noqa: S608 - fixed
        if count:
            self._database.write(f"DELETE FROM {table} WHERE model = ? AND hour < ?", place)  # noqa: S608 - fixed
        return count

    def _set(self, model: str, spans: Spans) -> None:
        self._database.write("DELETE FROM profile_spans WHERE model = ?", [model])
        self._database.write(
            "INSERT INTO profile_spans VALUES (?, ?, ?, ?, ?)",
            [model, naive(spans.hours_from), naive(spans.days_from), spans.hours_gone, spans.days_gone],
        )

    def days_equal_hours(self, model: str) -> list[bool]:
        """Return of each day that is kept by the hour too whether it is the exact sum of its hours."""
        since, day = self.spans(model).hours_from, "SELECT DISTINCT hour FROM {} WHERE model = ? AND {} ORDER BY hour"
        found = []
        with self._database.snapshot():
            later = "coalesce(hour >= ?, true)"
            days = self._database.query(day.format("profile_days", later), [model, naive(since)]).column(0).to_pylist()
            for start in days:
                whole = self._read(model, [("profile_days", start, start + _DAY)], None, None, None)
                parts = self._read(model, [("profile_hours", start, start + _DAY)], None, None, None)
                found.append(merge(whole).equals(merge(_by_day(parts))))
        return found

    def clear(self, model: str, since: datetime | None, columns: Sequence[str]) -> None:
        """Forget what can be profiled again, within the running transaction.

        Args:
            model: whose.
            since: the first moment from which on rows are kept; pieces of days before it stay as they are. None: there
                are no rows, and all stay.
            columns: those of which pieces go whatever their day: they can be made of what is left of rows.
        """
        later = "true" if since is None else "hour < ?"
        place = [model, *([] if since is None else [naive(_midnight(since))]), *columns]
        stays = f'{later} AND "column" NOT IN ({", ".join("?" * len(columns))})'
        for table in ("profiles", "profile_hours", "profile_days"):
            self._database.write(f"DELETE FROM {table} WHERE model = ? AND NOT ({stays})", place)  # noqa: S608 - fixed

    def _parts(self, model: str, window: Window | None, *, hours: bool) -> list[Part]:
        """Return which spans of which tables hold the hours of a window, each once."""
        start, end = (window.start.astimezone(UTC), window.end.astimezone(UTC)) if window else (None, None)
        since = self.spans(model).hours_from
        if hours:
            parts: list[Part] = [("profiles", start, end), ("profile_hours", start, end)]
            if since is not None:  # of earlier days there are no hours
                parts.append(("profile_days", start, since if end is None else min(since, end)))
            return parts
        if start is None or end is None:
            return [("profiles", None, None), ("profile_days", None, None)]
        first, last = _midnight(start + _DAY - _LARGE), _midnight(end)
        if since is not None and last < since:
            last = end  # the day that the window ends in, if it is there by the day only
        if first >= end:
            return [("profiles", start, end), ("profile_hours", start, end)]
        parts = [("profiles", start, end), ("profile_days", first, last)]
        if start < first:
            parts.append(("profile_hours", start, first))
        if last < end:
            parts.append(("profile_hours", last, end))
        return parts

    def _read(
        self,
        model: str,
        parts: Sequence[Part],
        columns: Sequence[str] | None,
        version: str | None,
        segment: str | None,
    ) -> pa.Table:
        statements: list[str] = []
        parameters: list[object] = []
        for table, start, end in parts:
            tests: list[tuple[str, list[object]]] = [("model = ?", [model])]
            tests += [("hour >= ?", [naive(start)])] if start else []
            tests += [("hour < ?", [naive(end)])] if end else []
            tests += [("version = ?", [version])] if version is not None else []
            tests += [("segment = ?", [segment])] if segment is not None else []
            if columns is not None:
                tests.append(('list_contains(?::VARCHAR[], "column")', [list(columns)]))  # many in IN are a join
            statements.append(f"SELECT {_COLUMNS} FROM {table} WHERE {' AND '.join(test for test, _ in tests)}")  # noqa: S608
            parameters += [value for _, values in tests for value in values]
        return self._database.query(" UNION ALL ".join(statements), parameters).cast(PIECES)


def _by_day(pieces: pa.Table) -> pa.Table:
    """Return pieces with the hour of each set to its midnight."""
    hour = PIECES.field("hour")
    midnights = pc.floor_temporal(pieces["hour"], unit="day").cast(hour.type)
    return pieces.set_column(pieces.schema.get_field_index("hour"), hour, midnights)


def _midnight(moment: datetime) -> datetime:
    """Return when the day of an aware moment began in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

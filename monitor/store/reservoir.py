"""A few rows of each day and version in full: those whose ids hash lowest, whatever else is kept.

They are for what needs rows and not profiles: a classifier that tells two samples apart, reports, backgrounds of
explanations. The hash is that of `monitor.schema.fate`, so a day's rows are the same in any order and split, and
samples of several stores merge by taking the lowest again. They are copies, at most `ROWS` a day and version, and so
exempt from thinning: one rule for all sampling rates, at the price of about 60 kB a day and version with 24 columns. A
model that is to keep no rows at all (rate 0) has none here either, and ``keep_rows_days`` holds for them too.
"""

from datetime import datetime, timedelta

import pyarrow as pa

from monitor.store import tables
from monitor.store.catalog import Catalog
from monitor.store.database import Database
from monitor.store.queries import LABELLED
from monitor.store.sampling import PLACE
from monitor.store.sql import naive, names
from monitor.types import Model, ModelSchema, Window

ROWS = 500
"""Rows of a day and version."""

KEEP_DAYS = 35
"""For how many days they are kept, back from the newest."""

STEP = 50_000
"""How many seqs one transaction looks through."""

_LOWEST = "row_number() OVER (PARTITION BY _version, date_trunc('day', _time) ORDER BY {place}, _id)"


class Reservoir:
    """The rows of every model that are kept for samples.

    Args:
        database: where they are.
        catalog: what owners ask for.
    """

    def __init__(self, database: Database, catalog: Catalog) -> None:
        self._database = database
        self._catalog = catalog
        self._made: dict[str, ModelSchema] = {}
        database.on_loss(self._made.clear)

    def reached(self, model: str) -> int:
        """Return the seq up to which a model's rows have been looked through."""
        return self._database.integer("SELECT max(up_to_seq) FROM reservoirs WHERE model = ?", [model])

    def step(self, name: str, up_to_seq: int, now: datetime) -> bool:
        """Look through some rows in one transaction; return whether there are more.

        Args:
            name: a registered model.
            up_to_seq: how far to look, over several steps.
            now: the present moment.
        """
        model, start = self._catalog.model(name), self.reached(name)
        end = min(up_to_seq, start + STEP)
        if start >= end:
            return False
        with self._database.transaction():
            if model.settings.sampling.rate > 0:
                self._take(model, start, end)
                self._let_go(model, now)
            self._database.write("DELETE FROM reservoirs WHERE model = ?", [name])
            self._database.write("INSERT INTO reservoirs VALUES (?, ?)", [name, end])
        return end < up_to_seq

    def _take(self, model: Model, start: int, end: int) -> None:
        table, source = tables.reservoir(model.name), tables.captured(model.name)
        if self._made.get(model.name) != model.schema:  # a store of an earlier version has no table yet
            tables.ensure(self._database, model.schema, model.schema)
            self._database.on_commit(lambda: self._made.update({model.name: model.schema}))
        listed = names(["_seq", *tables.columns(model.schema)])
        lowest = (
            f"SELECT _seq FROM {source} WHERE _seq > ? AND _seq <= ? "  # noqa: S608 - quoted
            f"QUALIFY {_LOWEST.format(place=PLACE)} <= {ROWS}"
        )
        self._database.write(
            f"INSERT INTO {table} ({listed}, _place) SELECT {listed}, {PLACE} FROM {source} "  # noqa: S608 - quoted
            f"WHERE _seq > ? AND _seq <= ? AND _seq IN ({lowest}) AND _seq NOT IN (SELECT _seq FROM {table})",
            [start, end, start, end],
        )
        beyond = f"SELECT _seq FROM {table} QUALIFY {_LOWEST.format(place='_place')} > {ROWS}"  # noqa: S608 - quoted
        self._database.write(f"DELETE FROM {table} WHERE _seq IN ({beyond})")  # noqa: S608 - quoted

    def _let_go(self, model: Model, now: datetime) -> None:
        table = tables.reservoir(model.name)
        newest = self._database.scalar(f"SELECT max(_time) FROM {table} WHERE _time <= ?", [naive(now)])  # noqa: S608 - quoted
        if isinstance(newest, datetime):
            cuts = [newest - timedelta(days=KEEP_DAYS)]
            if model.settings.keep_rows_days is not None:
                cuts.append(now - timedelta(days=model.settings.keep_rows_days))
            self._database.write(f"DELETE FROM {table} WHERE _time < ?", [naive(max(cuts))])  # noqa: S608 - quoted

    def rows(self, name: str, window: Window, version: str | None = None, limit: int | None = None) -> pa.Table:
        """Return a model's rows of a window, in time order, each with its present label.

        Args:
            name: a registered model.
            window: of the prediction's time.
            version: only this version.
            limit: at most so many: those that hash lowest.

        Returns:
            Canonical columns, ``_seq``, ``_label`` and ``_label_time``.
        """
        schema = self._catalog.model(name).schema
        chosen = (
            f"SELECT _seq, {names(tables.columns(schema))} FROM {tables.reservoir(name)} "  # noqa: S608 - quoted
            "WHERE _time >= ? AND _time < ? AND coalesce(_version = ?, true) ORDER BY _place, _id LIMIT ?"
        )
        join = LABELLED.format(labels=tables.labels(name))
        return self._database.query(
            f"WITH chosen AS ({chosen}) SELECT * FROM ({join}) ORDER BY _time, _seq",  # noqa: S608 - quoted
            [naive(window.start), naive(window.end), version, 2**62 if limit is None else limit],
        )

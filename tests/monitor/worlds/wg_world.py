"""A small world for jobs, scheduler and reports: a store with a reference, days of traffic, labels that come later.

Numbers are drawn around the same means every day; a test bends a day's columns to its liking before they are stored.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from monitor.alerts.rules import plain_rules
from monitor.clock import ManualClock
from monitor.config import Config
from monitor.jobs import JobContext
from monitor.profile import make_binning, profile, profile_outcomes
from monitor.profile.comoments import profile_comoments
from monitor.profile.segment_sums import profile_segments
from monitor.scheduler import Scheduler
from monitor.schema import arrow_schema
from monitor.store import Store
from monitor.types import Feature, Kind, Model, ModelSchema, Rule, Settings, Task, Version, Window

START = datetime(2013, 5, 1, tzinfo=UTC)
SCHEMA = ModelSchema(
    model="flights",
    task=Task.BINARY,
    classes=("on time", "late"),
    features=(
        Feature(name="visib", kind=Kind.NUMERIC, unit="mi", title="Visibility"),
        Feature(name="temp", kind=Kind.NUMERIC, unit="°F", title="Temperature"),
        Feature(name="origin", kind=Kind.CATEGORICAL, title="Origin"),
        Feature(name="empty", kind=Kind.NUMERIC),
        Feature(name="constant", kind=Kind.NUMERIC),
        Feature(name="tail", kind=Kind.ID),
        Feature(name="at", kind=Kind.TIMESTAMP),
    ),
)
Columns = dict[str, object]


class FakeIngest:
    """Reads stored pieces, as `monitor.ingest.Ingest` does when nothing waits in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def pieces(
        self,
        model: str,
        window: Window,
        *,
        columns: Sequence[str] | None = None,
        version: str | None = None,
        segment: str | None = None,
        hours: bool = False,
    ) -> pa.Table:
        return self._store.profiles.pieces(
            model, window, columns=columns, version=version, segment=segment, hours=hours
        )


class World:
    """One model with 20 days of reference before `START`, and what a test adds; rules only, unless given a dial."""

    def __init__(
        self,
        path: Path | str = ":memory:",
        *,
        rows: int = 300,
        reference_days: int = 20,
        rules: tuple[Rule, ...] | None = None,
        schema: ModelSchema = SCHEMA,
        data_dir: Path = Path(),
        dial: float | None = None,
        **settings: object,
    ) -> None:
        self.store = Store.open(path)
        self.clock = ManualClock(START)
        self.schema, self.rows = schema, rows
        chosen = Settings(
            title="Flights",
            owner="ops",
            segments=("origin",),
            rules=rules or plain_rules(),
            dial=dial,
            **settings,  # type: ignore[arg-type]
        )
        self.model = Model(name=schema.model, schema=schema, settings=chosen, created=START)
        self.store.catalog.put_model(self.model)
        self.config = Config(data_dir=data_dir, clock="manual")
        self.ingest = FakeIngest(self.store)
        if reference_days:
            self._reference(reference_days)

    @cached_property
    def context(self) -> JobContext:
        return JobContext(
            store=self.store,
            pieces=self.ingest.pieces,
            clock=self.clock,
            data_dir=self.config.data_dir,
            base_url="http://wg",
        )

    def scheduler(self, **kwargs: object) -> Scheduler:
        return Scheduler(self.store, self.ingest, self.clock, self.config, **kwargs)  # type: ignore[arg-type]

    def window(self, day: int, days: int = 1) -> Window:
        return Window(START + timedelta(days=day), START + timedelta(days=day + days))

    def _reference(self, days: int) -> None:
        tables = []
        for day in range(-days, 0):
            table = self._batch(day, self.rows, {}, "1")
            tables.append(table.append_column("_label", pa.array(self._truth(table), pa.string())))
        reference = pa.concat_tables(tables)
        binning = make_binning(reference, self.schema)
        self.store.catalog.put_binning(self.model.name, binning)
        window = self.window(-days, days)
        self.store.catalog.put_version(Version(model=self.model.name, version="1", created=window.start))
        self.store.catalog.put_reference(self.model.name, "1", reference, window)
        deltas = reference.append_column("_sign", pa.array(np.ones(len(reference), np.int8)))
        pieces = profile(reference, self.schema, binning, self.model.segments)
        outcome = profile_outcomes(deltas, self.schema, binning, self.model.segments)
        sums = profile_segments(deltas, self.schema, binning)
        joint = profile_comoments(reference, self.schema, binning)
        self.store.profiles.replace_reference(self.model.name, "1", pa.concat_tables([pieces, joint, outcome, sums]))

    def _batch(self, day: int, rows: int, bent: Mapping[str, object], version: str) -> pa.Table:
        rng = np.random.default_rng(abs(10_000 + day))
        minutes = np.sort(rng.integers(0, 24 * 60, rows))
        start = START + timedelta(days=day)
        score = np.clip(rng.beta(2, 5, rows), 0.001, 0.999)
        columns: Columns = {
            "visib": np.clip(rng.normal(9.0, 0.8, rows), 0, 10),
            "temp": rng.normal(60, 12, rows),
            "origin": rng.choice(["EWR", "JFK", "LGA"], rows, p=[0.4, 0.35, 0.25]),
            "empty": pa.nulls(rows, pa.float64()),
            "constant": np.full(rows, 7.0),
            "tail": [f"N{day}-{row}" for row in range(rows)],
            "at": pa.array(
                [start + timedelta(minutes=int(minute)) for minute in minutes], pa.timestamp("us", tz="UTC")
            ),
            "score": score,
            "latency": rng.gamma(4, 3, rows),
        }
        for name, bend in bent.items():
            columns[name] = bend(columns[name]) if callable(bend) else bend
        times = pa.array([start + timedelta(minutes=int(minute)) for minute in minutes], pa.timestamp("us", tz="UTC"))
        score = np.asarray(columns["score"], dtype=float)
        canonical = {
            "_id": pa.array([f"{version}-{day}-{row}" for row in range(rows)]),
            "_version": pa.array([version] * rows),
            "_time": times,
            "_received": times,
            "_source": pa.array(["test"] * rows),
            "_hash": pa.array(np.arange(rows)),
            "_prediction": pa.array(["late" if value >= 0.5 else "on time" for value in score]),
            "_scores": pa.array([[value] for value in score], pa.list_(pa.float64())),
            "_score": pa.array(score),
            "_latency_ms": pa.array(columns["latency"], pa.float64()),
        }
        names = arrow_schema(self.schema)
        filled = {}
        for field in names:
            given = canonical.get(field.name, columns.get(field.name))
            if field.name == "_flags":
                given = pa.array([[]] * rows, field.type)
            filled[field.name] = pa.nulls(rows, field.type) if given is None else pa.array(given, field.type)
        return pa.table(filled, schema=names)

    def _truth(self, table: pa.Table) -> list[str]:
        chance = np.random.default_rng(len(table)).random(len(table))
        return [
            "late" if luck < score else "on time"
            for luck, score in zip(chance, table["_score"].to_pylist(), strict=True)
        ]

    def day(self, day: int, *, rows: int | None = None, version: str = "1", **bent: object) -> pa.Table:
        """Store one day of traffic; a keyword replaces a column or is a function of it."""
        batch = self._batch(day, self.rows if rows is None else rows, bent, version)
        self._pieces(batch)
        return batch

    def _pieces(self, batch: pa.Table) -> None:
        done = self.store.rows.commit(self.model.name, batch, None)
        binning = self.store.catalog.binning(self.model.name)
        if binning is not None:
            pieces = profile(batch, self.schema, binning, self.model.segments)
            pieces = pa.concat_tables([pieces, profile_comoments(batch, self.schema, binning)])
            self.store.profiles.append(self.model.name, pieces, done.last_seq)

    def label(
        self, batch: pa.Table, share: float = 1.0, flip: bool = False, flip_where: np.ndarray | None = None
    ) -> None:
        """Give the first ``share`` of a day's rows their labels, a day after they were predicted."""
        count = round(len(batch) * share)
        part = batch.slice(0, count)
        truth = self._truth(batch)[:count]
        if flip:
            truth = ["late" if value == "on time" else "on time" for value in truth]
        if flip_where is not None:
            other = {"late": "on time", "on time": "late"}
            truth = [other[value] if turn else value for value, turn in zip(truth, flip_where[:count], strict=True)]
        deltas = part.append_column("_label", pa.array(truth, pa.string()))
        deltas = deltas.append_column("_sign", pa.array(np.ones(count, np.int8)))
        binning = self.store.catalog.binning(self.model.name)
        assert binning is not None
        pieces = profile_outcomes(deltas, self.schema, binning, self.model.segments)
        pieces = pa.concat_tables([pieces, profile_segments(deltas, self.schema, binning)])
        self.store.profiles.append(self.model.name, pieces, self.store.profiles.up_to_seq(self.model.name))

    def advance(self, day: int) -> None:
        self.clock.advance(START + timedelta(days=day))


def bend(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[object], np.ndarray]:
    """Make a function of an array usable as a bent column."""
    return lambda values: function(np.asarray(values))

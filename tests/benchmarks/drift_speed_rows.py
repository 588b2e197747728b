"""Rows made inside the database, in any number: 16 numbers of four shapes and 4 categories, a score, later its truth.

Every value is a fixed function of the row's number and a seed, so that any batch of any size can be made alone.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from monitor.profile import make_binning, merge, profile, profile_outcomes
from monitor.profile.basis import basis_of
from monitor.profile.binning import Binning
from monitor.profile.pieces import PIECES
from monitor.schema import arrow_schema
from monitor.store import Store
from monitor.store.sql import naive
from monitor.types import Feature, Kind, Model, ModelSchema, Settings, Task, Version, Window

NAME, VERSION = "speed", "1"
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
NUMBERS, CATEGORIES = tuple(f"n{k}" for k in range(16)), tuple(f"c{k}" for k in range(4))
SCHEMA = ModelSchema(
    model=NAME,
    task=Task.BINARY,
    classes=("no", "yes"),
    features=tuple(
        [Feature(name=name, kind=Kind.NUMERIC) for name in NUMBERS]
        + [Feature(name=name, kind=Kind.CATEGORICAL) for name in CATEGORIES]
    ),
)
MODEL = Model(name=NAME, schema=SCHEMA, settings=Settings(), created=START)
BATCH = 250_000
THREADS = 2
_SHAPES = ("{u}", "-ln({u})", "sqrt({u}) * 100", "round(exp({u} * 3), 2)")
_MOVED = {"n0": 0.05, "n1": 0.2, "n5": 0.1}  # what of the current rows differs from the reference


def select(first: int, end: int, *, seed: int, begin: datetime, span: timedelta, rows: int, moved: bool) -> str:
    """Return SQL for the rows numbered [first, end) of ``rows`` that are spread evenly over a span of time."""

    def chance(salt: int) -> str:
        """A number in (0, 1): 20 of the bits of one of the row's hashes, each of which serves three."""
        return f"(((h{salt // 3} >> {salt % 3 * 20}) & 1048575) + 0.5) / 1048576.0"

    micros = span / timedelta(microseconds=1)
    columns = {
        "_version": f"'{VERSION}'",
        "_time": f"TIMESTAMP '{naive(begin)}' + to_microseconds((i::DOUBLE * {micros} / {rows})::BIGINT)",
        "_latency_ms": f"20 * {chance(0)} + 2",
        "_score": chance(1),
    }
    for k, name in enumerate(NUMBERS):
        shift = _MOVED.get(name, 0.0) if moved else 0.0
        columns[name] = f"{_SHAPES[k % 4].format(u=chance(3 + k))} + {shift}"
    for k, name in enumerate(CATEGORIES):
        values = [f"'c{number}'" for number in range(3 + 4 * k)]
        columns[name] = f"[{', '.join(values)}][1 + ({chance(19 + k)} * {len(values)} - 0.5)::INTEGER]"
    listed = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    hashes = ", ".join(f"hash(i * 16 + {which} + {seed * 7919}) AS h{which}" for which in range(8))
    return (
        f"SELECT *, CASE WHEN _score >= 0.5 THEN 'yes' ELSE 'no' END AS _prediction FROM ("
        f"SELECT i, {listed}, CASE WHEN {chance(2)} < {chance(1)} THEN 'yes' ELSE 'no' END AS _label "
        f"FROM (SELECT i, {hashes} FROM range({first}, {end}) AS t(i)))"
    )


def reference(store: Store, rows: int, days: int = 30) -> tuple[pa.Table, Window]:
    """Return the reference: rows of the days before `START`, with all canonical columns and ``_label``."""
    begin = START - days * DAY
    made = store.database.query(select(0, rows, seed=1, begin=begin, span=days * DAY, rows=rows, moved=False))
    made = made.append_column("_id", pa.array([f"r{number}" for number in range(rows)]))
    for field in arrow_schema(SCHEMA):
        if field.name not in made.column_names:
            made = made.append_column(field.name, pa.nulls(rows, field.type))
    return made.drop_columns(["i"]), Window(begin, START)


def batches(rows: int, size: int = BATCH) -> Iterator[tuple[int, int]]:
    """Yield where each batch of so many rows begins and ends."""
    yield from ((first, min(first + size, rows)) for first in range(0, rows, size))


def pieces_of(rows: pa.Table, binning: Binning) -> pa.Table:
    """Profile a batch and its truths, as the server does."""
    signed = rows.append_column("_sign", pa.array(np.ones(len(rows), np.int8)))
    return merge(pa.concat_tables([profile(rows, SCHEMA, binning), profile_outcomes(signed, SCHEMA, binning)]))


def register(store: Store, before: pa.Table, binning: Binning, window: Window) -> None:
    """Register the model with these bins and this reference."""
    store.catalog.put_model(MODEL)
    store.catalog.put_version(Version(model=NAME, version=VERSION, created=START))
    store.catalog.put_binning(NAME, binning)
    store.catalog.put_reference(NAME, VERSION, before.select([*arrow_schema(SCHEMA).names, "_label"]), window)
    store.profiles.replace_reference(NAME, VERSION, pieces_of(before, binning))


def fill(store: Store, rows: int, days: int, *, reference_rows: int, keep_rows: bool) -> None:
    """Fill a store with a reference and the profiles of so many rows of so many days, each day moved as it is over.

    Args:
        store: an empty store.
        rows: how many rows are made and profiled.
        days: over how many days from `START` on they are spread.
        reference_rows: how many rows the reference has.
        keep_rows: keep the rows in the store too, not their profiles alone.
    """
    before, window = reference(store, reference_rows)
    binning = make_binning(before, SCHEMA)
    register(store, before, binning, window)
    model = store.catalog.model(NAME)

    def profiled(part: tuple[int, int]) -> pa.Table:
        made = select(*part, seed=2, begin=START, span=days * DAY, rows=rows, moved=True)
        return pieces_of(store.database.query(made), binning)

    waiting = PIECES.empty_table()
    parts = list(batches(rows, min(BATCH, max(1_000, rows * 10 // days))))  # at most ten days at once
    with ThreadPoolExecutor(THREADS) as pool:
        for number, found in enumerate(pool.map(profiled, parts)):
            waiting = pa.concat_tables([waiting, found])
            if waiting.num_rows < 20_000 and number < len(parts) - 1:
                continue
            store.profiles.append(NAME, merge(waiting), parts[number][1], basis=basis_of(model, binning))
            waiting = PIECES.empty_table()
            while store.profiles.roll_up(NAME, START + parts[number][1] / rows * days * DAY):
                pass
    store.profiles.expire(NAME, START + days * DAY)
    if keep_rows:
        _keep(store, rows, days)
    store.database.query("CHECKPOINT")


def _keep(store: Store, rows: int, days: int) -> None:
    own = ["_version", "_time", "_latency_ms", "_score", "_prediction", *NUMBERS, *CATEGORIES]
    made = select(0, rows, seed=2, begin=START, span=days * DAY, rows=rows, moved=True)
    store.database.write(
        f"INSERT INTO captured.{NAME} (_seq, _id, _received, _source, _hash, _flags, {', '.join(own)}) "
        f"SELECT i + 1, 'r' || i, _time, 'bench', i, [], {', '.join(own)} FROM ({made})"
    )

"""Ticks, capture, late rows, labels, flushes, references, reads and lost connections at once change no measurement."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pyarrow as pa
import pytest

from monitor.clock import ManualClock
from monitor.config import Config
from monitor.errors import Unavailable
from monitor.ingest import Ingest
from monitor.scheduler import Scheduler
from monitor.schema import conform
from monitor.store import Store, verify
from monitor.types import Feature, Inference, Kind, Label, Model, ModelSchema, Settings, Task, Window

START = datetime(2013, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DAYS, PER_DAY, SENDERS = 3, 320, 4
SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    classes=("no", "yes"),
    features=(Feature(name="x", kind=Kind.NUMERIC), Feature(name="kind", kind=Kind.CATEGORICAL)),
)
MODEL = Model(name="m", schema=SCHEMA, settings=Settings(segments=("kind",)), created=START)
DEADLINE = 300.0


def inference(day: int, number: int) -> Inference:
    rng = np.random.default_rng([abs(day), number])
    return Inference(
        id=f"{day}-{number}",
        version="1" if day < 2 or number % 2 else "2",
        time=START + day * DAY + timedelta(seconds=float(rng.uniform(0, 86_400))),
        features={"x": float(rng.normal(day == 2, 1)), "kind": "ab"[number % 2]},
        scores=(float(rng.random()),),
    )


def label(row: Inference) -> Label:
    return Label(id=str(row.id), value="yes" if row.time.microsecond % 3 else "no")


class World:
    """One store with a reference of sixteen days, and whatever was sent to it."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock(START)
        self.store = Store.open(path)
        self.store.catalog.put_model(MODEL)
        self.ingest = Ingest(self.store, self.clock, flush_rows=300, flush_seconds=0.05)
        self.ingest.start()
        self.scheduler = Scheduler(self.store, self.ingest, self.clock, Config(data_dir=path.parent, clock="manual"))
        rows = [inference(-day, number) for day in range(1, 17) for number in range(60)]
        self._reference = conform(rows, SCHEMA, source="reference", now=START).batch
        self.register()

    def register(self) -> None:
        labels = pa.array(["yes", "no", None] * len(self._reference), pa.string()).slice(0, len(self._reference))
        batch = self._reference.append_column("_label", labels)
        self.ingest.register_reference("m", "1", batch, Window(START - 16 * DAY, START))

    def send(self, rows: list[Inference], labels: list[Label]) -> None:
        """Send until it is acknowledged, as clients do."""
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            conformed = conform(rows, SCHEMA, source="http", now=START + DAYS * DAY)
            with suppress(Unavailable):
                received = len(rows) + len(labels)
                self.ingest.submit("m", conformed, labels, source="http", received=received).result(DEADLINE)
                return
        raise AssertionError("not acknowledged in time")

    def measurements(self) -> list[tuple[object, ...]]:
        """All but the detector's: what it remembers is of the rows that were there when it was told of a window."""
        found = self.store.measurements.query("m")
        return [
            (each.window, each.version, each.metric, each.feature, each.segment, each.value, each.rows, each.threshold)
            for each in found
            if not each.metric.startswith("detection.")
        ]

    def close(self) -> None:
        self.ingest.stop()
        assert [check for check in verify(self.store) if not check.ok] == []
        self.store.close()


def sender(world: World, place: int) -> None:
    """Send a share of every day's rows, some of them two days late, each with a label a day later or at once."""
    draw = random.Random(place)
    late: list[Inference] = []
    for day in range(DAYS):
        mine = [inference(day, number) for number in range(place, PER_DAY, SENDERS)]
        draw.shuffle(mine)
        held, now = mine[:20], mine[20:]
        for first in range(0, len(now), 16):
            part = now[first : first + 16]
            world.send(part, [label(row) for row in part[::2]])
            world.send([], [label(row) for row in part[1::2]])
        world.send(late, [label(row) for row in late])
        late = held
        world.clock.advance(START + (day + 1) * DAY)
    world.send(late, [label(row) for row in late])


def repeat(work: Callable[[], object], over: Event, faults: list[BaseException], pause: float) -> Thread:
    def run() -> None:
        while not over.wait(pause):
            try:
                work()
            except Unavailable:
                continue
            except BaseException as error:  # noqa: BLE001 - told by the test
                faults.append(error)
                return

    return Thread(target=run, daemon=True)


def read(world: World) -> None:
    whole = Window(START, START + DAYS * DAY)
    world.ingest.pieces("m", whole, columns=["x"], segment="all")
    world.store.measurements.query("m", metric="drift.*")
    world.store.rows.inferences("m", limit=20)


@pytest.mark.parametrize("lost_connections", [False, True])
def test_whatever_goes_on_beside_a_tick_changes_no_measurement(tmp_path: Path, lost_connections: bool) -> None:
    alone = World(tmp_path / "alone" / "wg.db")
    for day in range(DAYS):
        rows = [inference(day, number) for number in range(PER_DAY)]
        alone.send(rows, [label(row) for row in rows])
    alone.clock.advance(START + DAYS * DAY)
    alone.scheduler.tick()
    expected = alone.measurements()
    alone.close()

    world, over, faults = World(tmp_path / "wg.db"), Event(), list[BaseException]()
    beside = [
        repeat(world.scheduler.tick, over, faults, 0.01),
        repeat(world.ingest.flush, over, faults, 0.01),
        repeat(lambda: world.store.profiles.compact("m", world.clock.now()), over, faults, 0.05),
        repeat(lambda: read(world), over, faults, 0.005),
        repeat(world.register, over, faults, 0.3),
    ]
    if lost_connections:
        beside.append(repeat(world.store.database.replace, over, faults, 0.2))
    senders = [Thread(target=sender, args=(world, place), daemon=True) for place in range(SENDERS)]
    for thread in [*beside, *senders]:
        thread.start()
    for thread in senders:
        thread.join(DEADLINE)
        assert not thread.is_alive()
    over.set()
    for thread in beside:
        thread.join(DEADLINE)
    world.scheduler.tick()
    assert faults == []
    assert world.scheduler.tick().failures == 0
    assert world.store.rows.count("m") == DAYS * PER_DAY
    found = world.measurements()
    assert sorted(set(expected) - set(found), key=str) == []
    assert sorted(set(found) - set(expected), key=str) == []
    world.close()

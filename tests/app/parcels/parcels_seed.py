"""A store as it is after some weeks: a model with a reference, ten days of traffic with labels, a fault, alerts.

Temperature, sent in °C, arrives in °F from day eight on; version 2 serves from day nine; labels come a day later for
95 % of the rows. A second model is registered and has never been asked.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
from parcels_model import CARRIERS, Parcels
from safetensors.torch import save_file

from app.runtime import Runtime
from monitor.clock import ManualClock
from monitor.config import Config, ExplainConfig
from monitor.schema import conform_reference, conform_table
from monitor.types import (
    Channel,
    Feature,
    Kind,
    Label,
    Model,
    ModelSchema,
    Report,
    Rule,
    Settings,
    Severity,
    Task,
    Version,
    Window,
)

FIRST = datetime(2024, 5, 1, tzinfo=UTC)
DAYS, PER_DAY = 10, 500
FAULT_DAY, SECOND_DAY = 7, 8
DAY = timedelta(days=1)
NOW = FIRST + DAYS * DAY + timedelta(hours=14)

SCHEMA = ModelSchema(
    model="parcels",
    task=Task.BINARY,
    classes=("on time", "late"),
    target="late",
    features=(
        Feature(name="distance", kind=Kind.NUMERIC, title="Distance", unit="km"),
        Feature(name="weight", kind=Kind.NUMERIC, title="Weight", unit="kg"),
        Feature(name="temperature", kind=Kind.NUMERIC, title="Temperature", unit="°C"),
        Feature(name="hour", kind=Kind.INTEGER, title="Hour of dispatch", unit="h"),
        Feature(name="carrier", kind=Kind.CATEGORICAL, title="Carrier"),
        Feature(name="express", kind=Kind.BOOLEAN, title="Express"),
    ),
)
SETTINGS = Settings(
    owner="logistics@example.org",
    title="Parcel delays",
    description="Will a parcel arrive late?",
    segments=("carrier",),
    rules=(
        Rule(name="data-fault", metric="quality.*", severity=Severity.CRITICAL),
        Rule(name="drift", metric="drift.wasserstein", windows=2),
        Rule(name="auc-floor", metric="performance.auc", op="<", threshold=0.6),
    ),
    channels=(Channel(kind="log"),),
)


@dataclass(frozen=True)
class Seeded:
    """The opened parts, and what a test goes to look for."""

    runtime: Runtime
    faulty: str  # the id of a row of a faulty day
    alert: str


def rows(start: datetime, days: int, per_day: int, seed: int) -> pa.Table:
    """Draw parcels with their labels, ``days`` from ``start`` on."""
    draw = np.random.default_rng(seed)
    n = days * per_day
    day = np.repeat(np.arange(days), per_day)
    columns: dict[str, np.ndarray] = {
        "distance": draw.gamma(3.0, 70.0, n),
        "weight": draw.gamma(2.0, 2.0, n),
        "temperature": draw.normal(12.0, 7.0, n),
        "hour": draw.integers(6, 21, n),
        "carrier": draw.choice(CARRIERS, n, p=(0.4, 0.3, 0.2, 0.1)),
        "express": draw.random(n) < 0.25,
    }
    truth = Parcels().predict(columns)
    columns["label"] = np.where(draw.random(n) < truth, "late", "on time")
    seconds = np.sort(draw.uniform(0, 86_400, (days, per_day)), axis=1).ravel()
    columns["when"] = np.array(
        [start + int(d) * DAY + timedelta(seconds=float(s)) for d, s in zip(day, seconds, strict=True)], dtype=object
    )
    columns["missing"] = draw.random(n) < 0.02
    return pa.table(
        {
            "distance": columns["distance"],
            "weight": pa.array(columns["weight"], mask=columns["missing"]),
            "temperature": columns["temperature"],
            "hour": columns["hour"],
            "carrier": columns["carrier"].tolist(),
            "express": columns["express"],
            "label": columns["label"].tolist(),
            "when": pa.array(columns["when"].tolist(), pa.timestamp("us", tz="UTC")),
        }
    )


def answered(table: pa.Table) -> pa.Table:
    """Add what the model answers to these rows."""
    inputs = {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names}
    return table.append_column("score", pa.array(Parcels().predict(inputs)))


def open_seeded(directory: Path, port: int = 8080) -> Seeded:
    """Make the store in a directory, with links to ``port``; close it with ``seeded.runtime.close()``."""
    config = Config(
        data_dir=directory,
        clock="manual",
        port=port,
        explain=ExplainConfig(classes=("parcels_model:Parcels",), threads=1),
    )
    running = Runtime.open(config, scheduling=False)
    assert isinstance(running.clock, ManualClock)
    running.clock.advance(FIRST)
    running.store.catalog.put_model(Model(name="parcels", schema=SCHEMA, settings=SETTINGS, created=FIRST))
    idle = ModelSchema(model="idle", task=Task.REGRESSION, features=SCHEMA.features[:2])
    running.store.catalog.put_model(
        Model(name="idle", schema=idle, settings=Settings(title="Parcel price"), created=FIRST)
    )
    save_file({"weights": Parcels().weights.data}, directory / "parcels.safetensors")
    (directory / "parcels.json").write_text(json.dumps({}))
    artifact = {
        "adapter": "torch",
        "class": "parcels_model:Parcels",
        "weights": str(directory / "parcels.safetensors"),
        "config": str(directory / "parcels.json"),
    }
    for version in ("1", "2"):
        running.store.catalog.put_version(Version(model="parcels", version=version, created=FIRST, artifact=artifact))
    before = FIRST - 30 * DAY
    reference = conform_reference(
        answered(rows(before, 30, 200, 1)), SCHEMA, time="when", scores="score", label="label", now=FIRST
    )
    running.ingest.register_reference("parcels", "1", reference, Window(before, FIRST))
    faulty = _traffic(running)
    running.scheduler.tick(NOW)
    page = directory / "report.html"
    page.write_text("<!doctype html><title>Report</title><h1>Parcel delays</h1>")
    running.store.reports.put(
        Report(
            id="r1",
            model="parcels",
            window=Window(FIRST, FIRST + 7 * DAY),
            title="Parcel delays, week of 1 May",
            path=str(page),
            created=NOW,
        )
    )
    alert = next(a for a in running.store.alerts.query(model="parcels") if a.feature == "temperature")
    return Seeded(running, faulty, alert.id)


def _traffic(running: Runtime) -> str:
    """Send ten days of rows, then their labels, and say which row to look at."""
    assert isinstance(running.clock, ManualClock)
    table = rows(FIRST, DAYS, PER_DAY, 2)
    ids = [f"parcel-{number:05d}" for number in range(table.num_rows)]
    waiting: list[list[Label]] = []
    for day in range(DAYS):
        part = table.slice(day * PER_DAY, PER_DAY)
        if day >= FAULT_DAY:
            celsius = part["temperature"].to_numpy()
            part = part.set_column(2, "temperature", pa.array(celsius * 1.8 + 32))
        version = "2" if day >= SECOND_DAY else "1"
        own = ids[day * PER_DAY : (day + 1) * PER_DAY]
        latency = np.random.default_rng(day).gamma(4.0, 2.0, PER_DAY)
        scored = answered(part)
        sent = pa.table(
            {
                **{feature.name: scored[feature.name] for feature in SCHEMA.features},
                "_id": own,
                "_time": scored["when"],
                "_version": [version] * PER_DAY,
                "_scores": scored["score"],
                "_latency_ms": latency,
            }
        )
        running.clock.advance(FIRST + (day + 1) * DAY)
        conformed = conform_table(sent, SCHEMA, source="http", now=running.clock.now())
        labels = [
            Label(id=name, value=value, time=when + DAY)
            for number, (name, value, when) in enumerate(
                zip(own, part["label"].to_pylist(), part["when"].to_pylist(), strict=True)
            )
            if number % 20
        ]
        running.ingest.submit("parcels", conformed, None, source="http", received=len(own)).result(120)
        waiting.append(labels)
        if day:  # the labels of the day before
            due = waiting[day - 1]
            running.ingest.submit("parcels", None, due, source="labels", received=len(due)).result(120)
    running.clock.advance(NOW)
    running.ingest.flush()
    warm = table["temperature"].to_numpy()
    late = range(SECOND_DAY * PER_DAY, (SECOND_DAY + 1) * PER_DAY)
    return next(ids[number] for number in late if number % 20 and warm[number] > 10)

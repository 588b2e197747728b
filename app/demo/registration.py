"""What the demo's owner registers: the model with its schema, its owner and channel, and each version's reference."""

import io
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.demo import data
from app.demo.model import FlightModel
from app.demo.story import INFER, MODEL, Edition
from app.link import Link
from monitor.schema import infer_schema, schema_to_dict, settings_to_dict
from monitor.types import Channel, Event, ModelSchema, Settings, Task

OWNER = "flight-operations@example.com"
MODEL_CLASS = f"{FlightModel.__module__}:{FlightModel.__qualname__}"
HOLIDAYS = (
    Event(name="Memorial Day", first=date(2013, 5, 25), until=date(2013, 5, 28)),
    Event(name="Independence Day", first=date(2013, 7, 4), until=date(2013, 7, 8)),
)
"""Long weekends on which fewer and other flights leave; whoever owns a model of flights knows them beforehand."""


def schema(table: pa.Table) -> ModelSchema:
    """Return the model's schema: kinds inferred from flights, titles and units by whoever knows them."""
    seen = table.select([*data.COLUMNS])
    return infer_schema(seen, model=MODEL, task=Task.BINARY, classes=data.CLASSES, features=data.FEATURES)


def settings(webhook: str, until: date) -> Settings:
    """Return what the owner decides: who is told, the holidays, and when traffic ends. Alarms are as they come."""
    ended = Event(name="End of the recording", first=until, until=until + timedelta(days=366))
    return Settings(
        owner=OWNER,
        title="Late arrivals",
        description=f"Will a flight from New York arrive more than {data.LATE_MINUTES} minutes late?",
        segments=("origin",),
        calendar=(*HOLIDAYS, ended),
        channels=(Channel(kind="webhook", target=webhook), Channel(kind="log")),
    )


def register_model(link: Link, table: pa.Table, webhook: str, until: date) -> ModelSchema:
    """Register the model, whose traffic ends on a day, and return its schema."""
    of = schema(table)
    body = {"schema": schema_to_dict(of), "settings": settings_to_dict(settings(webhook, until))}
    link.ask("PUT", f"/v1/models/{MODEL}", json_body=body)
    return of


def register_version(link: Link, edition: Edition, weights: Path, endpoint: str) -> None:
    """Register where a version's weights are and where it is served, so that its predictions can be explained."""
    artifact = {
        "adapter": "torch",
        "class": MODEL_CLASS,
        "weights": str(weights),
        "config": str(weights.with_suffix(".json")),
    }
    served = {"adapter": "endpoint", "url": endpoint + INFER, "dialect": "v2"}
    path = f"/v1/models/{MODEL}/versions/{edition.version}"
    link.ask("PUT", path, json_body={"artifact": artifact, "endpoint": served})


def register_reference(link: Link, edition: Edition, model: FlightModel) -> int:
    """Send the version's reference window, scored by it and labelled, as Parquet; return how many rows it has."""
    table = reference(edition.reference_window.start, edition.reference_window.end, model)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    reply: dict[str, Any] = link.ask(
        "POST",
        f"/v1/models/{MODEL}/versions/{edition.version}/reference",
        query={"time": "time", "id": "id", "scores": "p_late", "label": "outcome"},
        body=buffer.getvalue(),
        media="application/vnd.apache.parquet",
    )
    return int(reply["rows"])


def reference(start: datetime, end: datetime, model: FlightModel) -> pa.Table:
    """Return the flights in [start, end) with what ``model`` says of them (`p_late`) and what came (`outcome`)."""
    table = data.between(start, end)
    return (
        table.select(["id", "time", *data.COLUMNS])
        .append_column("p_late", pa.array(model.predict(data.columns(table))))
        .append_column("outcome", pa.array(data.outcomes(table), pa.string()))
    )

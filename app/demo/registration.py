"""What the demo's owner registers: the model with its schema, its rules and channel, and each version's reference."""

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from app.demo import data
from app.demo.model import FlightModel
from app.demo.story import INFER, MODEL, Edition
from app.link import Link
from monitor.alerts.rules import default_rules
from monitor.schema import infer_schema, schema_to_dict, settings_to_dict
from monitor.types import Channel, ModelSchema, Rule, Settings, Severity, Task

OWNER = "flight-operations@example.com"
MODEL_CLASS = f"{FlightModel.__module__}:{FlightModel.__qualname__}"
# The default rules allow a column 1 % of values out of range and 5 points more nulls than before. Whoever owns a model
# fed by weather knows better: storms go beyond what a month has shown, and stations leave gaps (up to 9 % of a day).
# A feed that breaks shows in far more rows than that.
DATA_RULES = (
    Rule(name="out-of-range", metric="quality.out_of_range_share", threshold=0.30, severity=Severity.CRITICAL),
    Rule(name="missing", metric="quality.null_share", threshold=0.20, severity=Severity.CRITICAL),
    Rule(name="never-seen", metric="quality.unseen_share", threshold=0.05, severity=Severity.CRITICAL),
    Rule(name="other-type", metric="quality.retyped_share", severity=Severity.CRITICAL),
)
AUC_FLOOR = Rule(name="auc-floor", metric="performance.auc", op="<", threshold=0.60, windows=2)
"""Two days in a row on which the model ranks late flights hardly better than chance."""


def schema(table: pa.Table) -> ModelSchema:
    """Return the model's schema: kinds inferred from flights, titles and units by whoever knows them."""
    seen = table.select([*data.COLUMNS])
    return infer_schema(seen, model=MODEL, task=Task.BINARY, classes=data.CLASSES, features=data.FEATURES)


def settings(of: ModelSchema, webhook: str) -> Settings:
    """Return what the owner decides: bounds of their own for data and accuracy, default rules for drift, a webhook."""
    drift = [rule for rule in default_rules(of) if rule.metric.startswith("drift.")]
    return Settings(
        owner=OWNER,
        title="Late arrivals",
        description=f"Will a flight from New York arrive more than {data.LATE_MINUTES} minutes late?",
        segments=("origin",),
        rules=(*DATA_RULES, *drift, AUC_FLOOR),
        channels=(Channel(kind="webhook", target=webhook), Channel(kind="log")),
    )


def register_model(link: Link, table: pa.Table, webhook: str) -> ModelSchema:
    """Register the model and return its schema."""
    of = schema(table)
    body = {"schema": schema_to_dict(of), "settings": settings_to_dict(settings(of, webhook))}
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

"""A model with a feature of each common kind, and a value of each: what conforming is tried on."""

from datetime import UTC, datetime

from monitor.types import Feature, Kind, ModelSchema, Task

NOW = datetime(2013, 5, 2, tzinfo=UTC)
KINDS = {
    "temp": Kind.NUMERIC,
    "seats": Kind.INTEGER,
    "late": Kind.BOOLEAN,
    "carrier": Kind.CATEGORICAL,
    "note": Kind.TEXT,
    "due": Kind.TIMESTAMP,
    "vector": Kind.EMBEDDING,
}
VALUES = {"temp": 1.5, "seats": 3, "late": True, "carrier": "AA", "note": "a\u0000b", "due": NOW, "vector": [1.0, 2.0]}


def schema(task=Task.BINARY, classes=("no", "yes"), **options):
    features = tuple(Feature(name=name, kind=kind) for name, kind in KINDS.items())
    return ModelSchema(model="m", task=task, features=features, classes=classes, **options)

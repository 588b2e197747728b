"""Read what was captured and what was measured."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from monitor.api.operation import Call, Operation, Parameter, Reply
from monitor.api.services import Services
from monitor.api.shapes import InferencePage, InferenceRow, MeasurementList
from monitor.errors import InvalidInput
from monitor.profile.groups import split_segment
from monitor.schema.held import of_row, restored
from monitor.store.queries import Order
from monitor.types import ALL, Feature, Kind, ModelSchema, Window

_EPOCH, _END = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_START = Parameter(name="start", type="date-time", description="From this moment on.")
_UNTIL = Parameter(name="end", type="date-time", description="Before this moment.")
_VERSION = Parameter(name="version", description="Only this version.")
_MEASUREMENTS = (
    Parameter(name="metric", description="A metric such as drift.psi; drift.* takes all that begin so."),
    Parameter(name="feature", description="Only this feature."),
    Parameter(name="segment", description=f"Only this segment; {ALL} is every row."),
    _START,
    _UNTIL,
    _VERSION,
    Parameter(name="limit", type="integer", description="At most so many.", default=10_000, minimum=1, maximum=100_000),
)
_INFERENCES = (
    _START,
    _UNTIL,
    _VERSION,
    Parameter(name="where", description="feature=value, exactly; may be repeated.", repeated=True),
    Parameter(name="score_min", type="number", description="Scores from here."),
    Parameter(name="score_max", type="number", description="Scores up to here."),
    Parameter(name="id_prefix", description="Ids that begin so."),
    Parameter(name="labelled", type="boolean", description="Only rows with (true) or without (false) a label."),
    Parameter(
        name="order",
        description="What to sort by.",
        default="time",
        choices=("time", "error", "confidence", "near_threshold"),
    ),
    Parameter(name="descending", type="boolean", description="Largest or newest first.", default=True),
    Parameter(name="limit", type="integer", description="Rows on a page.", default=200, minimum=1, maximum=10_000),
    Parameter(name="offset", type="integer", description="Rows to skip.", default=0, minimum=0, maximum=10_000_000),
)


class Queries:
    """The handlers of measurements and captured inferences."""

    def __init__(self, services: Services) -> None:
        self._store = services.store

    def get_measurements(self, call: Call) -> Reply:
        """Return measurements that match every parameter given."""
        model = self._store.catalog.model(call.path["model"])
        limit = call.number("limit")
        found = self._store.measurements.query(
            model.name,
            metric=call.text("metric"),
            feature=call.text("feature"),
            segment=call.text("segment"),
            version=call.text("version"),
            start=call.time("start"),
            end=call.time("end"),
            limit=limit + 1,
        )
        return Reply(MeasurementList(found[-limit:], len(found) > limit))

    def get_inferences(self, call: Call) -> Reply:
        """Return one page of captured inferences."""
        model = self._store.catalog.model(call.path["model"])
        filters = _filters(call, model.schema)
        limit, offset = call.number("limit"), call.number("offset")
        rows = self._store.rows.inferences(
            model.name,
            **filters,
            order=cast("Order", call.values["order"]),
            descending=cast("bool", call.values["descending"]),
            limit=limit,
            offset=offset,
        )
        total = self._store.rows.count(model.name, **filters)
        shown = [_row(row, model.schema) for row in rows.to_pylist()]
        return Reply(InferencePage(shown, total, offset + limit if offset + len(shown) < total else None))

    def get_inference(self, call: Call) -> Reply:
        """Return one captured inference."""
        model = self._store.catalog.model(call.path["model"])
        found = self._store.rows.inference(model.name, call.path["id"], version=call.text("version"))
        return Reply(_row(found, model.schema))


def _filters(call: Call, schema: ModelSchema) -> dict[str, Any]:
    start, end = call.time("start"), call.time("end")
    low, high = call.values["score_min"], call.values["score_max"]
    return {
        "window": Window(start or _EPOCH, end or _END) if start or end else None,
        "version": call.text("version"),
        "where": dict(_condition(given, schema) for given in call.strings("where")),
        "score": (
            None
            if low is None and high is None
            else (float("-inf") if low is None else low, float("inf") if high is None else high)
        ),
        "id_prefix": call.text("id_prefix"),
        "labelled": call.values["labelled"],
    }


def _condition(given: str, schema: ModelSchema) -> tuple[str, object]:
    found = split_segment(given, (feature.name for feature in schema.features))
    feature = schema.feature(found[0]) if found else None
    if found is None or feature is None:
        known = ", ".join(feature.name for feature in schema.features)
        raise InvalidInput(f"where is {given[:80]!r}; allowed: feature=value with one of the features {known}.")
    return feature.name, _typed(feature, found[1])


def _typed(feature: Feature, text: str) -> object:
    try:
        if feature.kind is Kind.BOOLEAN:
            return {"true": True, "false": False}[text.lower()]
        if feature.kind is Kind.INTEGER:
            return int(text)
        if feature.kind is Kind.NUMERIC:
            return float(text)
    except (ValueError, KeyError):
        raise InvalidInput(f"where: {text[:80]!r} is not a value of the {feature.kind} {feature.name!r}.") from None
    return text


def _row(row: Mapping[str, Any], schema: ModelSchema) -> InferenceRow:
    extra = row.get("_extra")
    row = restored(row, schema)
    return InferenceRow(
        id=row["_id"],
        version=row["_version"],
        time=row["_time"],
        received=row["_received"],
        source=row["_source"],
        features={feature.name: row.get(feature.name) for feature in schema.features},
        prediction=row["_prediction"],
        scores=row["_scores"],
        score=row["_score"],
        latency_ms=row["_latency_ms"],
        batch_size=row["_batch_size"],
        status=row["_status"],
        device=row["_device"],
        device_ms=row["_device_ms"],
        memory_mb=row["_memory_mb"],
        flags=row["_flags"] or [],
        extra=json.loads(extra) if extra else None,
        label=row.get("_label"),
        label_time=row.get("_label_time"),
        summaries=of_row(row),
    )


def operations(services: Services) -> list[Operation]:
    """Return the operations that read rows and measurements."""
    queries = Queries(services)
    return [
        Operation(
            method="GET",
            path="/v1/models/{model}/measurements",
            name="list_measurements",
            summary="Read what was measured, in order of window.",
            tag="measurements",
            handler=queries.get_measurements,
            replies={200: MeasurementList},
            errors=(404, 422),
            parameters=_MEASUREMENTS,
        ),
        Operation(
            method="GET",
            path="/v1/models/{model}/inferences",
            name="list_inferences",
            summary="Filter and page through captured predictions.",
            tag="inferences",
            handler=queries.get_inferences,
            replies={200: InferencePage},
            errors=(404, 422),
            parameters=_INFERENCES,
        ),
        Operation(
            method="GET",
            path="/v1/models/{model}/inferences/{id}",
            name="get_inference",
            summary="Show one captured prediction.",
            tag="inferences",
            handler=queries.get_inference,
            replies={200: InferenceRow},
            errors=(404, 422),
            parameters=(_VERSION,),
        ),
    ]

"""Take reference data: the rows a version is compared with, from which a schema can also be read."""

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from threading import Lock

import pyarrow as pa
import pyarrow.compute as pc

from monitor.api.operation import ARROW_FILE, ARROW_STREAM, PARQUET, BodySpec, Call, Operation, Parameter, Reply
from monitor.api.services import Services
from monitor.api.shapes import ReferenceReply
from monitor.api.tables import read_table
from monitor.errors import InvalidInput
from monitor.schema import conform_reference, infer_schema
from monitor.types import Model, Window

_COLUMNS = (
    Parameter(name="time", description="The column that holds the time of each prediction."),
    Parameter(name="id", description="The column that holds the inference ids."),
    Parameter(name="prediction", description="The column that holds what was predicted."),
    Parameter(name="scores", description="The column(s) that hold the scores, in order of the classes.", repeated=True),
    Parameter(name="label", description="The column that holds the truth."),
)
_BODY_FACTOR = 20
_UNNAMED = ("0", "1")  # what a binary schema says where its owner names no classes
_TARGET = "target"


class References:
    """The handler of references."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._inferring = Lock()

    def post_reference(self, call: Call) -> Reply:
        """Take the rows, and infer the schema from them where there is none yet."""
        name, version = call.path["model"], call.path["version"]
        catalog = self._services.store.catalog
        catalog.model(name)
        table = read_table(call.body, call.media)
        if table.num_rows == 0:
            raise InvalidInput("The reference has no rows; send the rows that the model was validated on.")
        own = {key: value for key in ("time", "id", "prediction", "label") if (value := call.text(key)) is not None}
        scores = tuple(part for given in call.strings("scores") for part in given.split(","))
        missing = [column for column in [*own.values(), *scores] if column not in table.column_names]
        if missing:
            raise InvalidInput(f"The file has no column {', '.join(missing)}; it has: {', '.join(table.column_names)}.")
        with self._inferring:
            model = catalog.model(name)
            inferred: list[str] = []
            if not model.schema.features:
                model = self._infer(model, table, [*own.values(), *scores], call.text("label"))
                inferred = [feature.name for feature in model.schema.features]
        batch = conform_reference(
            table, model.schema, version=version, now=self._services.clock.now(), scores=scores, **own
        )
        window = _window(batch)
        self._services.ingest.register_reference(name, version, batch, window)
        labelled = len(batch) - batch["_label"].null_count
        reply = ReferenceReply(
            model=name, version=version, rows=len(batch), labelled=labelled, window=window, inferred=inferred
        )
        return Reply(reply, 201)

    def _infer(self, model: Model, table: pa.Table, spent: Collection[str], label: str | None) -> Model:
        """Read the features, and the classes where the owner named none, and store the schema they make."""
        stored = model.schema
        unnamed = label is not None and stored.classes == _UNNAMED
        found = infer_schema(
            table,
            model=model.name,
            task=stored.task,
            target=label,
            classes=() if unnamed else stored.classes,
            exclude=spent,
        )
        target = label if label is not None and stored.target == _TARGET else stored.target
        schema = replace(stored, features=found.features, classes=found.classes, target=target)
        grown = replace(model, schema=schema)
        self._services.store.catalog.put_model(grown)
        return grown


def _window(batch: pa.Table) -> Window:
    """Return the whole hours that a batch's times lie in."""
    bounds = pc.min_max(batch["_time"]).as_py()
    start = bounds["min"].replace(minute=0, second=0, microsecond=0)
    return Window(start, bounds["max"].replace(minute=0, second=0, microsecond=0) + timedelta(hours=1))


def operations(services: Services) -> list[Operation]:
    """Return the operation on references."""
    return [
        Operation(
            method="POST",
            path="/v1/models/{model}/versions/{version}/reference",
            name="post_reference",
            summary="Take the rows that a version is compared with (Parquet or Arrow).",
            tag="models",
            handler=References(services).post_reference,
            replies={201: ReferenceReply},
            errors=(400, 404, 413, 415, 422, 429, 507),
            parameters=_COLUMNS,
            body=BodySpec(media=(PARQUET, ARROW_STREAM, ARROW_FILE), factor=_BODY_FACTOR),
            slow=True,
        )
    ]

"""The typed wide table of each model: which columns it has, how it is made and how it grows."""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from monitor.errors import Conflict, InvalidInput
from monitor.schema import arrow_schema
from monitor.schema.held import ENTRY, SUMMARY
from monitor.store.database import Database
from monitor.store.sql import UTC_TIME, quote
from monitor.types import ModelSchema

_SQL_OF = {pa.string(): "VARCHAR", pa.int64(): "BIGINT", pa.float64(): "DOUBLE", pa.list_(pa.int64()): "BIGINT[]"}
_SQL = {
    pa.string(): "VARCHAR",
    pa.float64(): "DOUBLE",
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.bool_(): "BOOLEAN",
    UTC_TIME: "TIMESTAMP",
    pa.list_(pa.float64()): "DOUBLE[]",
    pa.list_(pa.string()): "VARCHAR[]",
    pa.binary(): "BLOB",
    SUMMARY: "MAP(VARCHAR, STRUCT(" + ", ".join(f"{entry.name} {_SQL_OF[entry.type]}" for entry in ENTRY) + "))",
}


def columns(schema: ModelSchema) -> dict[str, str]:
    """Return the columns of a captured row with their SQL types, in order: the canonical batch's."""
    return {field.name: _SQL[field.type] for field in arrow_schema(schema)}


def answer(schema: ModelSchema) -> pa.DataType:
    """Return the Arrow type of predictions and labels: a class's name, or a number for regression."""
    return arrow_schema(schema).field("_prediction").type


def captured(model: str) -> str:
    """Return the quoted table of a model's captured rows."""
    return f"captured.{quote(model)}"


def labels(model: str) -> str:
    """Return the quoted table of a model's labels and their corrections."""
    return f"labels.{quote(model)}"


def reference(model: str) -> str:
    """Return the quoted table of a model's reference rows."""
    return f"reference.{quote(model)}"


def reservoir(model: str) -> str:
    """Return the quoted table of the few rows of each day that are kept whatever else is."""
    return f"reservoir.{quote(model)}"


def narrow(model: str) -> str:
    """Return the quoted table of what is left of a model's rows that are not kept."""
    return f"narrow.{quote(model)}"


def narrow_columns(schema: ModelSchema) -> dict[str, str]:
    """Return what is left of a row that is not kept: what de-duplication, labels and our own columns' profiles need.

    ``_segments`` holds the values of the segment features as text, ``_why`` why the row was not kept.
    """
    own = {
        name: sql
        for name, sql in columns(schema).items()
        if name.startswith("_") and name not in ("_flags", "_extra", "_summary")
    }
    return {"_seq": "BIGINT"} | own | {"_segments": "MAP(VARCHAR, VARCHAR)", "_why": "VARCHAR"}


def last_seq(database: Database, model: str) -> int:
    """Return the newest seq that a model's rows, labels or pieces have been given."""
    parts = [f"SELECT max(_seq) AS seq FROM {table}" for table in (captured(model), narrow(model))]  # noqa: S608 - quoted
    parts.append(f"SELECT max(seq) FROM {labels(model)}")  # noqa: S608 - quoted
    parts.append("SELECT max(up_to_seq) FROM profile_marks WHERE model = ?")
    return database.integer(f"SELECT max(seq) FROM ({' UNION ALL '.join(parts)})", [model])  # noqa: S608 - quoted


def ensure(database: Database, schema: ModelSchema, before: ModelSchema | None) -> None:
    """Make a model's tables, or add the columns its schema has gained.

    Raises:
        InvalidInput: a feature's name cannot be told apart from another's or from a system column.
        Conflict: the task, or the type of a column that exists, differs from what is stored.
    """
    refuse_twins([feature.name for feature in schema.features])
    if before is not None and before.task is not schema.task:
        raise Conflict(
            f"The model {schema.model!r} is registered for {before.task}; it cannot become {schema.task}. "
            f"Register another model name."
        )
    wanted, truth = columns(schema), _SQL[answer(schema)]
    for table, extra in (
        (captured(schema.model), {"_seq": "BIGINT"}),
        (reference(schema.model), {"_label": truth}),
        (reservoir(schema.model), {"_seq": "BIGINT", "_place": "BIGINT"}),
    ):
        listed = ", ".join(f"{quote(name)} {sql}" for name, sql in (extra | wanted).items())
        database.query(f"CREATE TABLE IF NOT EXISTS {table} ({listed})")
        _widen(database, table, wanted)
    left = narrow_columns(schema)
    listed = ", ".join(f"{quote(name)} {sql}" for name, sql in left.items())
    database.query(f"CREATE TABLE IF NOT EXISTS {narrow(schema.model)} ({listed})")
    _widen(database, narrow(schema.model), left)
    database.query(
        f"CREATE TABLE IF NOT EXISTS {labels(schema.model)} "
        f"(seq BIGINT, id VARCHAR, version VARCHAR, value {truth}, time TIMESTAMP, received TIMESTAMP)"
    )


def widen_old(database: Database, schemas: Sequence[ModelSchema]) -> None:
    """Give tables made by an earlier Watchglass the columns that the canonical batch has gained since.

    Columns are added without defaults and written to the file at once: DuckDB up to 1.5 cannot replay every ALTER from
    its log, and what a crash leaves of this is done at the next start.
    """
    old = [schema for schema in schemas if not _complete(database, schema)]
    for schema in old:
        with database.transaction():
            ensure(database, schema, schema)
    if old:
        database.query("CHECKPOINT")


def _complete(database: Database, schema: ModelSchema) -> bool:
    """Return whether a model's tables are there with all columns; to list the tables of all takes ten times as long."""
    try:
        database.query(f"SELECT NULL FROM {narrow(schema.model)} LIMIT 0")  # noqa: S608 - quoted
        found = database.rows(f"DESCRIBE {captured(schema.model)}")
    except duckdb.CatalogException:  # one of them is not there
        return False
    return columns(schema).keys() <= {row["column_name"] for row in found}


def _widen(database: Database, table: str, wanted: dict[str, str]) -> None:
    present = {
        row["column_name"].casefold(): (row["column_name"], row["column_type"].replace('"', ""))
        for row in database.rows(f"DESCRIBE {table}")
    }
    for name, sql in wanted.items():
        known = present.get(name.casefold())
        if known is None:
            database.query(f"ALTER TABLE {table} ADD COLUMN {quote(name)} {sql}")
        elif known == (name, "VARCHAR") and sql == "BLOB":  # images were texts once
            database.query(f"ALTER TABLE {table} ALTER COLUMN {quote(name)} TYPE BLOB USING encode({quote(name)})")
        elif known != (name, sql):
            raise Conflict(
                f"The column {name!r} ({sql}) is stored as {known[0]!r} ({known[1]}). A column keeps its name and "
                f"type: give the changed feature another name."
            )


def refuse_twins(features: Sequence[str]) -> None:
    """Refuse feature names that DuckDB cannot tell apart from each other or from system columns.

    Raises:
        InvalidInput: a name is empty, begins with ``_``, or differs from another only in case.
    """
    seen: dict[str, str] = {}
    for name in features:
        twin = seen.get(name.casefold())
        if not name or name.startswith("_") or twin is not None:
            why = f"reads like {twin!r}" if twin is not None else "is empty" if not name else "begins with '_'"
            raise InvalidInput(
                f"The feature name {name!r} {why}. Names must differ in more than case and must not begin with '_' "
                f"(system columns do); rename the feature."
            )
        seen[name.casefold()] = name

"""Make the canonical batch of a reference: rows a model is known to have done well on, with their truth."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from monitor.errors import InvalidInput
from monitor.schema.canonical import TIME
from monitor.schema.tables import Places, conform_columns
from monitor.schema.truth import allowed_labels, label_of
from monitor.types import ModelSchema, Task

SOURCE = "reference"


def conform_reference(
    table: pa.Table,
    schema: ModelSchema,
    *,
    time: str | None = None,
    id: str | None = None,  # noqa: A002 - named as the column it names
    prediction: str | None = None,
    scores: str | Sequence[str] | None = None,
    label: str | None = None,
    version: str = "1",
    now: datetime | None = None,
) -> pa.Table:
    """Return the canonical batch of a reference table with one more column, ``_label`` (null where not known).

    Args:
        table: features by name, and the columns named below; columns named nowhere are kept in ``_extra``.
        schema: what the model takes and gives.
        time: the column with each row's moment; without it every row gets ``now``, and no daily chunks can be made.
        id: the column with the ids; without it they are made.
        prediction: the column with the answers.
        scores: the column, or columns in class order, with the scores.
        label: the column with the truth.
        version: the version whose reference this is.
        now: the present moment, aware; the machine's clock if not given.

    Raises:
        InvalidInput: a named column is not there, a row cannot be taken, or a label is none of the model's.
    """
    named = [time, id, prediction, label, *([scores] if isinstance(scores, str) else scores or ())]
    for name in named:
        if name is not None and name not in table.column_names:
            raise InvalidInput(f"reference: no column {name!r}; its columns are {', '.join(table.column_names)}")
    if table.num_rows == 0:
        raise InvalidInput("reference: got no rows; give at least one")
    truth = _labels(table, label, schema)
    if label is not None and label not in {time, id, prediction} and schema.feature(label) is None:
        table = table.drop_columns([label])
    places = Places(id=id, time=time, prediction=prediction, scores=scores)
    moment = now or datetime.now(UTC)
    conformed = conform_columns(table, places, schema, source=SOURCE, now=moment, version=version)
    if conformed.rejected:
        first = conformed.rejected[0]
        raise InvalidInput(
            f"reference: {len(conformed.rejected):,} of {table.num_rows:,} rows cannot be taken, "
            f"the first is row {first.row}: {first.detail}"
        )
    batch = conformed.batch
    if time is not None and pc.any(pc.equal(batch.column("_time"), pa.scalar(moment, TIME))).as_py():
        _check_times(table, time)
    return batch.append_column("_label", truth)


def _check_times(table: pa.Table, time: str) -> None:
    if table.column(time).null_count:
        raise InvalidInput(f"reference: column {time!r} has {table.column(time).null_count:,} rows without a time")


def _labels(table: pa.Table, label: str | None, schema: ModelSchema) -> pa.Array:
    held = pa.float64() if schema.task is Task.REGRESSION else pa.string()
    if label is None:
        return pa.nulls(table.num_rows, held)
    column = table.column(label)
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)  # a data frame's way to say there is none
    values = column.to_pylist()
    if schema.task is Task.RANKING:
        given = [None if value is None else label_of(value, schema) for value in values]
        wrong = [value for value, name in zip(values, given, strict=True) if value is not None and name is None]
    else:
        read = {value: None if value is None else label_of(value, schema) for value in set(values)}
        given = [read[value] for value in values]
        wrong = [value for value, name in read.items() if value is not None and name is None]
    if wrong:
        allowed = allowed_labels(schema)
        raise InvalidInput(f"reference: column {label!r} holds {str(wrong[0])[:80]!a}; {allowed} is allowed")
    return pa.array(given, held)

"""Reading captured rows: filter, order, page, sample; each row with its present label."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import pyarrow as pa

from monitor.errors import InvalidInput, NotFound, NotKept
from monitor.store import tables
from monitor.store.catalog import Catalog
from monitor.store.database import Database
from monitor.store.segments import Condition, segment_condition
from monitor.store.sql import naive, names, quote
from monitor.types import ALL, ModelSchema, Task, Window

Order: TypeAlias = Literal["time", "error", "confidence", "near_threshold"]

# Rows `chosen` with the newest label that fits their id and version.
LABELLED = """
    SELECT chosen.*, truth._label, truth._label_time FROM chosen LEFT JOIN (
        SELECT chosen._seq, arg_max(l.value, l.seq) AS _label, arg_max(l.time, l.seq) AS _label_time
        FROM chosen JOIN {labels} AS l ON l.id = chosen._id AND (l.version IS NULL OR l.version = chosen._version)
        GROUP BY chosen._seq
    ) AS truth USING (_seq)
"""


class Queries:
    """Questions about captured rows. Every result has the canonical columns, ``_seq``, ``_label``, ``_label_time``."""

    def __init__(self, database: Database, catalog: Catalog) -> None:
        self._database = database
        self._catalog = catalog

    def inferences(
        self,
        model: str,
        *,
        window: Window | None = None,
        version: str | None = None,
        segment: str = ALL,
        where: Mapping[str, object] | None = None,
        score: tuple[float, float] | None = None,
        id_prefix: str | None = None,
        labelled: bool | None = None,
        order: Order = "time",
        descending: bool = True,
        limit: int = 200,
        offset: int = 0,
        seqs: tuple[int, int] | None = None,
    ) -> pa.Table:
        """Return captured rows.

        Args:
            model: the model's name.
            window: of the prediction's time, half-open.
            version: only this version.
            segment: only the rows that this segment's profiles count.
            where: exact values by column (a feature, ``_prediction``, ``_source`` or ``_status``); None means null.
            score: the least and greatest score, both included.
            id_prefix: how the inference id begins.
            labelled: only rows with a label, or only rows without.
            order: ``time``; ``error``: how far the score or number is from the label (rows without one come last);
                ``confidence``: how far the score is from undecided; ``near_threshold``: how close to the threshold.
            descending: newest, largest, nearest first.
            limit: at most this many rows.
            offset: rows to skip.
            seqs: the first and last seq to look at.

        Raises:
            NotFound: no such model.
            InvalidInput: no such column or order.
        """
        schema = self._catalog.model(model).schema
        inside = self._segment(model, segment)
        late = labelled is not None or order == "error"
        conditions, parameters = _conditions(schema, window, version, inside, where, score, id_prefix)
        if seqs is not None:
            conditions, parameters = f"({conditions}) AND _seq BETWEEN ? AND ?", [*parameters, *seqs]
        key = _order(schema, order)
        page = f"ORDER BY {key} {'DESC' if descending else 'ASC'} NULLS LAST, _seq LIMIT ? OFFSET ?"
        chosen = f"SELECT _seq, {names(tables.columns(schema))} FROM {tables.captured(model)} WHERE {conditions}"  # noqa: S608
        join = LABELLED.format(labels=tables.labels(model))
        present = {None: "true", True: "_label IS NOT NULL", False: "_label IS NULL"}[labelled]
        if not late:  # page first: only its rows need their labels
            chosen = f"{chosen} {page}"
            parameters = [*parameters, limit, offset]
        statement = f"WITH chosen AS ({chosen}), found AS ({join}) SELECT * FROM found WHERE {present} {page}"  # noqa: S608
        return self._database.query(statement, [*parameters, limit, offset if late else 0])

    def count(
        self,
        model: str,
        *,
        window: Window | None = None,
        version: str | None = None,
        segment: str = ALL,
        where: Mapping[str, object] | None = None,
        score: tuple[float, float] | None = None,
        id_prefix: str | None = None,
        labelled: bool | None = None,
    ) -> int:
        """Return how many captured rows pass the same filters as in `inferences`."""
        schema = self._catalog.model(model).schema
        inside = self._segment(model, segment)
        conditions, parameters = _conditions(schema, window, version, inside, where, score, id_prefix)
        chosen = f"SELECT _seq, _id, _version FROM {tables.captured(model)} WHERE {conditions}"  # noqa: S608
        if labelled is None:
            statement = f"SELECT count(*) FROM ({chosen})"  # noqa: S608
        else:
            join = LABELLED.format(labels=tables.labels(model))
            present = "IS NOT NULL" if labelled else "IS NULL"
            statement = (
                f"WITH chosen AS ({chosen}), found AS ({join}) SELECT count(*) FROM found WHERE _label {present}"  # noqa: S608
            )
        return self._database.integer(statement, parameters)

    def _segment(self, model: str, segment: str) -> Condition:
        if segment == ALL:
            return _EVERY
        return segment_condition(segment, self._catalog.model(model).schema, self._catalog.binning(model))

    def sample(
        self, model: str, window: Window | None = None, version: str | None = None, limit: int = 5000, seed: int = 0
    ) -> pa.Table:
        """Return at most ``limit`` rows, in time order, chosen by a hash of id and seed: the same rows every time."""
        schema = self._catalog.model(model).schema
        conditions, parameters = _conditions(schema, window, version, _EVERY, None, None, None)
        chosen = (
            f"SELECT _seq, {names(tables.columns(schema))} FROM {tables.captured(model)} WHERE {conditions} "  # noqa: S608
            f"ORDER BY md5(concat(_id, ':', ?)), _seq LIMIT ?"
        )
        join = LABELLED.format(labels=tables.labels(model))
        statement = f"WITH chosen AS ({chosen}) SELECT * FROM ({join}) ORDER BY _time, _seq"  # noqa: S608
        return self._database.query(statement, [*parameters, str(seed), limit])

    def label_ages(self, model: str, window: Window) -> pa.Table:
        """Return, by version, how many rows of a window have a label and how long the first one took to come.

        Returns:
            Columns version, rows, labelled, and p50, p90, longest in seconds from prediction to label.
        """
        captured, labels = self.every(model, "_seq, _id, _version, _time"), tables.labels(model)
        join = (
            "SELECT r._seq, any_value(r._version) AS version, min(epoch(l.time) - epoch(r._time)) AS age "  # noqa: S608
            f"FROM {captured} AS r LEFT JOIN {labels} AS l "
            "ON l.id = r._id AND (l.version IS NULL OR l.version = r._version) "
            "WHERE r._time >= ? AND r._time < ? GROUP BY r._seq"
        )
        statement = (
            "SELECT version, count(*) AS rows, count(age) AS labelled, quantile_cont(age, 0.5) AS p50, "  # noqa: S608
            f"quantile_cont(age, 0.9) AS p90, max(age) AS longest FROM ({join}) GROUP BY version ORDER BY version"
        )
        self._catalog.model(model)
        return self._database.query(statement, [naive(window.start), naive(window.end)])

    def inference(self, model: str, id: str, version: str | None = None) -> dict[str, object]:  # noqa: A002 - the noun
        """Return one captured row; of several versions with this id, the newest row.

        Raises:
            NotFound: no such model or inference.
        """
        where: dict[str, object] = {"_id": id}
        seqs = self.located(model, id)
        found = (
            [] if seqs is None else self.inferences(model, where=where, version=version, limit=1, seqs=seqs).to_pylist()
        )
        if not found:
            of = f"version {version!r} of " if version else ""
            self._not_kept(model, id, version, of)
            raise NotFound(f"There is no inference {id!r} of {of}the model {model!r}.")
        row: dict[str, object] = found[0]
        return row

    def every(self, model: str, columns: str) -> str:
        """Return SQL for every row, kept or not, with these columns of our own."""
        raise NotImplementedError

    def located(self, model: str, id: str) -> tuple[int, int] | None:  # noqa: A002 - the noun
        """Return the first and last seq that rows of an id can have, None where there is no such row."""
        raise NotImplementedError

    def _not_kept(self, model: str, id: str, version: str | None, of: str) -> None:  # noqa: A002 - the noun
        """Say of a row that was counted and is not kept, that it was, why, and how to keep such rows."""
        found = self._database.rows(
            f"SELECT _why AS why FROM {tables.narrow(model)} WHERE _id = ? AND coalesce(_version = ?, true)",  # noqa: S608 - quoted
            [id, version],
        )
        if found:
            raise NotKept(
                f"The inference {id!r} of {of}the model {model!r} was profiled and counted, but its row was not kept: "
                f"{_WHY[found[0]['why']].format(self._catalog.model(model).settings)}. So it can be neither shown nor "
                "explained; a change of that setting applies to rows that come from then on."
            )


_WHY = {
    "sampled": "the model keeps {0.sampling.rate:.6g} of its rows (settings.sampling.rate; 1 keeps all)",
    "older": "the model keeps its newest {0.sampling.newest:,} rows (settings.sampling.newest; null keeps all)",
    "aged": "the model keeps rows for {0.keep_rows_days} days (settings.keep_rows_days; null keeps them for good)",
}
_EVERY: Condition = ("true", ())
_PLAIN = ("_id", "_prediction", "_source", "_status")


def _conditions(
    schema: ModelSchema,
    window: Window | None,
    version: str | None,
    inside: Condition,
    where: Mapping[str, object] | None,
    score: tuple[float, float] | None,
    id_prefix: str | None,
) -> tuple[str, list[object]]:
    tests: list[tuple[str, tuple[object, ...]]] = [inside]
    if window is not None:
        tests.append(("_time >= ? AND _time < ?", (naive(window.start), naive(window.end))))
    if version is not None:
        tests.append(("_version = ?", (version,)))
    if score is not None:
        tests.append(("_score BETWEEN ? AND ?", score))
    if id_prefix:
        tests.append(("starts_with(_id, ?)", (id_prefix,)))
    for column, value in (where or {}).items():
        if column not in _PLAIN and schema.feature(column) is None:
            allowed = ", ".join([*_PLAIN[1:], *(feature.name for feature in schema.features)])
            raise InvalidInput(
                f"Cannot filter by {column!r}: it is not a column of {schema.model!r}. Allowed: {allowed}."
            )
        tests.append((f"{quote(column)} IS NOT DISTINCT FROM ?", (value,)))
    return " AND ".join(f"({test})" for test, _ in tests), [value for _, values in tests for value in values]


def _order(schema: ModelSchema, order: Order) -> str:
    binary, threshold = schema.task is Task.BINARY, float(schema.threshold)
    error = "CASE WHEN _label = _prediction THEN 1 - _score ELSE _score END"
    if schema.task is Task.REGRESSION:
        error = "abs(_label - _prediction)"
    elif binary:
        positive = schema.classes[-1].replace("'", "''") if schema.classes else "1"
        error = f"abs((_label = '{positive}')::INTEGER - _score)"
    keys = {
        "time": "_time",
        "error": error,
        "confidence": "abs(_score - 0.5)" if binary else "_score",
        "near_threshold": f"-abs(_score - {threshold!r})",
    }
    if order not in keys:
        raise InvalidInput(f"Cannot order by {order!r}. Allowed: {', '.join(keys)}.")
    return keys[order]

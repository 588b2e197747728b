"""Make the canonical batch of an Arrow table whose columns are features and, beside them, ids, times and answers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.schema.answers import Answers, answers, no_scores
from monitor.schema.assemble import MAX_ID, SKEW, Heads, assemble
from monitor.schema.canonical import ARROW, NUMBERS, TIME, Conformed, Rejected
from monitor.schema.columns import SHORT, column, flag_non_finite, flag_non_finite_lists, numbers
from monitor.schema.held import ARRAYS
from monitor.schema.long_text import shortened
from monitor.schema.names import VERSION, VERSION_RULE, odd_name
from monitor.schema.notes import Notes
from monitor.schema.policy import array_column
from monitor.types import Kind, ModelSchema, Task

_RUNTIME = ("latency_ms", "batch_size", "status", "device", "device_ms", "memory_mb")
_OWN = ("id", "version", "time", "prediction", "scores", *_RUNTIME)
_TEXTS = (Kind.CATEGORICAL, Kind.TEXT, Kind.IMAGE, Kind.ID)


@dataclass(frozen=True, slots=True)
class Places:
    """Which columns of a table hold what is not a feature; None where there is none. ``scores`` may be several."""

    id: str | None = None
    version: str | None = None
    time: str | None = None
    prediction: str | None = None
    scores: str | Sequence[str] | None = None
    latency_ms: str | None = None
    batch_size: str | None = None
    status: str | None = None
    device: str | None = None
    device_ms: str | None = None
    memory_mb: str | None = None

    def taken(self) -> set[str]:
        """Return the names of all these columns."""
        singles = [getattr(self, name) for name in _OWN if name != "scores"]
        several = [self.scores] if isinstance(self.scores, str) else list(self.scores or ())
        return {name for name in [*singles, *several] if name is not None}


def conform_table(table: pa.Table, schema: ModelSchema, *, source: str, now: datetime) -> Conformed:
    """Return the canonical batch of ``table``, and the rows that could not be taken; rules as for `conform`.

    What is not a feature is found under ``_id``, ``_version``, ``_time``, ``_prediction``, ``_scores``,
    ``_latency_ms``, ``_batch_size``, ``_status``, ``_device``, ``_device_ms`` and ``_memory_mb``, or under the same
    without the underscore where the schema has no feature of that name. Other columns are features; unknown ones are
    kept in ``_extra``.
    """
    features = {feature.name for feature in schema.features}
    found = {}
    for own in _OWN:
        for name in (f"_{own}", own):
            if name in table.column_names and name not in features:
                found[own] = name
                break
    return conform_columns(table, Places(**found), schema, source=source, now=now)


def conform_columns(
    table: pa.Table, places: Places, schema: ModelSchema, *, source: str, now: datetime, version: str = "1"
) -> Conformed:
    """Return the canonical batch of ``table``, whose columns that are not features are at ``places``."""
    odd = _misnamed(table, {feature.name for feature in schema.features})
    table, rejected = _admitted(table, places, now, version, odd or {})
    rows = table.num_rows
    notes = Notes(rows)
    features = []
    for feature in schema.features:
        if feature.name in table.column_names:
            held = _array(table, feature.name)
            features.append(
                array_column(held.to_pylist(), feature, notes)
                if feature.kind in ARRAYS
                else _exact(held, feature.kind, feature.name, notes)
            )
        else:
            notes.flag_all(f"missing:{feature.name}")
            features.append(pa.nulls(rows, ARROW[feature.kind]))
    unknown = set(table.column_names) - {feature.name for feature in schema.features} - places.taken()
    if unknown:
        for row, values in enumerate(table.select(sorted(unknown)).to_pylist()):
            sent = values if odd is None else {name: value for name, value in values.items() if value is not None}
            notes.unknown(row, sent)
    heads = Heads(
        id=_own(table, places.id, Kind.ID, "_id", notes),
        version=_versions(table, places, version),
        time=_own(table, places.time, Kind.TIMESTAMP, "_time", notes),
        latency_ms=_own(table, places.latency_ms, Kind.NUMERIC, "_latency_ms", notes),
        batch_size=_own(table, places.batch_size, Kind.INTEGER, "_batch_size", notes).cast(pa.int32()),
        status=_own(table, places.status, Kind.CATEGORICAL, "_status", notes),
        device=_own(table, places.device, Kind.CATEGORICAL, "_device", notes),
        device_ms=_own(table, places.device_ms, Kind.NUMERIC, "_device_ms", notes),
        memory_mb=_own(table, places.memory_mb, Kind.NUMERIC, "_memory_mb", notes),
    )
    return Conformed(
        assemble(heads, features, _answers(table, places, schema, notes), notes, schema, source=source, now=now),
        rejected,
    )


def _array(table: pa.Table, name: str) -> pa.Array:
    held = table.column(name)
    array = held.chunk(0) if held.num_chunks == 1 else held.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], array.type)
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def _own(table: pa.Table, name: str | None, kind: Kind, called: str, notes: Notes) -> pa.Array:
    return pa.nulls(table.num_rows, ARROW[kind]) if name is None else _exact(_array(table, name), kind, called, notes)


def _exact(array: pa.Array, kind: Kind, name: str, notes: Notes) -> pa.Array:
    """Return ``array`` in the type of ``kind`` where no value changes by it; else look at each value."""
    if _same_family(array.type, kind):
        try:
            array = array.cast(ARROW[kind])
        except pa.ArrowInvalid:
            return column(array.to_pylist(), kind, name, notes)
        if kind is Kind.NUMERIC:
            flag_non_finite(array, name, notes)
        elif ARROW[kind] == NUMBERS:
            flag_non_finite_lists(array, name, notes)
        elif kind in SHORT:
            array = shortened(array, name, notes)
        return array
    return column(array.to_pylist(), kind, name, notes)


def _same_family(kind: pa.DataType, wanted: Kind) -> bool:
    if pa.types.is_null(kind):
        return True
    if wanted is Kind.NUMERIC:
        return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind))
    if wanted is Kind.INTEGER:
        return bool(pa.types.is_integer(kind))
    if wanted is Kind.BOOLEAN:
        return bool(pa.types.is_boolean(kind))
    if wanted is Kind.TIMESTAMP:
        return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind))
    if wanted in _TEXTS:
        return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(lists and (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)))


def _answers(table: pa.Table, places: Places, schema: ModelSchema, notes: Notes) -> Answers:
    scores = no_scores(table.num_rows)
    single = places.scores if isinstance(places.scores, str) else None
    if places.scores is not None and len(places.scores) == 1:  # one column, which may hold lists
        single = places.scores[0]
    if single is not None:
        held = _array(table, single)
        if pa.types.is_floating(held.type) or pa.types.is_integer(held.type):
            scores = _lists([held])
        else:
            scores = _exact(held, Kind.SEQUENCE, "_scores", notes)
    elif places.scores:
        scores = _lists([_array(table, name) for name in places.scores])
    if places.prediction is None:
        return answers([None] * table.num_rows, scores, schema, notes)
    held = _array(table, places.prediction)
    if schema.task is Task.REGRESSION:
        return answers(_exact(held, Kind.NUMERIC, "_prediction", notes), scores, schema, notes)
    return answers(held.to_pylist(), scores, schema, notes)


def _lists(parts: Sequence[pa.Array]) -> pa.Array:
    """Return the rows of one or several columns of numbers as lists of as many numbers."""
    try:
        stacked = np.column_stack([part.cast(pa.float64()).to_numpy(zero_copy_only=False) for part in parts])
    except pa.ArrowInvalid:
        return numbers(list(zip(*(part.to_pylist() for part in parts), strict=True)), "_scores", Notes(len(parts[0])))
    flat = pa.array(stacked.ravel(), pa.float64(), from_pandas=True)
    offsets = np.arange(0, stacked.size + 1, len(parts), dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, flat)


def _versions(table: pa.Table, places: Places, version: str) -> pa.Array:
    if places.version is None:
        return pa.repeat(pa.scalar(version), table.num_rows)
    return _array(table, places.version).cast(pa.string()).fill_null(version)


def _misnamed(table: pa.Table, known: Collection[str]) -> dict[int, str] | None:
    """Return the rows that have columns of names that no row may have, and why; None where no column has such a name.

    In a table with such names a null says that the row has no such column.
    """
    given = [name for name in table.column_names if name]
    if odd_name(given, known) is None:
        return None
    there = np.column_stack([_array(table, name).is_valid().to_numpy(zero_copy_only=False) for name in given])
    patterns, which = np.unique(there, axis=0, return_inverse=True)
    odd = [odd_name(compress(given, pattern), known) for pattern in patterns]
    return {row: why for row, pattern in enumerate(which.ravel()) if (why := odd[pattern]) is not None}


def _admitted(
    table: pa.Table, places: Places, now: datetime, version: str, odd: Mapping[int, str]
) -> tuple[pa.Table, list[Rejected]]:
    """Return the rows of ``table`` that can be taken, and why the others cannot."""
    reasons: list[tuple[str, str, pa.Array]] = []
    ids = _array(table, places.id) if places.id else pa.nulls(table.num_rows, pa.string())
    if _same_family(ids.type, Kind.ID):
        ids = ids.cast(pa.string())
        length = pc.utf8_length(ids)
        wrong = pc.or_(pc.equal(length, 0), pc.greater(length, MAX_ID))
        reasons.append(("bad_id", f"id: 1 to {MAX_ID} characters are allowed", wrong))
    else:
        reasons.append(("bad_id", f"id: got {ids.type}; text is allowed", ids.is_valid()))
        ids = pa.nulls(table.num_rows, pa.string())
    if places.version:
        named = _versions(table, places, version)
        allowed = pa.array([name for name in pc.unique(named).to_pylist() if VERSION.fullmatch(name)], pa.string())
        wrong = pc.invert(pc.is_in(named, value_set=allowed))
        reasons.append(("bad_version", f"version: {VERSION_RULE}", wrong))
    if places.time:
        when = _exact(_array(table, places.time), Kind.TIMESTAMP, "_time", Notes(table.num_rows))
        detail = f"time is more than 5 minutes ahead of the server's {now.isoformat()}"
        reasons.append(("clock_skew", detail, pc.greater(when, pa.scalar(now + SKEW, TIME))))
    rejected: dict[int, Rejected] = {}
    for reason, detail, wrong in reasons:
        for row in np.flatnonzero(wrong.fill_null(False).to_numpy(zero_copy_only=False)):
            known = ids[int(row)].as_py()
            rejected.setdefault(int(row), Rejected(int(row), known[:40] if known else None, reason, detail))
    for place, why in odd.items():
        rejected.setdefault(place, Rejected(place, ids[place].as_py(), "bad_column", why))
    if not rejected:
        return table, []
    keep = np.setdiff1d(np.arange(table.num_rows), np.fromiter(rejected, np.int64))
    return table.take(pa.array(keep)), [rejected[row] for row in sorted(rejected)]

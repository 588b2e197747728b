"""Make the canonical batch of inferences given one by one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter

import pyarrow as pa
import pyarrow.compute as pc

from monitor.schema.answers import answers, no_scores
from monitor.schema.assemble import MAX_ID, SKEW, Heads, assemble
from monitor.schema.canonical import TIME, Conformed, Rejected
from monitor.schema.columns import MISSING, Retyped, column, moment, numbers
from monitor.schema.held import ARRAYS
from monitor.schema.names import VERSION, VERSION_RULE, odd_name
from monitor.schema.notes import Notes
from monitor.schema.policy import array_column, gathered
from monitor.types import Feature, Inference, Kind, ModelSchema

_TIMES = frozenset({datetime, type(None)})


def conform(rows: Sequence[Inference], schema: ModelSchema, *, source: str, now: datetime) -> Conformed:
    """Return the canonical batch of ``rows``, and the rows that could not be taken.

    A value of another type than its column's becomes null, is flagged ``retyped:<column>`` and kept in ``_extra``;
    so are columns the schema does not know (``new:<column>``). What was not sent is flagged ``missing:<column>``,
    NaN and infinities ``non_finite:<column>``, lone surrogates ``surrogate:<column>`` (replaced by U+FFFD), a row
    without an id ``no_id`` (one is made), an unreadable time ``bad_time`` (``now`` stands for it), a class outside
    the schema's ``unknown_class``, a category or id of over 65,536 characters ``truncated:<column>`` (kept are its
    beginning, its length and the hash of all of it).

    Args:
        rows: the inferences, in any order; a time without a zone is taken as UTC.
        schema: what the model takes and gives.
        source: where they came from ("http", "client", …), kept with every row.
        now: the present moment, aware; stands for times that are not given.

    Returns:
        The batch (columns of `arrow_schema`) and the rejected rows: ``bad_id`` (not text, empty, over 512
        characters), ``bad_version`` (not a name), ``clock_skew`` (over five minutes ahead of ``now``), ``bad_column``
        (an unknown column without a name, with one of over 200 characters, or that reads like another's).
    """
    times = [row.time for row in rows]
    when = _moments(times)
    rejected = _rejected(rows, when, now, frozenset(feature.name for feature in schema.features))
    if rejected:
        out = {line.row for line in rejected}
        keep = [place for place in range(len(rows)) if place not in out]
        rows, times = [rows[place] for place in keep], [times[place] for place in keep]
        when = when.take(pa.array(keep, pa.int64()))  # typed, for there may be none left
    notes = Notes(len(rows))
    if when.null_count:
        for place in (place for place, value in enumerate(when.is_null().to_pylist()) if value):
            if times[place] is not None:
                notes.flag(place, "bad_time")
    given = gathered([row.features for row in rows], schema)
    features = [_feature(given, feature, notes) for feature in schema.features]
    _unknown(given, schema, notes)
    heads = Heads(
        id=pa.array([row.id for row in rows], pa.string()),
        version=pa.array([row.version for row in rows], pa.string()),
        time=when,
        latency_ms=column([row.latency_ms for row in rows], Kind.NUMERIC, "_latency_ms", notes),
        batch_size=_small([row.batch_size for row in rows], notes),
        status=column([row.status for row in rows], Kind.CATEGORICAL, "_status", notes),
        device=column([row.device for row in rows], Kind.CATEGORICAL, "_device", notes),
        device_ms=column([row.device_ms for row in rows], Kind.NUMERIC, "_device_ms", notes),
        memory_mb=column([row.memory_mb for row in rows], Kind.NUMERIC, "_memory_mb", notes),
    )
    scores = [row.scores for row in rows]
    listed = no_scores(len(rows)) if set(scores) == {None} else numbers(scores, "_scores", notes)
    said = answers([row.prediction for row in rows], listed, schema, notes)
    return Conformed(assemble(heads, features, said, notes, schema, source=source, now=now), rejected)


def is_plain(rows: Sequence[Inference], schema: ModelSchema) -> bool:
    """Tell whether none of ``rows`` can be refused for a name: ids, versions and columns are as they should be.

    Their times may still be too far ahead.
    """
    known = _known(schema)
    return all(row.features.keys() <= known and _fits_id(row.id) and _fits_version(row.version) for row in rows)


def is_taken(rows: Sequence[Inference], schema: ModelSchema, now: datetime) -> bool:
    """Tell whether `conform` takes all of ``rows``, now or later: as it says, but without columns of any of them."""
    known, latest = _known(schema), now + SKEW
    return all(
        _fits_id(row.id)
        and _fits_version(row.version)
        and (row.features.keys() <= known or odd_name(row.features, known) is None)
        and not _is_ahead(row.time, latest)
        for row in rows
    )


def _is_ahead(time: object, latest: datetime) -> bool:
    try:
        return time is not None and moment(time) > latest
    except Retyped:
        return False


@lru_cache(maxsize=256)
def _known(schema: ModelSchema) -> frozenset[str]:
    return frozenset(feature.name for feature in schema.features)


def _feature(rows: Sequence[Mapping[str, object]], feature: Feature, notes: Notes) -> pa.Array:
    try:
        values = list(map(itemgetter(feature.name), rows))
    except KeyError:
        values = [row.get(feature.name, MISSING) for row in rows]
    return (
        array_column(values, feature, notes)
        if feature.kind in ARRAYS
        else column(values, feature.kind, feature.name, notes)
    )


def _unknown(rows: Sequence[Mapping[str, object]], schema: ModelSchema, notes: Notes) -> None:
    known = frozenset(feature.name for feature in schema.features)
    for place, row in enumerate(rows):
        if not row.keys() <= known:
            notes.unknown(place, {name: value for name, value in row.items() if name not in known})


def _moments(times: Sequence[object]) -> pa.Array:
    """Return timestamps, null where there is none or it cannot be read."""
    if set(map(type, times)) <= _TIMES:
        try:
            return pa.array(times, TIME)
        except (pa.ArrowException, OverflowError, ValueError):
            pass  # a moment beyond what can be held: look at each
    out = []
    for value in times:
        try:
            out.append(None if value is None else moment(value))
        except Retyped:
            out.append(None)
    return pa.array(out, TIME)


def _rejected(rows: Sequence[Inference], when: pa.Array, now: datetime, known: frozenset[str]) -> list[Rejected]:
    ids: list[object] = [row.id for row in rows]
    versions: set[object] = {row.version for row in rows}
    latest = now + SKEW
    ahead = pc.max(when).as_py()
    odd = _odd_names(rows, known)
    fine = (ahead is None or ahead <= latest) and all(map(_fits_version, versions)) and all(map(_fits_id, ids))
    if fine and not odd:
        return []
    found = (_refusal(place, row, when[place].as_py(), latest) or odd.get(place) for place, row in enumerate(rows))
    return [line for line in found if line is not None]


def _odd_names(rows: Sequence[Inference], known: frozenset[str]) -> dict[int, Rejected]:
    """Return the rows whose columns the schema does not know and no store could tell apart, by their place."""
    out = {}
    for place, row in enumerate(rows):
        if not row.features.keys() <= known:
            odd = odd_name(row.features, known)
            if odd is not None:
                out[place] = Rejected(place, row.id if _fits_id(row.id) else None, "bad_column", odd)
    return out


def _refusal(place: int, row: Inference, when: datetime | None, latest: datetime) -> Rejected | None:
    if not _fits_id(row.id):
        got = f"{len(row.id):,} characters, or not text" if isinstance(row.id, str) else type(row.id).__name__
        return Rejected(place, None, "bad_id", f"id: got {got}; 1 to {MAX_ID} characters of text are allowed")
    if not _fits_version(row.version):
        detail = f"version {str(row.version)[:80]!a}: {VERSION_RULE}"
        return Rejected(place, row.id, "bad_version", detail)
    if when is not None and when > latest:
        detail = f"time {when.isoformat()} is more than 5 minutes ahead of the server's {(latest - SKEW).isoformat()}"
        return Rejected(place, row.id, "clock_skew", detail)
    return None


def _fits_version(value: object) -> bool:
    return isinstance(value, str) and VERSION.fullmatch(value) is not None


def _fits_id(value: object) -> bool:
    return value is None or (isinstance(value, str) and 0 < len(value) <= MAX_ID and _encodable(value))


def _encodable(value: str) -> bool:
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _small(values: Sequence[int | None], notes: Notes) -> pa.Array:
    held = column(values, Kind.INTEGER, "_batch_size", notes)
    try:
        return held.cast(pa.int32())
    except pa.ArrowInvalid:
        kept = [value if value is None or -(2**31) <= value < 2**31 else None for value in held.to_pylist()]
        for place, (before, after) in enumerate(zip(held.to_pylist(), kept, strict=True)):
            if before != after:
                notes.retyped(place, "_batch_size", before)
        return pa.array(kept, pa.int32())

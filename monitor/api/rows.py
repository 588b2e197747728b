"""Make inferences and labels of JSON rows. One bad row is rejected with a reason; the rows beside it are taken."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from monitor.api.decode import scrub
from monitor.api.listed import MAX_ROWS, BadRow, array, kind, lines, wrapped
from monitor.api.operation import JSON
from monitor.api.problem import Problem
from monitor.schema import VERSION, VERSION_RULE, Rejected, Sent
from monitor.types import Inference, Label

T = TypeVar("T")

MAX_ID = 512

_INFERENCE_KEYS = frozenset(field.name for field in fields(Inference))
_DEVICE_KEYS = frozenset({"device", "device_ms", "memory_mb"})
_LABEL_KEYS = frozenset(field.name for field in fields(Label))
_ESCAPED = re.compile(rb"\\u[dD][89a-fA-F]")
_SCALAR = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Rows(Generic[T]):
    """What one body held. ``places`` are the rows' numbers in the body, which rejected rows leave gaps in.

    ``form`` is what they were sent as: inferences or labels.
    """

    form: str
    given: Sequence[object]
    taken: list[T]
    places: list[int]
    rejected: list[Rejected]

    @property
    def received(self) -> int:
        """How many rows came."""
        return len(self.given)

    def sent(self, place: int) -> Sent:
        """Return one row as it came, to be kept as a dead letter."""
        row = self.given[place]
        if isinstance(row, BadRow):
            return Sent(self.form, row.line)
        text = json.dumps(row, default=str, ensure_ascii=False)
        if not text.isprintable():  # such as a lone surrogate, which UTF-8 cannot hold
            text = json.dumps(row, default=str)
        return Sent(self.form, text.encode())


def read_inferences(body: bytes, media: str, *, empty: bool = False) -> Rows[Inference]:
    """Read a JSON array, one JSON object, or NDJSON of inferences.

    Args:
        body: the bytes.
        media: their media type; one that is not JSON's is read as NDJSON.
        empty: whether an empty array is allowed: a client may have nothing to tell but what it dropped.

    Raises:
        Problem: 400 the body is not JSON, or holds no rows.
    """
    given = array(body, empty, surrogates=True) if media == JSON else lines(body, surrogates=True)
    # A pair of escaped surrogates is a character: only where there is one of either sort is it worth a look.
    return _rows("inferences", given, _scrubbed if _ESCAPED.search(body) else inference)


def read_labels(body: bytes, media: str, *, empty: bool = False) -> Rows[Label]:
    """Read a JSON array, one JSON object, or NDJSON of labels; arguments and errors as for `read_inferences`."""
    return label_rows(array(body, empty) if media == JSON else lines(body))


def label_rows(given: Sequence[object]) -> Rows[Label]:
    """Make labels of rows that were read already."""
    return _rows("labels", given, _label)


def _rows(form: str, given: Sequence[object], make: Callable[[Mapping[str, Any]], T]) -> Rows[T]:
    if len(given) > MAX_ROWS:
        raise Problem(413, f"The body has {len(given):,} rows; at most {MAX_ROWS:,} are read. Send smaller batches.")
    rows: Rows[T] = Rows(form, given, [], [], [])
    for place, row in enumerate(given):
        try:
            if isinstance(row, BadRow):
                raise row
            if not isinstance(row, dict):
                raise BadRow("bad_row", f"A row is a JSON object, not {kind(row)}.")
            if wrong := wrapped(row):
                raise BadRow("bad_row", wrong)
            rows.taken.append(make(row))
            rows.places.append(place)
        except BadRow as bad:
            known = row.get("id") if isinstance(row, dict) else None
            shown = known[:MAX_ID] if isinstance(known, str) else None
            rows.rejected.append(Rejected(place, shown, bad.reason, bad.detail, rows.sent(place)))
    return rows


def _scrubbed(row: Mapping[str, Any]) -> Inference:
    """Make one inference of a row that may hold lone surrogates: those of features stay, to be replaced and flagged."""
    own = {key: _plain(value) for key, value in row.items() if key in _INFERENCE_KEYS and key != "features"}
    return inference({**row, **own})


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return scrub(value) if isinstance(value, str) else value


def inference(row: Mapping[str, Any]) -> Inference:
    """Make one inference; keys that are none of ours are taken as features, so that nothing sent is lost."""
    features = row.get("features", {})
    if not isinstance(features, dict):
        raise BadRow("bad_features", f"features is {kind(features)}; allowed: an object of column names and values.")
    # "device" is also a common name of a feature: in a row without an object of features it is one.
    own = _INFERENCE_KEYS if "features" in row else _INFERENCE_KEYS - _DEVICE_KEYS
    if not row.keys() <= own:
        features = {key: value for key, value in row.items() if key not in own} | features
    ran = row if "features" in row else {}
    return Inference(
        id=row.get("id"),
        version=_version(row.get("version")) or "1",
        time=row.get("time"),
        features=features,
        prediction=_answer(row.get("prediction")),
        scores=_scores(row.get("scores")),
        latency_ms=row.get("latency_ms"),
        batch_size=row.get("batch_size"),
        status=row.get("status"),
        device=ran.get("device"),
        device_ms=ran.get("device_ms"),
        memory_mb=ran.get("memory_mb"),
    )


def _label(row: Mapping[str, Any]) -> Label:
    strange = row.keys() - _LABEL_KEYS
    if strange:
        names = ", ".join(sorted(strange))[:200]
        raise BadRow("bad_label", f"A label takes no {names}; allowed: {', '.join(sorted(_LABEL_KEYS))}.")
    name = row.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_ID:
        raise BadRow("bad_id", f"id is {kind(name)}; allowed: text of 1 to {MAX_ID} characters.")
    if "value" not in row:
        raise BadRow("bad_label", "A label needs a value: the class, the number, or the grades of a ranking.")
    return Label(
        id=name,
        value=_truth(row["value"]),
        time=_time(row.get("time")),
        version=_version(row.get("version")),
    )


def _version(given: object) -> str | None:
    if given is None:
        return None
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(text, str) or not VERSION.fullmatch(text):
        raise BadRow("bad_version", f"version is {str(given)[:80]!r}; {VERSION_RULE}.")
    return text


def _scalar(key: str, given: object) -> Any:
    if not isinstance(given, _SCALAR):
        raise BadRow(f"bad_{key}", f"{key} is {kind(given)}; allowed: text, a number, true, false or null.")
    return given


def _answer(given: object) -> Any:
    """Return a prediction: one value, or the names of a ranking's candidates."""
    if isinstance(given, list) and given and all(isinstance(name, str) for name in given):
        return tuple(given)
    return _scalar("prediction", given)


def _truth(given: object) -> Any:
    """Return a label's value: one value, or the grades of a ranking's candidates, in order or by name."""
    grades = given.values() if isinstance(given, dict) else given if isinstance(given, list) else ()
    if grades and all(grade is None or isinstance(grade, int | float) for grade in grades):
        return tuple(grades) if isinstance(given, list) else given
    return _scalar("value", given)


def _scores(given: object) -> tuple[float, ...] | None:
    if given is None:
        return None
    scores = given if isinstance(given, list) else [given]
    if not all(isinstance(score, _SCALAR) for score in scores):
        raise BadRow("bad_scores", "scores holds lists or objects; allowed: a number, or one number for each class.")
    return tuple(scores)


def _time(given: object) -> datetime | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(str(given))
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRow(
            "bad_time", f"time is {str(given)[:80]!r}; allowed: ISO 8601 such as 2013-05-01T12:00:00Z."
        ) from None

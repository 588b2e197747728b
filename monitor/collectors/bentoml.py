"""BentoML's monitor: JSON lines of data beside a file of schema that says which column is what.

A schema line is ``{"meta_data": {…}, "columns": [{"name", "role", "type"}]}``, with the roles feature, prediction and
target; a data line has those columns and ``timestamp``, ``request_id``, ``trace_id``.
(https://github.com/bentoml/BentoML, bentoml/_internal/monitoring/default.py.)
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import msgspec

from monitor.collectors import Collector, Half
from monitor.collectors.inflate import inflated
from monitor.collectors.lenient import read_json
from monitor.collectors.moment import moment
from monitor.collectors.pairing import pair, task_of
from monitor.collectors.records import each, lines
from monitor.collectors.tabular import Columns, column, joined
from monitor.errors import InvalidInput
from monitor.types import Inference, Label, Scalar, Task

_ROLES = ("feature", "prediction", "target")


class MonitorColumn(msgspec.Struct):
    """One column of the monitor."""

    name: str
    role: str
    type: str = ""


class MonitorSchema(msgspec.Struct):
    """What the columns of a monitor are."""

    columns: list[MonitorColumn]
    meta_data: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Roles:
    """The names of a monitor's columns, by what they are."""

    features: list[str]
    predictions: list[str]
    targets: frozenset[str]


class BentoML(Collector):
    """Monitored predictions as inferences; columns of the role target as labels.

    A record is one row, but where every feature and prediction is a list of lists of one length, that many rows. Rows
    are named after ``request_id``; a request of many rows logs them under one, so from the second on, in order,
    ``{request_id}:{row}``. Headers: ``watchglass-schema`` is the schema, one line of JSON; without it the body's first
    line is the schema. ``watchglass-task`` says what the model predicts, needed for a regression that answers
    fractions; ``watchglass-version`` which version answered.
    """

    name = "bentoml"
    files = True

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:
        """Read the lines of a data file.

        Raises:
            InvalidInput: no schema; or, after what could be read, what was wrong with the other lines.

        >>> schema = '{"columns": [{"name": "x", "role": "feature"}, {"name": "p", "role": "prediction"}]}'
        >>> row, = BentoML().parse(b'{"x": 1.5, "p": "a", "request_id": "q"}', {"watchglass-schema": schema})
        >>> row.id, row.features, row.prediction
        ('q', {'x': 1.5}, 'a')
        """
        task = task_of(headers, "bentoml")
        said = headers.get("watchglass-schema")
        roles = None if said is None else _roles(said.encode(errors="replace"))
        records = list(lines(inflated(body, name="bentoml")))
        if roles is None and records:
            roles = _roles(records[0][1])
        seen: Counter[str] = Counter()

        def one(line: bytes) -> Iterator[Inference | Label]:
            record = read_json(line, dict[str, Any], name="bentoml", allowed="an object a line")
            if roles is None or _is_schema(record):
                return iter(())
            return _rows(record, roles, task, headers.get("watchglass-version"), seen)

        yield from each(records, one, name="bentoml", what="line")


def _roles(text: bytes) -> Roles:
    allowed = "the monitor's schema, in the header watchglass-schema or as the first line,"
    schema = read_json(text, MonitorSchema, name="bentoml", allowed=allowed)
    named = {role: [column.name for column in schema.columns if column.role == role] for role in _ROLES}
    if not named["feature"] and not named["prediction"]:
        raise InvalidInput("bentoml: the schema has no column of the role feature or prediction; it must have some")
    return Roles(named["feature"], named["prediction"], frozenset(named["target"]))


def _is_schema(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("columns"), list) and "request_id" not in record


def _rows(
    record: Mapping[str, Any], roles: Roles, task: Task | None, version: str | None, seen: Counter[str]
) -> Iterator[Inference | Label]:
    asked, answered = roles.features, roles.predictions
    # Not a line more than its own length: a schema may be long, and the lines many.
    missing = next((name for name in chain(asked, answered) if name not in record), None)
    if missing is not None:
        raise InvalidInput(f"the record has no {missing[:80]!r}, which the schema names; it must have all")
    rows = _batch([record[name] for name in (*asked, *answered)])
    request = _side("request", {name: record[name] for name in asked}, rows)
    response = _side("response", {name: record[name] for name in answered}, rows)
    when = moment(record.get("timestamp"))
    named = record.get("request_id")
    truths = [_truth(value, rows) for target, value in record.items() if target in roles.targets and value is not None]
    inferences = pair(request, response, task=task, version=version, time=when, id_column="")
    for place, row in enumerate(inferences):
        name = _name(named, seen)
        yield replace(row, id=name)
        if name is not None:
            yield from (Label(id=name, value=truth[place]) for truth in truths if truth[place] is not None)


def _truth(value: Any, rows: int | None) -> list[Scalar]:
    values = value if rows is not None or (isinstance(value, list) and len(value) == 1) else [value]
    if (
        not isinstance(values, list)
        or len(values) != (rows or 1)
        or any(isinstance(one, list | dict) for one in values)
    ):
        raise InvalidInput(f"the target is {str(value)[:80]}; one value a row is allowed")
    return values


def _batch(values: list[Any]) -> int | None:
    """Return how many rows a record of matrices holds; None for a record of one row."""
    if not all(isinstance(value, list) and value and all(isinstance(item, list) for item in value) for value in values):
        return None
    counts = {len(value) for value in values}
    return counts.pop() if len(counts) == 1 else None


def _side(side: Any, values: Mapping[str, Any], rows: int | None) -> Half:
    parts = (column(name, [value] if rows is None else value) for name, value in values.items())
    columns: Columns = joined(parts)
    return Half(side=side, rows=1 if rows is None else rows, columns=columns)


def _name(named: object, seen: Counter[str]) -> str | None:
    if named is None or named == "":
        return None
    base = str(named)
    seen[base] += 1
    return base if seen[base] == 1 else f"{base}:{seen[base] - 1}"

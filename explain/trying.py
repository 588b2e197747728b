"""Asking the model about a captured row that might have been another: what if, and what would have had to be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explain.columns import NUMBERS, Column, as_column, from_row
from explain.counterfactual import Goal, Matrix, Search
from explain.engine import ASK
from explain.margins import Margins
from explain.reasons import amount, reasons
from explain.request import Asked, Request
from monitor.errors import InvalidInput
from monitor.schema.held import ARRAYS
from monitor.types import Kind, ModelSchema, Scalar, Task

if TYPE_CHECKING:
    from explain.service import ExplainService


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """What the model answers to a captured row with other values; ``before`` is its answer to the row as it was.

    ``changes`` says what was asked; a value of many numbers, such as an image, is only named.
    """

    output: str
    before: float
    after: float
    changes: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """The smallest plausible change found that makes the decision another one, and the decision in words.

    ``changes`` are the inputs' other values, empty where none was found; ``after`` is the model's answer to them, asked
    again. ``sought`` says which answers would be another decision, ``rows_used`` how many were asked.
    """

    output: str
    before: float
    after: float | None
    changes: Mapping[str, Scalar]
    sought: str
    decision: str
    text: str
    rows_used: int


class Trying:
    """Questions about one captured row, asked of the version that served it through the queue."""

    def __init__(self, service: "ExplainService") -> None:
        self._service = service

    def what_if(self, asked: Asked, changes: Mapping[str, object]) -> WhatIf:
        """Ask the model about a row with other values.

        Raises:
            InvalidInput: no change, an unknown feature, or a value that is none of its kind.
            NotFound, Unavailable, Conflict: as for an explanation.
        """
        request = self._service.requests.make(asked)
        schema = request.model.schema
        if not changes:
            raise InvalidInput(f"changes is empty; give another value of at least one of: {_names(schema)}")
        kinds = {feature.name: feature.kind for feature in schema.features}
        changed = {name: checked(schema, name, value) for name, value in changes.items()}
        columns = {
            name: np.concatenate([column, changed.get(name, column)])
            for name, column in from_row(request.row, schema).items()
        }
        before, after = self._predict(request, columns)
        return WhatIf(
            output=request.output,
            before=float(before),
            after=float(after),
            changes={name: _named(column[0], kinds[name]) for name, column in changed.items()},
        )

    def counterfactual(
        self,
        asked: Asked,
        *,
        features: list[str] | None = None,
        below: float | None = None,
        above: float | None = None,
    ) -> Counterfactual:
        """Find the smallest plausible change that makes the decision another one, and put the decision in words.

        Args:
            asked: the row, and the method of the explanation that the words are made of.
            features: which may change; by default all that are not protected.
            below: seek an answer below this; by default the other side of a binary decision's threshold, or any class
                but the one that was predicted.
            above: seek an answer of at least this.

        Raises:
            InvalidInput: an unknown feature, or nothing says what another decision would be.
            NotFound, Unavailable, Conflict: as for an explanation.
        """
        explanation = self._service.submit(asked).found.result()
        request = self._service.requests.make(asked)
        schema = request.model.schema
        row = from_row(request.row, schema)
        allowed = _allowed(schema, features)
        before = float(self._predict(request, row)[0])
        margins = _margins(request, partial(self._predict, request)) if below is above is None else None
        goal, sought, decision = OTHER_CLASS if margins else _goal(schema, before, below, above)
        search = Search(
            predict=margins.ahead if margins else partial(self._predict, request),
            row=row,
            background=request.background.columns,
            schema=schema,
            allowed=allowed,
            goal=goal,
        )
        found = search.find()
        changes: dict[str, Scalar] = {}
        if found is not None:
            kinds = {feature.name: feature.kind for feature in schema.features}
            changes = {name: _of_kind(value, kinds[name]) for name, value in found.changes.items()}
        after = None if found is None else found.answer
        if margins and found is not None:
            instead = {name: np.array([value], dtype=row[name].dtype) for name, value in found.changes.items()}
            other, after = margins.decided(row | instead)
            decision = f"“{other}”"
        return Counterfactual(
            output=request.output,
            before=before,
            after=after,
            changes=changes,
            sought=sought,
            decision=decision,
            text=reasons(explanation, schema, changes, decision, allowed),
            rows_used=(search.asked + 1) * (len(schema.classes) if margins else 1),
        )

    def _predict(self, request: Request, columns: Mapping[str, Column], output: int | None = None) -> Matrix:
        place = request.job.output if output is None else output
        given = {name: column.tolist() for name, column in columns.items()}
        job = replace(request.job, method=ASK, row=given, output=place)
        return np.array(self._service.queue.put(request.model.name, job).found.result(), dtype=np.float64)


def checked(schema: ModelSchema, name: str, value: object) -> Column:
    """Return one value as a column of length 1.

    Raises:
        InvalidInput: no such feature, or the value is none of its kind.
    """
    feature = schema.feature(name)
    if feature is None:
        raise InvalidInput(f"no feature {name!r}; {schema.model!r} has: {_names(schema)}")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        Kind.BOOLEAN: isinstance(value, bool),
        Kind.INTEGER: number and float(str(value)).is_integer(),
        Kind.NUMERIC: number,
        Kind.CATEGORICAL: isinstance(value, str),
        Kind.TEXT: isinstance(value, str),
    }
    if value is not None and not fits.get(feature.kind, feature.kind not in NUMBERS and not number):
        raise InvalidInput(f"{name} is {feature.kind.value} and cannot be {value!r}")
    return as_column([value], feature)


OTHER_CLASS = (Goal(high=0.0), "another class", "another class")


def _margins(request: Request, ask: Callable[[Mapping[str, Column], int], Matrix]) -> Margins | None:
    """Return what tells which class is decided; None of a model that decides between two, or gives a number."""
    schema, own = request.model.schema, request.job.output
    return Margins(ask, schema.classes, own) if schema.task is Task.MULTICLASS and own is not None else None


def _allowed(schema: ModelSchema, features: list[str] | None) -> list[str]:
    known = [feature.name for feature in schema.features]
    if features is None:
        return [feature.name for feature in schema.features if not feature.protected]
    unknown = [name for name in features if name not in known]
    if unknown or not features:
        got = repr(unknown[0]) if unknown else "none"
        raise InvalidInput(f"features may be some of {_names(schema)}, got {got}")
    return features


def _goal(schema: ModelSchema, before: float, below: float | None, above: float | None) -> tuple[Goal, str, str]:
    """Return the answers that are another decision, and both in words."""
    if below is not None or above is not None:
        goal = Goal(-np.inf if above is None else above, np.inf if below is None else below)
        parts = [f"at least {amount(above, schema)}"] if above is not None else []
        sought = " and ".join([*parts, *([f"below {amount(below, schema)}"] if below is not None else [])])
        if goal.low >= goal.high:
            raise InvalidInput(f"no answer is {sought}; give above < below")
        return goal, sought, sought
    if schema.task is not Task.BINARY:
        raise InvalidInput(
            "what would be another decision is not known of a number; give below or above, in the units of the "
            "explained output"
        )
    threshold = schema.threshold
    down = before >= threshold
    classes = schema.classes or ("negative", "positive")
    decision = f"“{classes[0] if down else classes[-1]}”"
    goal = Goal(high=threshold) if down else Goal(low=threshold)
    return goal, f"{'below' if down else 'at least'} {threshold:g}", decision


def _names(schema: ModelSchema) -> str:
    return ", ".join(feature.name for feature in schema.features)


def _named(value: Any, kind: Kind) -> Scalar:
    """Return what was asked: a number or text as it is, and of an image, embedding or sequence how large it is."""
    if kind not in ARRAYS or value is None:
        return _plain(value)
    if isinstance(value, str):
        return f"{len(value):,} characters"
    try:
        return f"{' × '.join(f'{size:,}' for size in np.shape(value))} numbers"
    except ValueError:  # its rows are of several lengths
        return f"{len(value):,} rows"


def _plain(value: Any) -> Scalar:
    if isinstance(value, float):
        return None if np.isnan(value) else float(value)
    return value if isinstance(value, str | bool | int) or value is None else str(value)


def _of_kind(value: object, kind: Kind) -> Scalar:
    if kind is Kind.INTEGER and isinstance(value, float):
        return round(value)
    if kind is Kind.BOOLEAN and isinstance(value, float):
        return bool(value)
    return _plain(value)

"""What the model answered: prediction, scores, and the one score that distributions are drawn of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from monitor.schema.canonical import NUMBERS
from monitor.schema.columns import column, flag_non_finite
from monitor.schema.long_text import shortened
from monitor.schema.notes import Notes
from monitor.schema.truth import class_of, ranking_of
from monitor.types import Kind, ModelSchema, Task

_TEXTS = frozenset({str, type(None)})

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Answers:
    """The canonical columns ``_prediction``, ``_scores`` and ``_score`` of one batch."""

    prediction: pa.Array
    scores: pa.Array
    score: pa.Array


def answers(predictions: Sequence[object] | pa.Array, scores: pa.Array, schema: ModelSchema, notes: Notes) -> Answers:
    """Read what was answered.

    ``_score`` is P(positive) for a binary model, the highest score for a multiclass one and for a ranking, the
    prediction for a regression. Where there are scores but no prediction, the prediction is what they say: the
    positive class from the threshold on, the class of the highest score, the only number.

    Args:
        predictions: one value a row, or the ready float64 array (regression) or string array (classification).
        scores: list<float64>, one list a row or null.
        schema: the model's task, classes and threshold.
        notes: where what does not fit is noted.
    """
    if schema.task is Task.REGRESSION:
        return _regression(predictions, scores, notes)
    if schema.task is Task.RANKING:
        return _ranking(predictions, scores, notes)
    score, winner = _binary(scores, schema, notes) if schema.task is Task.BINARY else _multiclass(scores, schema, notes)
    derived = _named(winner, schema)
    if isinstance(predictions, pa.Array):
        given = predictions
    elif set(map(type, predictions)) == {type(None)}:
        given = None
    else:
        given = _classes(predictions, schema, notes)
    prediction = derived if given is None else _coalesce(given, derived)
    return Answers(prediction, scores, pa.array(score, pa.float64(), mask=np.isnan(score)))


def _coalesce(given: pa.Array, derived: pa.Array) -> pa.Array:
    if not given.null_count:
        return given
    return pc.coalesce(given, derived)


def _regression(predictions: Sequence[object] | pa.Array, scores: pa.Array, notes: Notes) -> Answers:
    lengths, values, ends = _parts(scores)
    if not isinstance(predictions, pa.Array):
        predictions = column(predictions, Kind.NUMERIC, "_prediction", notes)
    if predictions.null_count and (lengths == 1).any():
        only = np.full(len(scores), np.nan)
        only[lengths == 1] = values[ends[lengths == 1] - 1]
        fill = pa.array(only, pa.float64(), mask=(lengths != 1) | _valid(predictions))
        flag_non_finite(fill, "_prediction", notes)
        predictions = pc.coalesce(predictions, fill)
    return Answers(predictions, scores, predictions)


def _ranking(predictions: Sequence[object] | pa.Array, scores: pa.Array, notes: Notes) -> Answers:
    """Return the candidates' names as JSON, their scores, and the highest of these."""
    names: list[str | None] = []
    for row, value in enumerate(predictions.to_pylist() if isinstance(predictions, pa.Array) else predictions):
        names.append(None if value is None else ranking_of(value))
        if value is not None and names[-1] is None:
            notes.retyped(row, "_prediction", value)
    lengths, values, ends = _parts(scores)
    best = np.full(len(scores), np.nan)
    fits = np.ones(len(scores), dtype=bool)
    for at in np.flatnonzero(lengths > 0).tolist():
        own, named = values[ends[at] - lengths[at] : ends[at]], names[at]
        best[at] = own.max() if np.isfinite(own).all() else np.nan
        fits[at] = named is None or len(json.loads(named)) == len(own)
    _flag_wrong(scores, fits, notes)
    return Answers(pa.array(names, pa.string()), scores, pa.array(best, pa.float64(), mask=np.isnan(best)))


def _binary(scores: pa.Array, schema: ModelSchema, notes: Notes) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return P(positive), the last of one or two scores, and the place of the class it says (−1: none)."""
    lengths, values, ends = _parts(scores)
    good = (lengths == 1) | (lengths == 2)
    _flag_wrong(scores, good, notes)
    score = np.full(len(scores), np.nan)
    score[good] = values[ends[good] - 1]
    winner = np.where(np.isnan(score), -1, score >= schema.threshold).astype(np.int64)
    return score, winner


def _multiclass(scores: pa.Array, schema: ModelSchema, notes: Notes) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Return the highest score and its place (−1: none)."""
    lengths, values, ends = _parts(scores)
    score, winner = np.full(len(scores), np.nan), np.full(len(scores), -1)
    wanted = len(schema.classes) or int(lengths.max(initial=0))
    good = (lengths == wanted) & (lengths > 0)
    _flag_wrong(scores, good, notes)
    if good.any():
        rows = values[(ends[good] - wanted)[:, None] + np.arange(wanted)]
        whole = np.isfinite(rows).all(axis=1)
        score[good] = np.where(whole, rows.max(axis=1), np.nan)
        winner[good] = np.where(whole, rows.argmax(axis=1), -1)
    return score, winner


def _parts(scores: pa.Array) -> tuple[npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]]:
    """Return each row's number of scores, all scores in one array, and where each row ends in it."""
    offsets = scores.offsets.to_numpy().astype(np.int64)
    values = scores.values
    flat = values.to_numpy(zero_copy_only=False)
    return np.diff(offsets), flat.astype(np.float64, copy=False), offsets[1:]


def _valid(array: pa.Array) -> npt.NDArray[np.bool_]:
    valid: npt.NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return valid


def _flag_wrong(scores: pa.Array, good: npt.NDArray[np.bool_], notes: Notes) -> None:
    """Flag rows that have scores, but not as many as the task needs; the scores themselves are kept."""
    if good.all():
        return
    for row in np.flatnonzero(~good & _valid(scores)):
        notes.flag(int(row), "retyped:_scores")


def _named(winner: npt.NDArray[np.int64], schema: ModelSchema) -> pa.Array:
    if not schema.classes:
        return pa.array([str(place) if place >= 0 else None for place in winner], pa.string())
    names = np.array([*schema.classes, ""], object)
    return pa.array(names[winner], pa.string(), mask=winner < 0)


def _classes(predictions: Sequence[object], schema: ModelSchema, notes: Notes) -> pa.Array:
    known = frozenset(schema.classes)
    if known.issuperset(value for value in predictions if type(value) is str) and set(map(type, predictions)) <= _TEXTS:
        return pa.array(predictions, pa.string())
    out: list[str | None] = []
    for row, value in enumerate(predictions):
        name = None if value is None else class_of(value, schema)
        out.append(name)
        if name is None and value is not None:
            notes.retyped(row, "_prediction", value)
        elif known and name is not None and name not in known:
            notes.flag(row, "unknown_class")
    return shortened(pa.array(out, pa.string()), "_prediction", notes)


def no_scores(rows: int) -> pa.Array:
    """Return the ``_scores`` of rows that have none."""
    return pa.nulls(rows, NUMBERS)

"""How good one ranked list was: the candidates of a query in their order, against how relevant each turned out to be.

The counters (int64) of any set of labelled queries, after the first two (see `monitor.profile.outcome`): queries,
queries for which nothing is relevant, candidates, candidates with a grade, then the sums of `MEASURES` in units of
2^-24. A candidate counts as relevant with a grade above 0.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from monitor.profile.values import Bools, Floats, Ints

MEASURES: Final = ("ndcg", "average_precision", "reciprocal_rank", "precision", "recall")
"""What is summed of each query, each from 0 to 1."""

COUNTS: Final = ("queries", "irrelevant", "candidates", "graded")
LENGTH: Final = len(COUNTS) + len(MEASURES)


@dataclass(frozen=True, slots=True)
class Graded:
    """One query with its label.

    Attributes:
        grades: of the ranked candidates that have one, the first first.
        missed: of what is relevant and was not among the candidates.
        candidates: how many there were, with a grade or without.
    """

    grades: Floats
    missed: Floats
    candidates: int


def order(scores: Sequence[float]) -> Ints:
    """Return the places of the candidates, the best first; ties keep the order in which they were given.

    >>> order([0.2, 0.9, 0.2]).tolist()
    [1, 0, 2]
    """
    return np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")


def graded(names: Sequence[str] | None, scores: Sequence[float] | None, label: str) -> Graded | None:
    """Return a query's grades in the order of its ranking; None where the label does not fit the candidates.

    Args:
        names: the candidates; without scores this is the ranking, the best first.
        scores: one a candidate, in the same order; the ranking is by falling score.
        label: JSON, as `monitor.schema.truth.grades_of` writes it: a grade for each candidate in the order they were
            given (null: nobody knows, the candidate is passed over), or grades by name (candidates that are not named
            are not relevant; a name that was no candidate is something that should have been found).

    >>> graded(None, [0.1, 0.8, 0.5], "[2,0,null]")
    Graded(grades=array([0., 2.]), missed=array([], dtype=float64), candidates=3)
    """
    given = json.loads(label)
    count = len(scores) if scores is not None else len(names or ())
    ranked = order(scores) if scores is not None else np.arange(count)
    missed: list[float] = []
    if isinstance(given, dict):
        if names is None or len(names) != count:
            return None
        known = set(names)
        missed = [grade for name, grade in given.items() if name not in known and grade]
        listed = [given.get(name, 0.0) for name in names]
    elif len(given) == count:
        listed = given
    else:
        return None
    values = np.array([np.nan if grade is None else grade for grade in listed], dtype=np.float64)[ranked]
    return Graded(values[~np.isnan(values)], np.array(missed, dtype=np.float64), count)


def quality(query: Graded, cutoff: int) -> Floats:
    """Return the `MEASURES` of one query, [5]; 0 each where nothing is relevant, as scikit-learn has it.

    nDCG takes the grade itself as the gain and divides by log2 of the place + 1 (Järvelin and Kekäläinen, "Cumulated
    gain-based evaluation of IR techniques", 2002), within the first ``cutoff`` places, as precision and recall do;
    average precision and reciprocal rank look at the whole list. Precision divides by ``cutoff`` whatever the list's
    length, as trec_eval does.

    >>> quality(Graded(np.array([0.0, 1.0]), np.array([]), 2), 10).round(3).tolist()
    [0.631, 0.5, 0.5, 0.1, 1.0]
    """
    grades = query.grades
    every = np.sort(np.concatenate([grades, query.missed]))[::-1]
    relevant = grades > 0
    there = int(np.count_nonzero(every > 0))
    if not there:
        return np.zeros(len(MEASURES))
    place = np.flatnonzero(relevant) + 1
    found = np.arange(1, len(place) + 1)
    first = int(np.count_nonzero(relevant[:cutoff]))
    return np.array(
        [
            _gain(grades[:cutoff]) / _gain(every[:cutoff]),
            float(np.sum(found / place)) / there,
            1 / place[0] if len(place) else 0.0,
            first / cutoff,
            first / there,
        ]
    )


def _gain(grades: Floats) -> float:
    largest = grades.max(initial=0.0)  # divided out first, so that huge grades do not overflow
    if not largest:
        return 0.0
    return float(np.sum(grades / largest / np.log2(np.arange(2, len(grades) + 2)))) * float(largest)


def judged(batch: pa.Table) -> tuple[list[Graded | None], Bools]:
    """Return each row's query with its grades (None where the label does not fit), and which rows have a ranking.

    Args:
        batch: needs ``_label``, ``_prediction`` and ``_scores``.
    """
    found: list[Graded | None] = []
    ranked = np.zeros(batch.num_rows, dtype=bool)
    columns = (batch[name].to_pylist() for name in ("_label", "_prediction", "_scores"))
    for row, (label, prediction, scores) in enumerate(zip(*columns, strict=True)):
        names: Any = None if prediction is None else json.loads(prediction)
        good = bool(scores or names) and (not scores or all(map(_finite, scores)))
        good &= not (names and scores) or len(names) == len(scores)
        ranked[row] = good
        found.append(graded(names, scores or None, label) if good and label is not None else None)
    return found, ranked


def _finite(score: float | None) -> bool:
    return score is not None and bool(np.isfinite(score))

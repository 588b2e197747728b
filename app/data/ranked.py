"""One captured ranking as it was shown: its candidates by place, their scores, and how relevant each was."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.profile.ranking import MEASURES, graded, order, quality

NDCG = MEASURES.index("ndcg")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate at its place, from 1; ``grade`` is None where nobody knows it, or no label has come."""

    place: int
    name: str
    score: float | None
    grade: float | None


def ranking(row: Mapping[str, Any]) -> list[Candidate]:
    """Return the candidates of a captured ranking, the best first; one without a name goes by its place as sent.

    Args:
        row: of the store; its ``_prediction`` and ``_label`` are JSON.

    >>> found = ranking({"_prediction": '["a","b"]', "_scores": [0.1, 0.7], "_label": '{"a":2.0}'})
    >>> [(each.place, each.name, each.grade) for each in found]
    [(1, 'b', 0.0), (2, 'a', 2.0)]
    """
    names, scores = _sent(row)
    if names is not None and scores is not None and len(names) != len(scores):
        return []
    count = len(scores if scores is not None else names or ())
    places = order(scores).tolist() if scores is not None else list(range(count))
    grades = _grades(row.get("_label"), names, count)
    return [
        Candidate(
            place,
            names[sent] if names else f"no. {sent + 1}",
            scores[sent] if scores is not None else None,
            grades[sent],
        )
        for place, sent in enumerate(places, 1)
    ]


def _grades(label: str | None, names: list[str] | None, count: int) -> list[float | None]:
    """Return the candidates' grades in the order they were sent; None each where the label does not fit them."""
    given = None if label is None else json.loads(label)
    if isinstance(given, dict) and names is not None:
        return [given.get(name, 0.0) for name in names]
    return given if isinstance(given, list) and len(given) == count else [None] * count


def ndcg(row: Mapping[str, Any], cutoff: int) -> float | None:
    """Return how good the order was within the first places, 0 to 1; None without a label that fits the candidates.

    >>> round(ndcg({"_prediction": None, "_scores": [0.1, 0.7], "_label": "[1.0,0.0]"}, 2), 3)
    0.631
    """
    names, scores = _sent(row)
    if row.get("_label") is None or (names is None and scores is None):
        return None
    if scores is not None and (not np.isfinite(scores).all() or (names is not None and len(names) != len(scores))):
        return None
    query = graded(names, scores, row["_label"])
    return None if query is None else float(quality(query, cutoff)[NDCG])


def _sent(row: Mapping[str, Any]) -> tuple[list[str] | None, list[float] | None]:
    named, scores = row.get("_prediction"), row.get("_scores")
    names = None if named is None else [str(each) for each in json.loads(named)]
    return names or None, [np.nan if each is None else float(each) for each in scores] if scores else None

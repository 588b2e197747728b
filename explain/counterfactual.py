"""Counterfactuals: the smallest plausible change of some inputs with which the decision would have been another.

Only values that the background has are tried, of numbers those of its middle 90 %, so that no input leaves what is
usual; a text only loses words of its own, as other rows' are other people's. Sets of inputs grow one by one, those kept
that came closest. What a number's change costs is the share of the background between old and new (the percentile shift
of Ustun, Spangher and Liu 2019), so that the way back from far outside is no longer than from the edge; a text's, the
share of its words. Numbers are then moved back towards the row's own as far as the decision stays the other one. Every
candidate is asked of the model itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from explain.block import OWN
from explain.columns import NUMBERS, PLAYABLE, Column
from explain.words import Words, count
from monitor.types import Feature, Kind, ModelSchema

Matrix = npt.NDArray[np.float64]
Predict = Callable[[Mapping[str, Column]], Matrix]

VALUES = 20
"""How many values of one input are tried at most."""

MIDDLE = (0.05, 0.95)
"""The quantiles of the background between which numbers are tried."""

CATEGORY = 0.5
"""What another category costs, or a value in place of a missing one: as much as a number over half of the rows."""

MOST_CHANGED = 4
BEAM = 20
HALVINGS = 10


@dataclass(frozen=True, slots=True)
class Goal:
    """The answers that would have been another decision: from ``low`` to ``high``, ``high`` itself left out."""

    low: float = -np.inf
    high: float = np.inf

    def met(self, answers: Matrix) -> npt.NDArray[np.bool_]:
        """Tell which answers are."""
        return np.asarray((answers >= self.low) & (answers < self.high))

    def missed_by(self, answers: Matrix) -> Matrix:
        """Return how far answers are from it; 0 within."""
        return np.maximum(np.maximum(self.low - answers, answers - self.high), 0.0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Some inputs' new values, and what the model answers then; ``cost`` is the sum of percentile shifts."""

    changes: Mapping[str, object]
    answer: float
    cost: float = 0.0


@dataclass(slots=True)
class Search:
    """One search; ``asked`` counts the rows asked of the model.

    Args:
        predict: the model.
        row: columns of length 1.
        background: columns of N rows: the values that are plausible.
        schema: which features there are.
        allowed: the names of the features that may change.
        goal: the answers that are sought.
    """

    predict: Predict
    row: Mapping[str, Column]
    background: Mapping[str, Column]
    schema: ModelSchema
    allowed: Sequence[str]
    goal: Goal
    asked: int = 0
    usual: dict[str, Matrix] = field(default_factory=dict)
    lost: dict[tuple[str, str], float] = field(default_factory=dict)  # a shorter text → the share that it lost

    def find(self) -> Candidate | None:
        """Return the change of the fewest inputs, and of these the least costly; None where none of so many does."""
        features = [each for each in self.schema.features if each.name in self.allowed and each.kind in PLAYABLE]
        choices = {feature.name: self._choices(feature) for feature in features}
        held = [Candidate({}, float(self._answers([{}])[0]))]
        for _ in range(min(MOST_CHANGED, len(features))):
            tried = self._tried(held, choices)
            if not tried:
                return None
            found = [each for each in tried if self.goal.met(np.array([each.answer]))[0]]
            if found:
                nearest = sorted(found, key=lambda each: each.cost)[:BEAM]
                return min((self._shrunk(each) for each in nearest), key=lambda each: each.cost)
            held = _closest(tried, self.goal)
        return None

    def _tried(self, held: Sequence[Candidate], choices: Mapping[str, list[object]]) -> list[Candidate]:
        """Return every one of ``held`` with one input more changed."""
        changes = [
            {**each.changes, name: value}
            for each in held
            for name, values in choices.items()
            if name not in each.changes
            for value in values
        ]
        unique = list({tuple(sorted((k, repr(v)) for k, v in change.items())): change for change in changes}.values())
        answers = self._answers(unique) if unique else np.empty(0)
        return [
            Candidate(change, float(answer), self._cost(change)) for change, answer in zip(unique, answers, strict=True)
        ]

    def _shrunk(self, found: Candidate) -> Candidate:
        """Move numbers back towards the row's own, one after the other, as long as the goal is met."""
        for name, value in found.changes.items():
            feature = self.schema.feature(name)
            own = self.row[name][0]
            if feature is None or feature.kind not in (Kind.NUMERIC, Kind.INTEGER) or np.isnan(own):
                continue
            near, far = float(own), float(value)  # type: ignore[arg-type] # values of a number are numbers
            for _ in range(HALVINGS):
                middle = (near + far) / 2
                if feature.kind is Kind.INTEGER:
                    middle = float(np.floor(middle) if far < near else np.ceil(middle))
                if middle in (near, far):
                    break
                changes = {**found.changes, name: middle}
                answer = self._answers([changes])
                if self.goal.met(answer)[0]:
                    far = middle
                    found = Candidate(changes, float(answer[0]), self._cost(changes))
                else:
                    near = middle
        return found

    def _choices(self, feature: Feature) -> list[object]:
        """Return the values of the background that are tried of one input, without the row's own."""
        column, own = self.background[feature.name], self.row[feature.name][0]
        if feature.kind in NUMBERS:
            usual = self.usual[feature.name] = np.sort(column[np.isfinite(column)])
            low, high = np.quantile(usual, MIDDLE) if len(usual) else (0.0, 0.0)
            known = np.unique(usual[(usual >= low) & (usual <= high)])
            places = np.linspace(0, len(known) - 1, min(VALUES, len(known))).round().astype(np.intp)
            return [float(value) for value in known[places] if value != own]
        if feature.kind is Kind.TEXT:
            return self._shorter(feature, own) if count(own) > 1 else []
        values, counts = np.unique([str(value) for value in column.tolist() if value is not None], return_counts=True)
        frequent = values[np.argsort(-counts, kind="stable")][:VALUES].tolist()
        return [value for value in frequent if value != own]

    def _shorter(self, feature: Feature, own: str) -> list[object]:
        """Return a text without each of its words, then without more of them, those first that bring it closest."""
        words = Words(feature, own)
        size = len(words.players)

        def left(gone: npt.NDArray[np.bool_]) -> list[str]:
            texts: list[str] = words.columns(np.where(gone, OWN + 1, OWN).T)[feature.name].tolist()
            self.lost |= {(feature.name, text): lost / size for text, lost in zip(texts, gone.sum(axis=1), strict=True)}
            return texts

        ones = left(np.eye(size, dtype=bool))
        missed = self.goal.missed_by(self._answers([{feature.name: text} for text in ones]))
        place = np.argsort(missed, kind="stable").argsort()
        return [*ones, *left(place < np.arange(2, size)[:, None])]

    def _cost(self, changes: Mapping[str, object]) -> float:
        total = 0.0
        for name, value in changes.items():
            own, usual = self.row[name][0], self.usual.get(name)
            if (name, value) in self.lost:
                total += self.lost[name, str(value)]
            elif usual is None or np.isnan(own):
                total += CATEGORY
            else:
                ends = np.array([own, value], dtype=np.float64)
                below = (np.searchsorted(usual, ends) + np.searchsorted(usual, ends, "right")) / 2
                total += float(abs(below[1] - below[0])) / len(usual)
        return total

    def _answers(self, changes: Sequence[Mapping[str, object]]) -> Matrix:
        self.asked += len(changes)
        columns = {name: np.repeat(column, len(changes), axis=0) for name, column in self.row.items()}
        for at, change in enumerate(changes):
            for name, value in change.items():
                columns[name][at] = value
        return self.predict(columns)


def _closest(tried: Sequence[Candidate], goal: Goal) -> list[Candidate]:
    missed = goal.missed_by(np.array([each.answer for each in tried]))
    order = sorted(range(len(tried)), key=lambda at: (missed[at], tried[at].cost))
    return [tried[at] for at in order[:BEAM]]

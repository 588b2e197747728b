"""Which class a model with several decides for, and by how much: what a counterfactual of it has to turn around."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from monitor.errors import InvalidInput

Matrix = npt.NDArray[np.float64]

MOST_CLASSES = 20
"""Every class is asked about; with more of them a search would take too long."""


@dataclass(frozen=True, slots=True)
class Margins:
    """A model's classes, asked one by one.

    Args:
        ask: answers the columns of n rows with the probability of the class at a place, [n].
        classes: all of them.
        own: the place of the one that was decided.

    Raises:
        InvalidInput: there are too many classes.
    """

    ask: Callable[[Mapping[str, Column], int], Matrix]
    classes: Sequence[str]
    own: int

    def __post_init__(self) -> None:
        """Refuse too many classes."""
        if len(self.classes) > MOST_CLASSES:
            raise InvalidInput(
                f"another decision is sought among at most {MOST_CLASSES} classes, and this model has "
                f"{len(self.classes):,}; give below or above for the probability of the class that was predicted"
            )

    def ahead(self, columns: Mapping[str, Column]) -> Matrix:
        """Return how far the class that was decided is ahead of the best other one, [n]; below 0 another is decided.

        >>> scores = np.array([[0.5, 0.3, 0.2], [0.25, 0.5, 0.25]])
        >>> Margins(lambda columns, place: scores[:, place], ("a", "b", "c"), 0).ahead({}).tolist()
        [0.2, -0.25]
        """
        answers = self._answers(columns)
        return np.asarray(answers[:, self.own] - np.delete(answers, self.own, axis=1).max(axis=1))

    def decided(self, columns: Mapping[str, Column]) -> tuple[str, float]:
        """Return the class that is decided of one row, and the probability of the one that had been."""
        (answers,) = self._answers(columns)
        return self.classes[int(answers.argmax())], float(answers[self.own])

    def _answers(self, columns: Mapping[str, Column]) -> Matrix:
        return np.stack([self.ask(columns, place) for place in range(len(self.classes))], axis=1)

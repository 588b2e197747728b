"""What methods of the shap library share: importing it, its one random generator, and asking a model by codes."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.explainers import Predict
from explain.players import Players

_generator = threading.Lock()


class Counting:
    """A model that is asked by the codes of players, [n, M]; counts its rows in ``asked``."""

    def __init__(self, predict: Predict, players: Players) -> None:
        self._predict, self._players = predict, players
        self.asked = 0

    def __call__(self, codes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return the explained output of n rows."""
        self.asked += len(codes)
        return self._predict(self._players.decode(codes))


def library() -> Any:
    """Return the shap package; what it imports for its plots warns of deprecations that are none of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap
    return shap


def thin(background: npt.NDArray[np.float64], rows: int) -> npt.NDArray[np.float64]:
    """Return at most ``rows`` (at least one) evenly spaced rows: many features need the budget for coalitions."""
    keep = min(len(background), max(rows, 1))
    return background[np.linspace(0, len(background) - 1, keep).round().astype(np.intp)]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator, the only one this library draws from, and put it back as it was."""
    with _generator:
        before = np.random.get_state()  # noqa: NPY002 - the library leaves no other way
        np.random.seed(seed % 2**32)  # noqa: NPY002
        try:
            yield
        finally:
            np.random.set_state(before)  # noqa: NPY002

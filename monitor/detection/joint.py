"""Drift that no single column shows: how columns go together, by their rank correlations.

The evidence of all pairs of columns together is kept under `JOINT`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detection.distance import LargestLaw
from monitor.detection.null import MeanLaw
from monitor.profile.comoments import correlations
from monitor.profile.values import Floats, Ints

_FURTHEST = 0.999


@dataclass(frozen=True, eq=False)
class JointLaw:
    """What the correlation of each pair of columns does when nothing is wrong.

    Attributes:
        law: of Fisher's z of P pairs, [P].
        largest: of the pair that changed most.
        first, second: the columns of each pair, [P].
    """

    law: MeanLaw
    largest: LargestLaw
    first: Ints
    second: Ints

    @classmethod
    def fit(cls, matrices: Floats) -> "JointLaw | None":
        """Learn from co-moments of the reference's chunks, [K, J + 1, J + 1]; None with fewer than two columns."""
        first, second = np.triu_indices(matrices.shape[1] - 1, 1)
        if not len(first):
            return None
        rows = matrices[:, -1, -1].astype(np.int64)
        nothing = np.zeros(len(rows), dtype=np.int64)
        law = MeanLaw.fit(_fisher(matrices, first, second), rows, np.ones(len(first)), nothing)
        return cls(law, LargestLaw.fit(law), first, second)

    def pairs(self, matrices: Floats) -> Floats:
        """Return the absolute z-score of each pair in each chunk, [M, P]."""
        rows = matrices[:, -1, -1].astype(np.int64)
        nothing = np.zeros(len(rows), dtype=np.int64)
        return self.law.sizes(_fisher(matrices, self.first, self.second), rows, nothing)

    def z(self, matrices: Floats) -> Floats:
        """Return one z-score a chunk, [M]: that of the pair that changed most, among so many."""
        return self.largest.z(self.pairs(matrices))

    def pair(self, matrix: Floats, columns: Sequence[str]) -> tuple[str, str, float, float] | None:
        """Return the pair that changed most in a chunk, the louder column first, its correlation and the usual one.

        Args:
            matrix: [J + 1, J + 1].
            columns: J names.
        """
        sizes = np.nan_to_num(self.pairs(matrix[None])[0])
        if not sizes.any():
            return None
        most = int(np.argmax(sizes))
        names = [columns[int(self.first[most])], columns[int(self.second[most])]]
        if self.loudest(matrix[None], columns) == names[1]:
            names.reverse()
        now = float(correlations(matrix[None])[0, self.first[most], self.second[most]])
        before = float(np.tanh(self.law.matching.expected(np.zeros(1, dtype=np.int64))[0, most]))
        return names[0], names[1], now, before

    def loudest(self, matrices: Floats, columns: Sequence[str]) -> str:
        """Return the column whose pairs changed most over these chunks."""
        size = matrices.shape[1] - 1
        square = (np.nan_to_num(self.pairs(matrices)) ** 2).sum(axis=0)
        by_column = np.bincount(self.first, square, size) + np.bincount(self.second, square, size)
        return columns[int(np.argmax(by_column))]


def _fisher(matrices: Floats, first: Ints, second: Ints) -> Floats:
    found = correlations(matrices)[:, first, second]
    angle: Floats = np.arctanh(np.clip(found, -_FURTHEST, _FURTHEST))
    return angle

"""Embeddings as a few columns of ranks: the directions in which those of the reference differ most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.profile.values import Floats

DIRECTIONS = 8
"""How many columns an embedding becomes."""

_AT_FIRST = 64  # longer vectors are projected at random to so many numbers first (Johnson and Lindenstrauss)


@dataclass(frozen=True, eq=False)
class Directions:
    """The principal directions of the reference's vectors.

    Attributes:
        length: how many numbers a vector has; others have no ranks.
        mean: of the vectors, [length].
        basis: what they are multiplied with, [length, D].
        ordered: sorted coordinates of the reference, [n, D].
    """

    length: int
    mean: Floats
    basis: Floats
    ordered: Floats

    @classmethod
    def fit(cls, vectors: Sequence[Sequence[float | None] | None]) -> "Directions | None":
        """Learn from the reference's vectors; None where there are fewer than two of one length."""
        lengths = [len(each) for each in vectors if each is not None and len(each)]
        if not lengths:
            return None
        length = int(np.bincount(lengths).argmax())
        found, there = _matrix(vectors, length)
        found = found[there]
        if len(found) < 2:
            return None
        mean = found.mean(axis=0)
        first = np.eye(length)
        if length > _AT_FIRST:
            first = np.random.default_rng(0).standard_normal((length, _AT_FIRST)) / np.sqrt(_AT_FIRST)
        at = (found - mean) @ first
        _, _, turned = np.linalg.svd(at.T @ at)
        basis = first @ turned[:DIRECTIONS].T
        return cls(length, mean, basis, np.sort((found - mean) @ basis, axis=0))

    def ranks(self, vectors: Sequence[Sequence[float | None] | None]) -> Floats:
        """Return the ranks of vectors among the reference's, [n, D], from −1 to 1; 0 where there is no such vector."""
        found, there = _matrix(vectors, self.length)
        at = (found - self.mean) @ self.basis
        ranks = np.stack([np.searchsorted(own, each) for own, each in zip(self.ordered.T, at.T, strict=True)], axis=1)
        return np.where(there[:, None], 2 * ranks / len(self.ordered) - 1, 0.0)


def _matrix(vectors: Sequence[Sequence[float | None] | None], length: int) -> tuple[Floats, np.ndarray]:
    found = np.zeros((len(vectors), length))
    there = np.zeros(len(vectors), dtype=bool)
    for row, each in enumerate(vectors):
        if each is not None and len(each) == length:
            values = np.asarray(each, dtype=np.float64)  # None becomes NaN
            if np.isfinite(values).all():
                found[row], there[row] = values, True
    return found, there

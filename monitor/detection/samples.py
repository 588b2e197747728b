"""Samples of rows against the reference's, by the classifier's test: its null is what the reference's chunks give.

Rows of one day share weather and campaigns, so that a classifier tells any day from the others to some degree. Each of
the reference's chunks is told from rows of the others; a new chunk counts only as far as it is told apart better than
they are. Rows to compare with are drawn anew for each chunk: errors of one sample would come back every day.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.detection.classifier import Separation, ordinary, separation
from monitor.profile.values import Floats, Ints

FEWEST = 100
"""With fewer rows a chunk is not judged."""

ROWS, AGAINST = 500, 1_000
"""Rows of a chunk, and of the reference, that are looked at: the time is bounded by them."""

CHUNKS, LEAST_CHUNKS = 30, 8
"""How many of the reference's chunks the null is learned from, at most and at least."""


@dataclass(frozen=True, slots=True)
class Told:
    """How well a chunk is told from the reference.

    Attributes:
        auc: area under the curve; ½ means not at all.
        z: the z-score of that, against the reference's own chunks.
        columns: those that the classifier goes by, most weight first, at most three.
    """

    auc: float
    z: float
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class SampleLaw:
    """How well the reference's chunks are told from each other.

    Attributes:
        names: which column each rank is of, [J]; one may have several.
        rows: ranks of the reference's rows, [n, J].
        own: z-scores of its chunks.
    """

    names: tuple[str, ...]
    rows: Floats
    own: tuple[float, ...]

    @classmethod
    def fit(cls, names: Sequence[str], rows: Floats, chunk: Ints) -> "SampleLaw | None":
        """Learn from the reference's rows; None with fewer than `LEAST_CHUNKS` chunks of `FEWEST` rows, or no column.

        Args:
            names: [J].
            rows: [n, J].
            chunk: which chunk each row is of, [n].
        """
        chunks, sizes = np.unique(chunk, return_counts=True)
        useful = chunks[sizes >= FEWEST]
        if len(useful) < LEAST_CHUNKS or not len(names):
            return None
        chosen = useful[np.unique(np.linspace(0, len(useful) - 1, CHUNKS).round().astype(int))]
        found = [_told(rows[chunk != each], rows[chunk == each], int(each)) for each in chosen]
        return cls(tuple(names), rows, tuple(each.z for each in found if each is not None))

    def told(self, rows: Floats, seed: int) -> Told | None:
        """Return how well a chunk's rows [m, J] are told from the reference's; None with fewer than `FEWEST`.

        Args:
            rows: the chunk's.
            seed: which rows of either are looked at; the same gives the same.
        """
        found = _told(self.rows, rows, seed) if len(rows) >= FEWEST else None
        if found is None:
            return None
        weights: dict[str, float] = {}
        for name, weight in zip(self.names, found.weights, strict=True):
            weights[name] = weights.get(name, 0.0) + weight
        first = sorted(weights, key=lambda name: -weights[name])[:3]
        return Told(found.auc, ordinary(self.own, found.z, least=1.0), tuple(first))

    @property
    def chunks(self) -> int:
        """From how many chunks the null was learned."""
        return len(self.own)


def _told(reference: Floats, current: Floats, seed: int) -> Separation | None:
    rng = np.random.default_rng(abs(seed))
    against = reference[rng.choice(len(reference), min(AGAINST, len(reference)), replace=False)]
    looked = current[rng.choice(len(current), min(ROWS, len(current)), replace=False)]
    return separation(against, looked, int(rng.integers(1 << 31)))

"""Equal cells of the number line, which lead to a value's bin: looking up is several times as fast as searching.

A table is a monotone map of the number line onto cells. For each cell it holds how many edges lie in cells before it:
those are at or below every value of the cell, whatever rounding did, so only edges within the cell are compared.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from monitor.profile.values import Floats, Ints

Table: TypeAlias = npt.NDArray[np.int16]

CELLS = 1 << 13
"""16 kB of table, which stays in the first-level cache."""

_SHARED = 3  # edges in one cell at most; each more is one more pass, and searching is as fast
_CHUNK = 1 << 14


@dataclass(frozen=True, slots=True)
class Cells:
    """How values find their bin among ``edges`` (+inf follows them), by cells of equal width 1/``step`` from ``low``.

    Attributes:
        edges: float64 [E + 1].
        table: how many edges lie in cells before each, [CELLS].
        most: how many edges share a cell at most.
        low, step: where the first cell begins, and how many there are to one unit.
    """

    edges: Floats
    table: Table
    most: int
    low: float
    step: float

    @classmethod
    def of(cls, edges: Floats) -> "Cells | None":
        """Return the cells for strictly increasing finite edges; None where these do not tell them apart."""
        found = spacing(edges)
        if found is None:
            return None
        table, _, most = table_of(_cells(edges, *found))
        return cls(np.append(edges, np.inf), table, most, *found) if most <= _SHARED else None

    def bins(self, values: Floats) -> Ints:
        """Return how many edges are at or below each finite value, int64 [n]."""
        places = np.empty(len(values), dtype=np.int64)
        for start in range(0, len(values), _CHUNK):
            part = values[start : start + _CHUNK]
            place = places[start : start + len(part)]
            place[:] = self.table[_cells(part, self.low, self.step)]
            for _ in range(self.most):
                place += self.edges[place] <= part
        return places


def spacing(edges: Floats) -> tuple[float, float] | None:
    """Return the ``low`` and ``step`` at which the edges fill half of the cells; None for too few, many or far ones."""
    if not 2 <= len(edges) < np.iinfo(np.int16).max:
        return None
    half = float(edges[-1] / 2 - edges[0] / 2)
    with np.errstate(over="ignore", divide="ignore"):
        step = float(np.float64(CELLS / 2 - 1) / half)
    return (float(edges[0]), step) if np.isfinite(step) and np.isfinite(2 * half) and step else None


def table_of(cells: npt.NDArray[np.integer]) -> tuple[Table, float, int]:
    """Return how many edges lie in cells before each, how many share a cell on average, and at most.

    Args:
        cells: the cell of each edge.
    """
    inside = np.bincount(cells, minlength=CELLS)
    before = (np.cumsum(inside) - inside).astype(np.int16)
    return before, float(inside[cells].mean()), int(inside.max())


def _cells(values: Floats, low: float, step: float) -> Ints:
    with np.errstate(over="ignore"):
        found = values - low
        found *= step
    np.clip(found, 0, CELLS - 1, out=found)
    return found.astype(np.int64)

"""The compiled kernel: a look-up table (see `monitor.profile.cells`) leads to the bin, and a comparison settles it.

Which map onto cells is best depends on where the edges are: equal widths for even columns, the bits of the float for
skewed ones. Where neither tells the edges apart, the sorting kernel is faster, and takes over.

Compiling takes seconds, once: numba keeps the result in ``NUMBA_CACHE_DIR``, beside this file or in the user's cache.
"""

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import numba
import numpy as np
import numpy.typing as npt

from monitor.profile.cells import CELLS, Table, spacing, table_of
from monitor.profile.kernel import count_sorted
from monitor.profile.values import Floats, Ints

_BLOCK = 1 << 11
_CROWDED = 1.5  # edges sharing a cell, on average over the bins, beyond which sorting is as fast
_KEPT = 512


@dataclass(frozen=True, slots=True)
class _Plan:
    """How values find their bin among ``edges`` (+inf follows them); at most ``most`` of those share a cell.

    By equal widths ``step`` from ``low`` on; or, where ``step`` is 0, by the float's bits from ``first`` on.
    """

    edges: Floats
    table: Table
    most: int
    low: float = 0.0
    step: float = 0.0
    first: int = 0
    shift: int = 0


@numba.njit(cache=True, inline="always")
def _ordered(value: float) -> np.int64:
    """Return an integer that orders as the floats do."""
    bits = np.float64(value + 0.0).view(np.int64)
    return bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF)


@numba.njit(cache=True, nogil=True)
def _cells_by_width(values: Floats, low: float, step: float, out: npt.NDArray[np.int32]) -> None:
    """Write the cell of each value; NaN and what is too small go to the first, what is too large to the last."""
    last = np.float64(CELLS - 1)
    for at in range(len(values)):
        cell = (values[at] - low) * step
        cell = cell if cell > 0.0 else 0.0  # noqa: FURB136 - so that NaN goes to the first
        out[at] = np.int32(cell if cell < last else last)  # noqa: FURB136 - compiled to one instruction


@numba.njit(cache=True, nogil=True)
def _cells_by_bits(values: Floats, first: int, shift: int, out: npt.NDArray[np.int32]) -> None:
    """Write the cell of each value, as `_cells_by_width` does."""
    last = first + ((CELLS - 1) << shift)
    for at in range(len(values)):
        value = values[at]
        order = _ordered(value)
        order = min(order, last)
        order = order if order > first and value == value else first  # NaN is not itself
        out[at] = np.int32((order - first) >> shift)


@numba.njit(cache=True, nogil=True)
def _count(
    values: Floats, edges: Floats, table: Table, most: int, low: float, step: float, first: int, shift: int
) -> Ints:
    """Return how many values are NaN, +inf, −inf, below the edges, in each bin, and above them."""
    size = len(edges)
    counts = np.zeros((4, size + 1), np.int64)  # four, so that equal values in a row do not wait for each other
    cells = np.empty(_BLOCK, np.int32)
    missing = lowest = 0
    for start in range(0, len(values), _BLOCK):
        block = values[start : start + _BLOCK]
        if step != 0.0:
            _cells_by_width(block, low, step, cells)
        else:
            _cells_by_bits(block, first, shift, cells)
        for at in range(len(block)):
            missing += block[at] != block[at]
            lowest += block[at] == -np.inf
        if most == 1:
            for at in range(len(block)):
                place = np.int64(table[cells[at]])
                place += edges[place] <= block[at]
                counts[at & 3, place] += 1
        else:
            for at in range(len(block)):
                place = np.int64(table[cells[at]])
                while place < size and edges[place] <= block[at]:
                    place += 1
                counts[at & 3, place] += 1
    out = np.empty(size + 3, np.int64)
    out[3:] = counts[0, :size] + counts[1, :size] + counts[2, :size] + counts[3, :size]
    out[0], out[1], out[2] = missing, counts[:, size].sum(), lowest
    out[3] -= missing + lowest
    return out


_plans: OrderedDict[bytes, _Plan | None] = OrderedDict()
_planning = Lock()


def count(values: Floats, edges: Floats) -> Ints:
    """Count values in bins; see `monitor.profile.kernel.bin_counts`."""
    edges = np.ascontiguousarray(edges, dtype=np.float64)
    plan = _planned(edges)
    if plan is None:
        return count_sorted(values, edges)
    found: Ints = _count(
        np.ascontiguousarray(values, dtype=np.float64),
        plan.edges, plan.table, plan.most, plan.low, plan.step, plan.first, plan.shift,
    )  # fmt: skip
    return found


def _planned(edges: Floats) -> _Plan | None:
    key = edges.tobytes()
    with _planning:
        if key not in _plans:
            _plans[key] = _plan(edges)
            if len(_plans) > _KEPT:
                _plans.popitem(last=False)
        return _plans[key]


def _plan(edges: Floats) -> _Plan | None:
    """Choose the map that tells the edges apart best; each bin holds about as many rows, so each counts the same."""
    if not 2 <= len(edges) < np.iinfo(np.int16).max:
        return None
    padded = np.append(edges, np.inf)
    cells = np.empty(len(edges), np.int32)
    plans: list[tuple[float, int, _Plan]] = []
    found = spacing(edges)
    if found is not None:
        low, step = found
        _cells_by_width(edges, low, step, cells)
        table, crowd, most = table_of(cells)
        plans.append((crowd, 0, _Plan(padded, table, most, low=low, step=step)))
    first, last = int(_ordered(float(edges[0]))), int(_ordered(float(edges[-1])))
    shift = 0
    while (last - first) >> shift > CELLS - 2:
        shift += 1
    if first + ((CELLS - 1) << shift) < 2**63 and last - first < 2**62:  # no difference overflows
        _cells_by_bits(edges, first, shift, cells)
        table, crowd, most = table_of(cells)
        plans.append((crowd, 1, _Plan(padded, table, most, first=first, shift=shift)))
    crowd, _, best = min(plans, key=lambda each: each[:2], default=(np.inf, 0, None))
    return best if crowd <= _CROWDED else None

"""Ranks of bins: what a value counts as where columns are compared with each other, frozen on the reference.

A bin is coded by its middle rank among the reference's usable values, from −1,000 to 1,000: the correlation of codes is
Spearman's of the binned values, whatever the columns' units. Categories have no order; theirs is how frequent they are,
so that a code never depends on a name.
"""

import numpy as np

from monitor.profile.values import Floats, Ints

REACH = 1_000
"""The code of the highest rank."""


def middle_ranks(mass: Ints) -> Ints:
    """Return the code of each slot that usable values fall in, int64 [S]; zeros where there are none.

    Args:
        mass: the reference's rows by slot, [S].

    >>> middle_ranks(np.array([0, 1, 2, 1, 0])).tolist()
    [-1000, -750, 0, 750, 1000]
    """
    total = int(mass.sum())
    middle = (2 * np.cumsum(mass) - mass) * REACH
    return middle // total - REACH if total else np.zeros(len(mass), dtype=np.int64)


def numeric_ranks(values: Floats, edges: Floats) -> Ints:
    """Return the codes of the slots below, between and above the edges, int64 [len(edges) + 1].

    Args:
        values: finite values of the reference, in any order.
        edges: of the bins, increasing.
    """
    reached = np.searchsorted(np.sort(values), edges, side="left")
    return middle_ranks(np.diff(np.concatenate([[0], reached, [len(values)]])).astype(np.int64))


def category_ranks(counts: Ints, apart: int) -> Ints:
    """Return the codes of the categories that are counted apart, of the others, and of unseen ones.

    Args:
        counts: the reference's rows by category, the most frequent first.
        apart: how many of them are counted apart.
    """
    return middle_ranks(np.concatenate([counts[:apart], [counts[apart:].sum(), 0]]).astype(np.int64))

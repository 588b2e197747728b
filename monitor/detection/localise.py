"""Which columns a detection is about: the smallest set that its evidence names."""

import numpy as np

from monitor.profile.values import Floats, Ints

FALSE_SHARE = 0.1
"""The share of wrongly named columns that is accepted among the named ones."""


def named(evidence: Floats, false_share: float = FALSE_SHARE) -> Ints:
    """Return the places of columns whose evidence stands out, most evidence first; at least one.

    The e-value form of Benjamini and Hochberg's rule (Wang and Ramdas 2022): the k columns with most evidence are
    named if each has at least J / (k × false share). Unlike the original it holds whatever the columns' dependence,
    and it reads the evidence gathered since the change began, not that of one chunk.

    Args:
        evidence: of J columns, [J]; NaN or 0 for one without.
        false_share: the accepted share of wrong ones.

    >>> named(np.array([1.0, 900.0, 0.2, 700.0])).tolist()
    [1, 3]
    >>> named(np.array([3.0, 1.0])).tolist()
    [0]
    """
    known = np.nan_to_num(evidence, nan=0.0)
    order = np.argsort(-known, kind="stable")
    ranks = np.arange(1, len(known) + 1)
    reached = np.flatnonzero(known[order] * ranks * false_share >= len(known))
    return order[: max(1, int(reached[-1]) + 1 if len(reached) else 1)]

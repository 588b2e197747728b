"""Two profiles as two lists of shares over the same groups: what drift measures compare."""

from abc import abstractmethod
from functools import lru_cache
from typing import ClassVar, Final

import numpy as np

from monitor.drift import DriftMeasure
from monitor.profile.column import ColumnProfile
from monitor.profile.values import Floats, Ints

_KEPT: Final = 2
"""How many pairs are remembered: the measures of one column ask for the same, one after the other."""


class ShareMeasure(DriftMeasure):
    """A distance that needs only the shares of values in groups: of numbers by reference rank, or the categories.

    Attributes:
        groups: how many groups of numbers there are at most.
    """

    kinds: ClassVar[frozenset[str]] = frozenset({"numeric", "category"})
    floor: ClassVar[float] = 0.1
    groups: ClassVar[int]

    def score(self, reference: ColumnProfile, current: ColumnProfile) -> float | None:
        """Return the distance of the shares; see `DriftMeasure.score`."""
        if not comparable(reference, current):
            return None
        return self.distance(*shares(reference, current, self.groups))

    @abstractmethod
    def distance(self, before: Floats, after: Floats) -> float:
        """Return how far shares are from those of the reference.

        Args:
            before: [groups], of the reference; they add up to 1.
            after: [groups], of now.
        """


def comparable(reference: ColumnProfile, current: ColumnProfile) -> bool:
    """Return whether both profiles hold usable values.

    Raises:
        ValueError: they are not counted in the same bins.
    """
    if len(reference.counts) != len(current.counts) or reference.kind != current.kind:
        raise ValueError(f"{reference.column!r} and {current.column!r} are not profiled in the same bins")
    return bool(reference.present and current.present)


def shares(reference: ColumnProfile, current: ColumnProfile, groups: int) -> tuple[Floats, Floats]:
    """Return the shares of both profiles in the same groups.

    Numbers are pooled into at most ``groups`` groups of about equal reference share, with everything below the
    reference in the first and above it in the last; categories are not pooled. Few groups keep the noise of small
    windows down: with K groups and n rows, a Jensen-Shannon distance of about sqrt(K / 8n) means nothing.

    Args:
        reference: a profile with at least one usable value.
        current: another, in the same bins.
        groups: how many groups of numbers there are at most.
    """
    before, after = _shares(reference, current, groups)
    return before.copy(), after.copy()


@lru_cache(_KEPT)
def _shares(reference: ColumnProfile, current: ColumnProfile, groups: int) -> tuple[Floats, Floats]:
    before, after = reference.mass, current.mass
    if reference.kind == "numeric":
        place = _groups(before, groups)
        before = np.bincount(place, before, groups).astype(np.int64)
        after = np.bincount(place, after, groups).astype(np.int64)
    return before / reference.present, after / current.present


def _groups(mass: Ints, groups: int) -> Ints:
    """Return the group of each slot: where its middle rank lies among ``groups`` equal parts of the reference."""
    middle = np.cumsum(mass) - mass / 2
    place: Ints = np.minimum(middle * groups // mass.sum(), groups - 1).astype(np.int64)
    return place


def cumulative_difference(reference: ColumnProfile, current: ColumnProfile) -> tuple[Floats, Floats]:
    """Return the difference of the distribution functions after each slot of ``mass``, and the reference shares."""
    difference, before = _cumulative_difference(reference, current)
    return difference.copy(), before.copy()


@lru_cache(_KEPT)
def _cumulative_difference(reference: ColumnProfile, current: ColumnProfile) -> tuple[Floats, Floats]:
    before, after = reference.mass / reference.present, current.mass / current.present
    return np.cumsum(after - before), before

"""The share of values outside the reference's range."""

from typing import ClassVar

from monitor.profile.column import ColumnProfile
from monitor.quality import QualityMeasure, share


class OutOfRangeShare(QualityMeasure):
    """Values less than the reference's least or greater than its greatest, of all usable values."""

    name: ClassVar[str] = "out_of_range_share"
    title: ClassVar[str] = "Values outside the reference range"
    kinds: ClassVar[frozenset[str]] = frozenset({"numeric"})
    floor: ClassVar[float] = 0.01

    def value(self, profile: ColumnProfile) -> float | None:
        """Return the share; see `QualityMeasure.value`."""
        return share(profile.below + profile.above, profile.present)

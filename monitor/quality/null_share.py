"""The share of missing values."""

from typing import ClassVar

from monitor.profile.column import ColumnProfile
from monitor.quality import QualityMeasure, share


class NullShare(QualityMeasure):
    """Rows that hold nothing, of all rows; a value of the wrong type is not nothing."""

    name: ClassVar[str] = "null_share"
    title: ClassVar[str] = "Missing values"
    kinds: ClassVar[frozenset[str]] = frozenset({"numeric", "category"})
    floor: ClassVar[float] = 0.05

    def value(self, profile: ColumnProfile) -> float | None:
        """Return the share; see `QualityMeasure.value`."""
        return share(profile.nulls, profile.rows)

"""The share of values of another type than the schema's."""

from typing import ClassVar

from monitor.profile.column import ColumnProfile
from monitor.quality import QualityMeasure, share


class RetypedShare(QualityMeasure):
    """Rows that held a value of another type than the schema's, of all rows."""

    name: ClassVar[str] = "retyped_share"
    title: ClassVar[str] = "Values of the wrong type"
    kinds: ClassVar[frozenset[str]] = frozenset({"numeric", "category"})
    floor: ClassVar[float] = 0.01

    def value(self, profile: ColumnProfile) -> float | None:
        """Return the share; see `QualityMeasure.value`."""
        return share(profile.invalid, profile.rows)

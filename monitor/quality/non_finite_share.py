"""The share of NaN and infinities."""

from typing import ClassVar

from monitor.profile.column import ColumnProfile
from monitor.quality import QualityMeasure, share


class NonFiniteShare(QualityMeasure):
    """Rows that hold NaN or an infinity, of all rows."""

    name: ClassVar[str] = "non_finite_share"
    title: ClassVar[str] = "NaN and infinite values"
    kinds: ClassVar[frozenset[str]] = frozenset({"numeric"})
    floor: ClassVar[float] = 0.01

    def value(self, profile: ColumnProfile) -> float | None:
        """Return the share; see `QualityMeasure.value`."""
        return share(profile.non_finite, profile.rows)

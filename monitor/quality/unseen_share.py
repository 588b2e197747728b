"""The share of categories the reference never held."""

from typing import ClassVar

from monitor.profile.binning import CategoryBins
from monitor.profile.column import ColumnProfile
from monitor.quality import QualityMeasure, share


class UnseenShare(QualityMeasure):
    """Values the reference never held, of all usable values; None where the reference held too many to know."""

    name: ClassVar[str] = "unseen_share"
    title: ClassVar[str] = "New categories"
    kinds: ClassVar[frozenset[str]] = frozenset({"category"})
    floor: ClassVar[float] = 0.01

    def value(self, profile: ColumnProfile) -> float | None:
        """Return the share; see `QualityMeasure.value`."""
        known = isinstance(profile.binning, CategoryBins) and profile.binning.complete
        return share(profile.unseen, profile.present) if known else None

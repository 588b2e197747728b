"""The share of rows that carried columns which the schema does not know."""

from typing import ClassVar

from monitor.profile.binning import NEW, YES, CategoryBins
from monitor.profile.column import ColumnProfile
from monitor.quality import QualityMeasure, share


class NewColumnShare(QualityMeasure):
    """Rows with at least one column that the schema does not know, of all rows."""

    name: ClassVar[str] = "new_column_share"
    title: ClassVar[str] = "Rows with unknown columns"
    kinds: ClassVar[frozenset[str]] = frozenset({"category"})
    floor: ClassVar[float] = 0.01
    column: ClassVar[str | None] = NEW

    def value(self, profile: ColumnProfile) -> float | None:
        """Return the share; see `QualityMeasure.value`."""
        carried = (
            int(profile.bins[profile.labels.index(YES)])
            if isinstance(profile.binning, CategoryBins) and YES in profile.labels
            else 0
        )
        return share(carried, profile.rows)

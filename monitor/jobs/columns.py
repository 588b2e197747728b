"""Which columns jobs look at, and the range a column should keep to."""

from monitor.profile.binning import PREDICTION, SCORE
from monitor.profile.column import ColumnProfile
from monitor.profile.derived import derived
from monitor.types import Kind, Model, Scalar

OUTPUTS = frozenset({SCORE, PREDICTION})
SILENT = frozenset({Kind.ID, Kind.IMAGE, Kind.TIMESTAMP})
"""Kinds whose values always differ from the reference's (ids, times) or are not profiled."""


def limits(reference: ColumnProfile, current: ColumnProfile) -> dict[str, Scalar]:
    """Return the range of the reference, and the shares of current values beyond either end; numbers only."""
    if reference.kind != "numeric" or not reference.present or not current.present:
        return {}
    return {
        "reference_min": reference.minimum,
        "reference_max": reference.maximum,
        "below_share": current.below / current.present,
        "above_share": current.above / current.present,
    }


def watched(model: Model, column: str) -> bool:
    """Whether the drift of a column means anything; the model's outputs count as columns."""
    feature = model.schema.feature(column)
    if feature is None:
        return column in OUTPUTS or column in derived(model.schema)
    return feature.kind not in SILENT

"""Which captured rows a segment holds: the same as its profiles count."""

from monitor.profile.binning import Binning, CategoryBins
from monitor.profile.groups import SEGMENT_VALUES, segment_ranges, split_segment
from monitor.store.sql import quote
from monitor.types import ALL, Feature, Kind, ModelSchema

_READ = {
    Kind.TEXT: "length({})",
    Kind.TIMESTAMP: "epoch({})",
    Kind.EMBEDDING: "len({})",
    Kind.SEQUENCE: "len({})",
}
"""What of a column that is no number is profiled as one; see `monitor.profile.values.numbers`."""

Condition = tuple[str, tuple[object, ...]]
_NONE: Condition = ("false", ())


def segment_condition(segment: str, schema: ModelSchema, binning: Binning | None) -> Condition:
    """Return SQL, and its parameters, that holds for the rows of a segment of `monitor.profile.groups`.

    A segment that is none of the model's, or no longer since its bins changed, holds no rows.
    """
    if segment == ALL:
        return "true", ()
    found = split_segment(segment, (feature.name for feature in schema.features))
    feature = schema.feature(found[0]) if found else None
    if found is None or feature is None:
        return _NONE
    bins = binning.columns.get(feature.name) if binning else None
    if bins is None or isinstance(bins, CategoryBins):
        return _category(quote(feature.name), found[1], bins.values[:SEGMENT_VALUES] if bins else ())
    if feature.kind is Kind.BOOLEAN:
        return _category(f"CAST({quote(feature.name)} AS VARCHAR)", found[1], ("false", "true"))
    return _range(feature, found[1], {name: (low, high) for name, low, high in segment_ranges(bins)})


def _category(column: str, value: str, shown: tuple[str, ...]) -> Condition:
    if value in shown:
        return f"{column} = ?", (value,)
    if value == "other":
        return f"{column} IS NOT NULL AND NOT list_contains(?, {column})", (list(shown),)
    return (f"{column} IS NULL", ()) if value == "null" else _NONE


def _range(feature: Feature, value: str, ranges: dict[str, tuple[float, float]]) -> Condition:
    number = f"CAST({_READ.get(feature.kind, '{}').format(quote(feature.name))} AS DOUBLE)"
    if value == "null":
        return f"{number} IS NULL OR NOT isfinite({number})", ()
    if value not in ranges:
        return _NONE
    return f"isfinite({number}) AND {number} >= ? AND {number} < ?", ranges[value]

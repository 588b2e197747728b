"""Which rows belong to which (version, segment, hour)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from monitor.errors import InvalidInput
from monitor.profile.binning import Binning, CategoryBins, NumericBins
from monitor.profile.column import NULL, category_slots, numeric_slots
from monitor.profile.values import Ints, codes, one_array, sizes
from monitor.types import ALL, Kind, ModelSchema

HOUR = 3_600_000_000
"""One hour in microseconds."""

SEGMENT_VALUES = 20
"""How many values of a segment feature are monitored apart; the rest are one segment."""

_RANGES = 4


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of a batch of n rows; a row is in one group for all traffic and in one more a segment feature.

    Attributes:
        version, segment: the names of each group, [G].
        hour: its hour, microseconds since the epoch, int64 [G].
        rows: rows of the batch ordered by group, int64 [n × (1 + segment features)].
        starts: where each group begins in ``rows``, int64 [G].
    """

    version: list[str]
    segment: list[str]
    hour: Ints
    rows: Ints
    starts: Ints

    @property
    def group(self) -> Ints:
        """The group of each entry of ``rows``."""
        sizes = np.diff(np.append(self.starts, len(self.rows)))
        return np.repeat(np.arange(len(self.starts)), sizes)


def group(batch: pa.Table, schema: ModelSchema, binning: Binning, segments: Sequence[str]) -> Groups:
    """Sort the rows of a batch, of at least one row, into their groups.

    Args:
        batch: needs ``_version``, ``_time`` and the segment features.
        schema: gives each segment feature's kind.
        binning: gives each segment feature's values.
        segments: names of features.

    Raises:
        InvalidInput: a segment is not a feature of the model.
    """
    versions, version = codes(batch["_version"])
    hours, hour = np.unique(
        one_array(batch["_time"]).cast(pa.timestamp("us", tz="UTC")).view(pa.int64()).to_numpy() // HOUR,
        return_inverse=True,
    )
    cell = version * len(hours) + hour
    names, code = [ALL], [cell]
    for feature in segments:
        values, which = _segment(batch, schema, binning, feature)
        code.append((len(names) + which) * (len(versions) * len(hours)) + cell)
        names += [f"{feature}={value}" for value in values]
    every = np.concatenate(code)
    order = np.argsort(every, kind="stable")
    ordered = every[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    key = ordered[starts]
    return Groups(
        version=[str(versions[at]) for at in key // len(hours) % len(versions)],
        segment=[names[at] for at in key // (len(hours) * len(versions))],
        hour=hours[key % len(hours)] * HOUR,
        rows=order % batch.num_rows,
        starts=starts,
    )


def _segment(batch: pa.Table, schema: ModelSchema, binning: Binning, feature: str) -> tuple[list[str], Ints]:
    """Return the values of a segment feature that are told apart, and which of them each row holds.

    Booleans are told apart by value, other numbers by four ranges of about as many reference bins. NaN and infinities
    are with the nulls.
    """
    described = schema.feature(feature)
    if described is None:
        known = ", ".join(column.name for column in schema.features)
        raise InvalidInput(f"segment {feature!r} is not a feature of {schema.model}; there are {known}")
    bins = binning.columns.get(feature, CategoryBins((), frozenset()))  # without bins its values are other or null
    column = sizes(batch, feature)
    if isinstance(bins, CategoryBins):
        shown = bins.values[:SEGMENT_VALUES]
        slots = category_slots(column, bins)
        which = np.minimum(slots - bins.HEAD, len(shown))
        return [*shown, "other", "null"], np.where(slots == NULL, len(shown) + 1, which)
    slots, values = numeric_slots(column, bins)
    if described.kind is Kind.BOOLEAN:
        return ["false", "true", "null"], np.where(slots == NULL, 2, np.nan_to_num(values).astype(np.int64))
    ranges = segment_ranges(bins)
    which = np.searchsorted([low for _, low, _ in ranges[1:]], np.nan_to_num(values), side="right")
    return [*(name for name, _, _ in ranges), "null"], np.where(np.isnan(values), len(ranges), which)


def segment_ranges(bins: NumericBins) -> list[tuple[str, float, float]]:
    """Return the ranges that a numeric segment feature is told apart by: name, least value, and bound above.

    >>> segment_ranges(NumericBins(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), 2.0, 1.0))[1]
    ('1..2', 1.0, 2.0)
    """
    cuts = bins.edges
    if len(cuts):
        cuts = np.unique(cuts[np.linspace(0, len(cuts) - 1, _RANGES + 1).round().astype(np.int64)])[1:-1]
    bounds = [-np.inf, *cuts.tolist(), np.inf]
    names = ["", *(f"{cut:.6g}" for cut in cuts), ""]
    return [(f"{names[at]}..{names[at + 1]}", bounds[at], bounds[at + 1]) for at in range(len(bounds) - 1)]


def split_segment(segment: str, features: Iterable[str]) -> tuple[str, str] | None:
    """Return the feature and the value that a segment's name holds; None for all traffic and for unknown features.

    >>> split_segment("a=b=c", ["a", "a=b"]), split_segment("all", ["a"])
    (('a=b', 'c'), None)
    """
    meant = [name for name in features if segment.startswith(f"{name}=")]
    name = max(meant, key=len, default=None)
    return None if name is None else (name, segment[len(name) + 1 :])

"""What came of predictions in every one-feature segment: sums of residuals that add exactly, and subtract.

A segment is one decile of a numeric feature, one of the 20 most frequent categories, what is left of them, or the rows
without a value. Counters (int64) are the sums of the labelled rows whose features are not kept any more, then those of
each feature's segments in order. The sums of one segment, fixed point in units of 2^-24 but for counts:

- classification, with p the probability of the positive class and y whether it was it (multiclass: the highest score,
  and whether that class was right): n, Σy, Σp, Σp(1−p), Σ(y−p)², Σp(1−p)(1−2p)², Σp(1−p)(1−2p), Σp(1−p)(1−2p)⁴. The
  last three are variance of the Brier excess (y−p)² − p(1−p) = (1−2p)(y−p), and the third moments of both.
- regression, with e = prediction − label in reference deviations of the label, cut at four: n, Σe, Σe², Σe³, Σe⁴, Σe⁶;
  a ranking likewise, where a row is a query and e = 1 − nDCG.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.profile.binning import OUTCOME, Binning, CategoryBins, NumericBins
from monitor.profile.column import NULL, category_slots, numeric_slots
from monitor.profile.groups import group
from monitor.profile.outcome import UNIT
from monitor.profile.outcome_rows import class_codes, probabilities
from monitor.profile.pieces import PIECES
from monitor.profile.residuals import lost_gain
from monitor.profile.values import Bools, Floats, Ints, numbers, sizes
from monitor.types import ALL, Feature, Kind, ModelSchema, Task

SEGMENTS = "_segments"
"""The name of the column that these counters are the profile of."""

UNKEPT = "_unkept"
"""A boolean column of a batch: rows of which the features are not kept any more."""

TOP = 20
"""How many categories of a feature are told apart."""

FARTHEST = 4.0
"""Residuals of a regression farther than this many deviations of the label count as this far."""

CLASSIFICATION = ("n", "y", "p", "v", "brier", "brier_v", "third", "brier_third")
ERRORS = ("n", "e", "e2", "e3", "e4", "e6")

_SCANNED = (Kind.NUMERIC, Kind.INTEGER, Kind.BOOLEAN, Kind.CATEGORICAL, Kind.TEXT)
_AT_ONCE = 50_000  # rows whose float64 sums stay exact integers


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of one feature.

    Attributes:
        feature: its name.
        value: the category; None for a range, for other values and for no value.
        low, high: the range [low, high) of a number; −inf and inf where it has no end.
        rest: ``other`` (values that are not told apart), ``null``, or empty.
    """

    feature: str
    value: str | None = None
    low: float = -np.inf
    high: float = np.inf
    rest: str = ""


@dataclass(frozen=True, eq=False)
class SegmentSums:
    """The sums over any set of labelled rows.

    Attributes:
        segments: S of them, of all features.
        names: what the sums are, `CLASSIFICATION` or `ERRORS`.
        counts: int64 [1 + S, sums]; the first row is of rows whose features are not kept.
    """

    segments: tuple[Segment, ...]
    names: tuple[str, ...]
    counts: Ints

    def __add__(self, other: "SegmentSums") -> "SegmentSums":
        """Return the sums over both sets of rows; exact."""
        return SegmentSums(self.segments, self.names, self.counts + other.counts)

    def sums(self, name: str) -> Floats:
        """Return one of the sums by segment, [S]."""
        at = self.names.index(name)
        column: Floats = self.counts[1:, at] / (1 if name in ("n", "y") else UNIT)
        return column

    @property
    def unkept(self) -> int:
        """How many labelled rows are in no segment, because their features are not kept."""
        return int(self.counts[0, 0])


def scanned(schema: ModelSchema, binning: Binning) -> list[Feature]:
    """Return the features whose segments are summed."""
    return [each for each in schema.features if each.kind in _SCANNED and each.name in binning.columns]


def segments_of(schema: ModelSchema, binning: Binning) -> tuple[Segment, ...]:
    """Return every segment, in the order of the counters."""
    found: list[Segment] = []
    for feature in scanned(schema, binning):
        bins = binning.columns[feature.name]
        if isinstance(bins, CategoryBins):
            found += [Segment(feature.name, value) for value in bins.values[:TOP]]
            found.append(Segment(feature.name, rest="other"))
        else:
            bounds = [-np.inf, *bins.deciles.tolist(), np.inf]
            found += [Segment(feature.name, None, low, high) for low, high in pairwise(bounds)]
        found.append(Segment(feature.name, rest="null"))
    return tuple(found)


def places(batch: pa.Table, schema: ModelSchema, binning: Binning) -> Ints:
    """Return which segment of each scanned feature a row is in, counted from 0, int64 [features, n]."""
    found, first = [], 0
    for feature in scanned(schema, binning):
        bins = binning.columns[feature.name]
        column = sizes(batch, feature.name)
        if isinstance(bins, CategoryBins):
            count = len(bins.values[:TOP]) + 1
            slots = category_slots(column, bins)
            place = np.where(slots == NULL, count, np.minimum(np.maximum(slots - bins.HEAD, -1), count - 1))
            place = np.where(slots == NULL + 1, count, place)
        else:
            count = len(bins.deciles) + 1
            _, values = numeric_slots(column, bins)
            place = np.where(np.isnan(values), count, np.searchsorted(bins.deciles, values, side="right"))
        found.append(first + place)
        first += count + 1
    return np.array(found, dtype=np.int64).reshape(len(found), batch.num_rows)


def sum_names(schema: ModelSchema) -> tuple[str, ...]:
    """Return what is summed for a model."""
    return ERRORS if schema.task in (Task.REGRESSION, Task.RANKING) else CLASSIFICATION


def profile_segments(deltas: pa.Table, schema: ModelSchema, binning: Binning) -> pa.Table:
    """Sum labelled rows by version, hour of the prediction, and segment.

    Args:
        deltas: a canonical batch with the features, ``_label`` and ``_sign`` (see `monitor.profile.profile_outcomes`),
            and ``_unkept`` where features are missing because they are not kept.
        schema: the model's schema.
        binning: the model's bins.

    Returns:
        Pieces of the one column ``_segments``; rows without a usable label and prediction are in none.
    """
    values, usable = row_sums(deltas, schema, binning)
    rows = np.flatnonzero(usable)
    if not len(rows):
        return PIECES.empty_table()
    batch, values = deltas.take(pa.array(rows)), values[:, rows]
    groups = group(batch, schema, binning, ())
    width = 1 + len(segments_of(schema, binning))
    weights = values * batch["_sign"].to_numpy().astype(np.int64)
    place = 1 + places(batch, schema, binning)
    if UNKEPT in batch.column_names:
        place[:, pc.fill_null(batch[UNKEPT], False).to_numpy(zero_copy_only=False)] = -1
    block = _add(place[:, groups.rows], weights[:, groups.rows], groups.group, len(groups.starts), width)
    count = len(groups.starts)
    return pa.table(
        {
            "version": groups.version,
            "segment": [ALL] * count,
            "hour": pa.array(groups.hour).view(pa.timestamp("us", tz="UTC")),
            "column": [SEGMENTS] * count,
            "binning": [binning.id] * count,
            "counts": pa.array(list(block.reshape(count, -1)), pa.list_(pa.int64())),
            "minimum": np.full(count, np.inf),
            "maximum": np.full(count, -np.inf),
        },
        schema=PIECES,
    )


def _add(place: Ints, weights: Ints, group_of: Ints, groups: int, width: int) -> Ints:
    """Add the weights [sums, n] of each row to its places [features, n]: int64 [groups, width, sums].

    A place of −1 goes to the first counters, once a row however many features there are.
    """
    block = np.zeros((groups * width, len(weights)), dtype=np.int64)
    for start in range(0, place.shape[1], _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        kept = (place[:, part] >= 0).all(axis=0) if len(place) else np.zeros(place[:, part].shape[1], dtype=bool)
        base = group_of[part] * width
        index = (base + place[:, part])[:, kept].ravel()
        for at, weight in enumerate(weights[:, part].astype(np.float64)):
            for where, what in ((index, np.tile(weight[kept], len(place))), (base[~kept], weight[~kept])):
                block[:, at] += np.rint(np.bincount(where, what, groups * width)).astype(np.int64)
    return block.reshape(groups, width, len(weights))


def row_sums(batch: pa.Table, schema: ModelSchema, binning: Binning) -> tuple[Ints, Bools]:
    """Return what each row adds to the sums, int64 [sums, n], and which rows can be used."""
    if schema.task is Task.REGRESSION:
        bins = binning.columns[OUTCOME]
        assert isinstance(bins, NumericBins)  # noqa: S101 - make_binning gives every regression these
        label, missing = numbers(batch["_label"])
        prediction, none = numbers(batch["_prediction"])
        usable = ~missing & ~none & np.isfinite(label) & np.isfinite(prediction)
        with np.errstate(over="ignore"):
            error = (np.where(usable, prediction, 0.0) - np.where(usable, label, 0.0)) / bins.scale
        return _powers(np.clip(error, -FARTHEST, FARTHEST)), usable
    if schema.task is Task.RANKING:
        lost, usable = lost_gain(batch, schema)
        return _powers(lost), usable
    codes = class_codes(batch["_label"], schema)
    p, usable = probabilities(batch, schema)
    usable = usable & (codes >= 0)
    p = np.where(usable[:, None], p, 0.5)
    truth, score = (codes == 1, p[:, 0]) if schema.task is Task.BINARY else (codes == p.argmax(axis=1), p.max(axis=1))
    return residual_values(score, truth.astype(np.float64)), usable


def residual_values(p: Floats, y: Floats) -> Ints:
    """Return what rows with probability ``p`` and truth ``y`` (0 or 1), both [n], add to the sums: int64 [8, n]."""
    v, lean = p * (1 - p), 1 - 2 * p
    sums = _fixed([p, v, (y - p) ** 2, v * lean**2, v * lean, v * lean**4], np.ones(len(p)))
    return np.insert(sums, 1, y.astype(np.int64), axis=0)


def _powers(error: Floats) -> Ints:
    error = np.rint(error * UNIT) / UNIT
    return _fixed([error**power for power in (1, 2, 3, 4, 6)], np.ones(len(error)))


def _fixed(sums: Sequence[Floats], ones: Floats) -> Ints:
    return np.stack([ones.astype(np.int64), *(np.rint(each * UNIT).astype(np.int64) for each in sums)])


def read_segments(counts: Ints, schema: ModelSchema, binning: Binning) -> SegmentSums:
    """Return the sums that counters stand for.

    Raises:
        ValueError: they are of another length than the model's segments.
    """
    segments, names = segments_of(schema, binning), sum_names(schema)
    if len(counts) != (1 + len(segments)) * len(names):
        raise ValueError(f"{len(counts)} segment counters; {schema.model} needs {(1 + len(segments)) * len(names)}")
    return SegmentSums(segments, names, counts.reshape(-1, len(names)))

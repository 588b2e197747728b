"""What a model's values are counted in, frozen on its reference so that every later hour compares."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from monitor.profile.edges import decile_cuts, latency_edges, location, memory_edges, reference_edges, score_edges
from monitor.profile.fixed import FIRST, SECOND
from monitor.profile.values import Floats, codes, numbers, sizes, summary
from monitor.types import Feature, Kind, ModelSchema, Task

SCORE, PREDICTION, LATENCY, OUTCOME = "_score", "_prediction", "_latency_ms", "_outcome"
"""Columns profiled for every model beside its features. ``_outcome`` is the score against the label."""
DEVICE, MEMORY = "_device_ms", "_memory_mb"
"""Profiled where rows carry them: time on the device and its peak memory. Their bins are the same for every model, so
they are no part of a model's binning, and rows without them cost nothing."""
NEW = "_new"
"""Profiled too: whether a row carried columns that the schema does not know."""
NO, YES = "no", "yes"

TOP, KNOWN = 50, 10_000
_UNREAD = (Kind.ID, Kind.IMAGE)
_FIGURES = {
    Kind.IMAGE: ("size", "mean"),
    Kind.EMBEDDING: ("norm", "mean"),
    Kind.SEQUENCE: ("norm", "mean"),
}
"""What of the summaries of these kinds is profiled, as the columns ``feature.figure``."""


@dataclass(frozen=True, eq=False)
class NumericBins:
    """Bins [edge, next) of a number line.

    Attributes:
        edges: float64, strictly increasing; the first and last enclose the reference's minimum and maximum. Empty where
            the reference held no finite value.
        center: where fixed-point moments are measured from, in the column's unit.
        scale: the unit of fixed-point moments, about one reference standard deviation.
        deciles: the edges nearest to the reference's deciles, between which segments are told apart; at most nine.
    """

    edges: Floats
    center: float
    scale: float
    deciles: Floats = field(default_factory=lambda: np.empty(0))

    kind = "numeric"
    HEAD = 5  # null, retyped, NaN, +inf, -inf

    @property
    def length(self) -> int:
        """How many counters a profile of this column has (see `monitor.profile.column`)."""
        return self.HEAD + len(self.edges) + 1 + FIRST + SECOND


@dataclass(frozen=True, eq=False)
class CategoryBins:
    """The reference's categories.

    Attributes:
        values: the most frequent ones, at most 50, in that order; each is counted apart.
        known: every value of the reference, at most 10,000.
        complete: whether ``known`` is all of them. If not, an unknown value counts as other, not as unseen.
    """

    values: tuple[str, ...]
    known: frozenset[str]
    complete: bool = True

    kind = "category"
    HEAD = 2  # null, retyped

    @property
    def length(self) -> int:
        """How many counters a profile of this column has (see `monitor.profile.column`)."""
        return self.HEAD + len(self.values) + 2

    @cached_property
    def slots(self) -> Mapping[str | None, int]:
        """Which counter each value of ``values`` and each null goes to."""
        places: dict[str | None, int] = {value: self.HEAD + place for place, value in enumerate(self.values)}
        return places | {None: 0}

    def slot(self, value: str | None) -> int:
        """Return which counter ``value`` goes to: its own, or other, or unseen."""
        place = self.slots.get(value)
        if place is not None:
            return place
        return self.length - (2 if value in self.known or not self.complete else 1)


Bins: TypeAlias = NumericBins | CategoryBins

RUNTIME: Mapping[str, NumericBins] = {
    DEVICE: NumericBins(latency_edges(), 0.0, 10.0),
    MEMORY: NumericBins(memory_edges(), 0.0, 100.0),
}
"""The bins of the columns that are profiled where rows carry them."""


@dataclass(frozen=True, eq=False)
class Binning:
    """The bins of every profiled column of one model, and an id that changes with any of them."""

    id: str
    columns: Mapping[str, Bins]

    def bins(self, column: str) -> Bins:
        """Return the bins of a profiled column.

        Raises:
            KeyError: there is no such column.
        """
        return RUNTIME[column] if column in RUNTIME else self.columns[column]

    @classmethod
    def of(cls, columns: Mapping[str, Bins]) -> "Binning":
        """Return the binning of these columns under the id that their content gives."""
        return cls(hashlib.sha256(_content(columns).encode()).hexdigest()[:12], dict(columns))

    def to_json(self) -> str:
        """Return the binning as JSON; floats survive exactly.

        >>> binning = Binning.of({"hour": NumericBins(np.array([0.1, 0.30000000000000004]), 0.2, 0.1)})
        >>> Binning.from_json(binning.to_json()).columns["hour"].edges.tolist()
        [0.1, 0.30000000000000004]
        """
        return f'{{"id": {json.dumps(self.id)}, "columns": {_content(self.columns)}}}'

    @classmethod
    def from_json(cls, text: str) -> "Binning":
        """Return the binning that `to_json` wrote."""
        data = json.loads(text)
        return cls(data["id"], {name: _read(column) for name, column in data["columns"].items()})


def _content(columns: Mapping[str, Bins]) -> str:
    plain: dict[str, dict[str, object]] = {}
    for name, bins in columns.items():
        if isinstance(bins, NumericBins):
            plain[name] = {
                "edges": bins.edges.tolist(),
                "center": bins.center,
                "scale": bins.scale,
                "deciles": bins.deciles.tolist(),
            }
        else:
            plain[name] = {"values": bins.values, "known": sorted(bins.known), "complete": bins.complete}
    return json.dumps(plain, allow_nan=False)


def _read(column: Mapping[str, Any]) -> Bins:
    if "edges" in column:
        edges = np.array(column["edges"], dtype=np.float64)
        deciles = column.get("deciles", _spaced(edges))  # bins that an earlier version made have none
        return NumericBins(edges, column["center"], column["scale"], np.array(deciles, dtype=np.float64))
    return CategoryBins(tuple(column["values"]), frozenset(column["known"]), column["complete"])


def _spaced(edges: Floats) -> list[float]:
    """Return nine edges, about as many bins apart."""
    inner = np.unique(np.linspace(0, max(0, len(edges) - 1), 11).round().astype(np.int64))[1:-1]
    return edges[inner].tolist() if len(edges) else []


def make_binning(reference: pa.Table, schema: ModelSchema) -> Binning:
    """Freeze a model's bins on its reference.

    A column that is absent, empty or all null gets bins too: later values of it count as out of range or unseen.

    Args:
        reference: a canonical batch (see `monitor.schema`), of any number of rows; ``_label`` is used if it is there.
        schema: the model's schema.
    """
    columns: dict[str, Bins] = {feature.name: _feature_bins(reference, feature) for feature in schema.features}
    for name, (feature, figure) in derived(schema).items():
        columns[name] = _numeric(_present(summary(reference, feature, figure)))
    if schema.task is Task.REGRESSION:
        predicted = _finite(reference, SCORE)
        columns[SCORE] = _numeric(predicted)
        truth = np.concatenate([predicted, _finite(reference, "_label")])
        center, scale = location(truth)
        columns[OUTCOME] = NumericBins(np.empty(0), center, scale)
    else:
        columns[SCORE] = NumericBins(score_edges(schema.threshold), 0.5, 0.25)
        columns[PREDICTION] = CategoryBins(schema.classes, frozenset(schema.classes))
    columns[LATENCY] = NumericBins(latency_edges(), 0.0, 10.0)
    columns[NEW] = CategoryBins((NO, YES), frozenset((NO, YES)))
    return Binning.of(columns)


def derived(schema: ModelSchema) -> dict[str, tuple[str, str]]:
    """Return the columns that stand for what is in images, embeddings and sequences: feature and figure, by name.

    >>> schema = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="face", kind=Kind.EMBEDDING),))
    >>> derived(schema)
    {'face.norm': ('face', 'norm'), 'face.mean': ('face', 'mean')}
    """
    names = {feature.name for feature in schema.features}
    found = {
        f"{feature.name}.{figure}": (feature.name, figure)
        for feature in schema.features
        for figure in _FIGURES.get(feature.kind, ())
    }
    return {name: origin for name, origin in found.items() if name not in names}


def _feature_bins(reference: pa.Table, feature: Feature) -> Bins:
    if feature.kind in _UNREAD:
        return CategoryBins((), frozenset(), complete=False)
    if feature.kind is Kind.CATEGORICAL:
        return _category(reference, feature.name)
    return _numeric(_finite(reference, feature.name))


def _finite(reference: pa.Table, name: str) -> Floats:
    if name not in reference.column_names:
        return np.empty(0)
    return _present(sizes(reference, name))


def _present(column: pa.Array | pa.ChunkedArray) -> Floats:
    values, nulls = numbers(column)
    return values[~nulls & np.isfinite(values)]


def _numeric(values: Floats) -> NumericBins:
    edges = reference_edges(values)
    return NumericBins(edges, *location(values), decile_cuts(values, edges))


def _category(reference: pa.Table, name: str) -> CategoryBins:
    if name not in reference.column_names:
        return CategoryBins((), frozenset())
    values, which = codes(reference[name])
    rows = np.bincount(which, minlength=len(values))
    counted = [(-int(n), value) for n, value in zip(rows, values, strict=True) if value is not None]
    ordered = [value for _, value in sorted(counted)]
    return CategoryBins(tuple(ordered[:TOP]), frozenset(ordered[:KNOWN]), len(ordered) <= KNOWN)

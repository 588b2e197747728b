"""What a model's values are counted in, frozen on its reference so that every later hour compares."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import msgspec
import numpy as np

from monitor.profile.cells import Cells
from monitor.profile.edges import latency_edges, memory_edges
from monitor.profile.fixed import FIRST, SECOND
from monitor.profile.texts import Usual
from monitor.profile.values import Floats, Ints

SCORE, PREDICTION, LATENCY, OUTCOME = "_score", "_prediction", "_latency_ms", "_outcome"
"""Columns profiled for every model beside its features. ``_outcome`` is the score against the label."""
DEVICE, MEMORY = "_device_ms", "_memory_mb"
"""Profiled where rows carry them: time on the device and its peak memory. Their bins are the same for every model, so
they are no part of a model's binning, and rows without them cost nothing."""
NEW = "_new"
"""Profiled too: whether a row carried columns that the schema does not know."""
NO, YES = "no", "yes"


@dataclass(frozen=True, eq=False)
class NumericBins:
    """Bins [edge, next) of a number line.

    Attributes:
        edges: float64, strictly increasing; the first and last enclose the reference's minimum and maximum. Empty where
            the reference held no finite value.
        center: where fixed-point moments are measured from, in the column's unit.
        scale: the unit of fixed-point moments, about one reference standard deviation.
        deciles: the edges nearest to the reference's deciles, between which segments are told apart; at most nine.
        ranks: the code of each slot along the line (see `monitor.profile.ranks`); none in bins of an earlier version.
    """

    edges: Floats
    center: float
    scale: float
    deciles: Floats = field(default_factory=lambda: np.empty(0))
    ranks: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    kind = "numeric"
    HEAD = 5  # null, retyped, NaN, +inf, -inf

    @property
    def length(self) -> int:
        """How many counters a profile of this column has (see `monitor.profile.column`)."""
        return self.HEAD + len(self.edges) + 1 + FIRST + SECOND

    @cached_property
    def cells(self) -> Cells | None:
        """What leads many values to their bins; None where they are found by search."""
        return Cells.of(self.edges)


@dataclass(frozen=True, eq=False)
class CategoryBins:
    """The reference's categories.

    Attributes:
        values: the most frequent ones, at most 50, in that order; each is counted apart.
        known: every value of the reference, at most 10,000.
        complete: whether ``known`` is all of them. If not, an unknown value counts as other, not as unseen.
        ranks: the code of each of ``values``, of the others and of unseen ones; none in bins of an earlier version.
    """

    values: tuple[str, ...]
    known: frozenset[str]
    complete: bool = True
    ranks: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

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
    """The bins of every profiled column of one model, what is usual in its texts, and an id that changes with any."""

    id: str
    columns: Mapping[str, Bins]
    usual: Mapping[str, Usual] = field(default_factory=dict)

    def bins(self, column: str) -> Bins:
        """Return the bins of a profiled column.

        Raises:
            KeyError: there is no such column.
        """
        return RUNTIME[column] if column in RUNTIME else self.columns[column]

    @classmethod
    def of(cls, columns: Mapping[str, Bins], usual: Mapping[str, Usual] | None = None) -> "Binning":
        """Return the binning of these columns under the id that their content gives."""
        texts = dict(usual or {})
        content = _content(columns) + (_texts(texts) if texts else "")
        return cls(hashlib.sha256(content.encode()).hexdigest()[:12], dict(columns), texts)

    def to_json(self) -> str:
        """Return the binning as JSON; floats survive exactly.

        >>> binning = Binning.of({"hour": NumericBins(np.array([0.1, 0.30000000000000004]), 0.2, 0.1)})
        >>> Binning.from_json(binning.to_json()).columns["hour"].edges.tolist()
        [0.1, 0.30000000000000004]
        """
        texts = f', "texts": {_texts(self.usual)}' if self.usual else ""
        return f'{{"id": {json.dumps(self.id)}, "columns": {_content(self.columns)}{texts}}}'

    @classmethod
    def from_json(cls, text: str) -> "Binning":
        """Return the binning that `to_json` wrote."""
        data = msgspec.json.decode(text)
        texts = {name: Usual.from_json(told) for name, told in data.get("texts", {}).items()}
        return cls(data["id"], {name: _read(column) for name, column in data["columns"].items()}, texts)


def _texts(usual: Mapping[str, Usual]) -> str:
    return json.dumps({name: found.to_json() for name, found in usual.items()})


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
        plain[name] |= {"ranks": bins.ranks.tolist()} if len(bins.ranks) else {}
    return json.dumps(plain, allow_nan=False)


def _read(column: Mapping[str, Any]) -> Bins:
    ranks = np.array(column.get("ranks", ()), dtype=np.int64)
    if "edges" in column:
        edges = np.array(column["edges"], dtype=np.float64)
        deciles = column.get("deciles", _spaced(edges))  # bins that an earlier version made have none
        return NumericBins(edges, column["center"], column["scale"], np.array(deciles, dtype=np.float64), ranks)
    return CategoryBins(tuple(column["values"]), frozenset(column["known"]), column["complete"], ranks)


def _spaced(edges: Floats) -> list[float]:
    """Return nine edges, about as many bins apart."""
    inner = np.unique(np.linspace(0, max(0, len(edges) - 1), 11).round().astype(np.int64))[1:-1]
    return edges[inner].tolist() if len(edges) else []

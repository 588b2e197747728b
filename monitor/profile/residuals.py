"""How far predictions were off, by what was predicted: what a reference says of losses before labels come.

Layout of ``counts`` (int64): for each of `GROUPS` groups of neighbouring score bins (below and above the edges are in
the first and the last) the rows n, then limbs (see `monitor.profile.fixed`) of Σ|e| (2), Σe (2) and Σe² (3). For a
regression e = prediction − label; for a multiclass task e is 1 where the prediction is another class than the label,
and the score is the top probability; for a ranking e is 1 − nDCG, and the score is the highest of the candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from monitor.profile import fixed
from monitor.profile.binning import OUTCOME, SCORE, Binning, NumericBins
from monitor.profile.column import numeric_slots
from monitor.profile.groups import group
from monitor.profile.pieces import PIECES
from monitor.profile.ranking import judged, quality
from monitor.profile.values import Bools, Floats, Ints, numbers
from monitor.types import ModelSchema, Task

RESIDUALS = "_residuals"
GROUPS = 24
WIDTH = 1 + 2 * fixed.FIRST + fixed.SECOND


@dataclass(frozen=True, eq=False)
class Residuals:
    """The mergeable residuals of any set of labelled rows, [G] by group of scores.

    Attributes:
        rows: how many there are.
        absolute: Σ|e|, in the target's unit.
        plain: Σe.
        squared: Σe².
    """

    rows: Floats
    absolute: Floats
    plain: Floats
    squared: Floats

    @classmethod
    def of(cls, counts: Ints, scale: float) -> "Residuals":
        """Return the residuals that a vector of counters stands for."""
        table = counts.reshape(GROUPS, WIDTH)
        unit = scale / (1 << fixed.FRACTION)
        ends = np.cumsum([1, fixed.FIRST, fixed.FIRST, fixed.SECOND])
        absolute, plain, squared = (
            np.array([float(fixed.joined(row[first:last])) for row in table]) for first, last in pairwise(ends)
        )
        with np.errstate(over="ignore"):  # squares of errors near the end of all numbers are infinite
            squared = squared * unit * unit
        return cls(table[:, 0].astype(np.float64), absolute * unit, plain * unit, squared)

    def __add__(self, other: "Residuals") -> "Residuals":
        """Return the residuals of both sets of rows."""
        return Residuals(
            self.rows + other.rows,
            self.absolute + other.absolute,
            self.plain + other.plain,
            self.squared + other.squared,
        )

    def __sub__(self, other: "Residuals") -> "Residuals":
        """Return the residuals without the rows of ``other``."""
        return Residuals(
            self.rows - other.rows,
            self.absolute - other.absolute,
            self.plain - other.plain,
            self.squared - other.squared,
        )


def scale_of(schema: ModelSchema, binning: Binning) -> float:
    """Return the unit residuals are counted in: the spread of a regression's target, 1 for wrong answers."""
    bins = binning.columns.get(OUTCOME)
    return bins.scale if schema.task is Task.REGRESSION and isinstance(bins, NumericBins) else 1.0


def grouped(mass: Ints | Floats) -> Floats:
    """Add up rows by score bin, those below and above included, into the groups."""
    places = np.arange(len(mass)) * GROUPS // len(mass)
    return np.bincount(places, mass, GROUPS).astype(np.float64)


def profile_residuals(
    deltas: pa.Table, schema: ModelSchema, binning: Binning, segments: Sequence[str] = ()
) -> pa.Table:
    """Profile residuals by version, segment and hour; no pieces for a binary task, whose scores say it all.

    Args:
        deltas: as for `monitor.profile.profile_outcomes`.
        schema: the model's schema.
        binning: the model's bins.
        segments: names of features whose values are profiled apart.
    """
    bins = binning.columns.get(SCORE)
    if schema.task is Task.BINARY or not deltas.num_rows or not isinstance(bins, NumericBins):
        return PIECES.empty_table()
    slots, scores = numeric_slots(deltas[SCORE], bins)
    error, usable = _errors(deltas, schema)
    usable &= np.isfinite(scores)
    q = fixed.fixed(np.where(usable, error, 0.0), 0.0, scale_of(schema, binning))
    weights = np.stack([np.ones_like(q), *fixed.first(np.abs(q)), *fixed.first(q), *fixed.second(q)])
    weights *= usable * deltas["_sign"].to_numpy().astype(np.int64)
    place = np.clip(slots - bins.HEAD, 0, len(bins.edges)) * GROUPS // (len(bins.edges) + 1)
    groups = group(deltas, schema, binning, segments)
    block = np.zeros((len(groups.starts), GROUPS * WIDTH), dtype=np.int64)
    columns = place * WIDTH + np.arange(WIDTH)[:, None]
    np.add.at(block, (groups.group, columns[:, groups.rows]), weights[:, groups.rows])
    count = len(groups.starts)
    return pa.table(
        {
            "version": groups.version,
            "segment": groups.segment,
            "hour": pa.array(groups.hour).view(pa.timestamp("us", tz="UTC")),
            "column": [RESIDUALS] * count,
            "binning": [binning.id] * count,
            "counts": pa.array(list(block), pa.list_(pa.int64())),
            "minimum": np.full(count, np.inf),
            "maximum": np.full(count, -np.inf),
        },
        schema=PIECES,
    )


def _errors(deltas: pa.Table, schema: ModelSchema) -> tuple[Floats, Bools]:
    """Return the residual of each row, and whether it has a usable label and prediction."""
    if schema.task is Task.REGRESSION:
        label, no_label = numbers(deltas["_label"])
        prediction, no_prediction = numbers(deltas["_prediction"])
        usable = ~no_label & ~no_prediction & np.isfinite(label) & np.isfinite(prediction)
        return np.where(usable, prediction, 0.0) - np.where(usable, label, 0.0), usable
    if schema.task is Task.RANKING:
        return lost_gain(deltas, schema)
    label, prediction = (deltas[name].to_pylist() for name in ("_label", "_prediction"))
    pairs = list(zip(label, prediction, strict=True))
    usable = np.array([one in schema.classes and other in schema.classes for one, other in pairs])
    return np.array([float(one != other) for one, other in pairs]), usable


def lost_gain(batch: pa.Table, schema: ModelSchema) -> tuple[Floats, Bools]:
    """Return 1 − nDCG of each query of a ranking, and whether its label fits it."""
    queries, _ = judged(batch)
    lost = [0.0 if query is None else 1 - float(quality(query, schema.cutoff)[0]) for query in queries]
    return np.array(lost, dtype=np.float64), np.array([query is not None for query in queries], dtype=bool)

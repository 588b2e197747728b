"""What came of predictions: scores and predictions against labels, in counts and exact sums.

Layout of ``counts`` (int64):

- classification with K classes: unusable (the label is not a class), unpredicted (no usable prediction), the confusion
  matrix K × K by (label, prediction), scored (rows with usable scores), Σ Brier, Σ log-loss in units of 2^-24, then
  the score histogram by (class, is it not / is it this class, bin): the positive class in the binning's 1,000
  score bins for a binary task, one-vs-rest in 200 bins (narrower near 0 and 1, where such scores pile up) for the first
  twenty classes of a multiclass one.
- ranking: unusable (the label does not fit the candidates), unpredicted, then as `monitor.profile.ranking` says.
- regression: unusable (no finite label), unpredicted, n, then limbs (see `monitor.profile.fixed`) of Σe (2), Σe² (3),
  Σ|e| (2), Σy (2), Σy² (3), with e = prediction − label.

All of it adds elementwise, and subtracts where a label is taken back.
"""

import math
from dataclasses import dataclass

import numpy as np

from monitor.profile import fixed, ranking
from monitor.profile.binning import OUTCOME, SCORE, Binning, NumericBins
from monitor.profile.values import Floats, Ints
from monitor.types import ModelSchema, Task

UNUSABLE, UNPREDICTED, HEAD = 0, 1, 2
ONE_VS_REST = 20
_MULTICLASS_EDGES = np.round((1 - np.cos(np.linspace(0, np.pi, 201))) / 2, 9)  # the same on every machine
UNIT = 1 << 24
SUMS = fixed.FIRST + fixed.SECOND


@dataclass(frozen=True, eq=False)
class Outcome:
    """The mergeable summary of predictions with labels over any set of rows.

    Attributes:
        schema: the model's schema; its classes are the order of ``confusion``.
        bins: for regression, the center and scale of the sums.
        edges: the edges of the score histogram; empty for regression.
        counts: int64, laid out as the module says.
    """

    schema: ModelSchema
    bins: NumericBins | None
    edges: Floats
    counts: Ints

    @classmethod
    def of(cls, schema: ModelSchema, binning: Binning, counts: Ints) -> "Outcome":
        """Return the outcome that a vector of counters stands for.

        Raises:
            ValueError: the vector has another length than this task and these classes give.
        """
        if len(counts) != outcome_length(schema, binning):
            raise ValueError(f"{len(counts)} outcome counters; {schema.model} needs {outcome_length(schema, binning)}")
        bins = binning.columns.get(OUTCOME)
        return cls(schema, bins if isinstance(bins, NumericBins) else None, outcome_edges(schema, binning), counts)

    def __add__(self, other: "Outcome") -> "Outcome":
        """Return the outcome of both sets of rows; exact."""
        return self._with(self.counts + _same(self, other))

    def __sub__(self, other: "Outcome") -> "Outcome":
        """Return the outcome without the rows of ``other``; exact."""
        return self._with(self.counts - _same(self, other))

    def _with(self, counts: Ints) -> "Outcome":
        return Outcome(self.schema, self.bins, self.edges, counts)

    @property
    def rows(self) -> int:
        """How many predictions have a label, usable or not."""
        return self.unusable + self.unpredicted + self.judged

    @property
    def unusable(self) -> int:
        """How many labels are not a class of the model, or not a finite number."""
        return int(self.counts[UNUSABLE])

    @property
    def unpredicted(self) -> int:
        """How many good labels belong to a row without a usable prediction."""
        return int(self.counts[UNPREDICTED])

    @property
    def judged(self) -> int:
        """How many rows have a usable label and a usable prediction."""
        head = self.bins is not None or self.schema.task is Task.RANKING
        return int(self.counts[HEAD]) if head else int(self.confusion.sum())

    @property
    def confusion(self) -> Ints:
        """Rows by (label, prediction), int64 [K, K] in the order of the classes; [0, 0] for regression."""
        k = 0 if self.bins else len(self.schema.classes)
        return self.counts[HEAD : HEAD + k * k].reshape(k, k)

    @property
    def scored(self) -> int:
        """How many rows have a usable label and usable scores (probabilities)."""
        return int(self.counts[self._tail]) if self.schema.classes else 0

    @property
    def brier_sum(self) -> float:
        """Σ (p − y)² over the scored rows; over all classes for a multiclass task."""
        return float(self.counts[self._tail + 1] / UNIT)

    @property
    def log_loss_sum(self) -> float:
        """Σ −ln p(label) over the scored rows, in nats."""
        return float(self.counts[self._tail + 2] / UNIT)

    @property
    def score_counts(self) -> Ints:
        """Scored rows by (class, [it is another class, it is this class], score bin)."""
        return self.counts[self._tail + 3 :].reshape(-1, 2, max(1, len(self.edges) - 1))

    @property
    def _tail(self) -> int:
        return HEAD + len(self.schema.classes) ** 2

    def ranked(self, name: str) -> float:
        """Return a sum over the queries of a ranking: one of `ranking.COUNTS` or of `ranking.MEASURES`."""
        if name in ranking.COUNTS:
            return float(self.counts[HEAD + ranking.COUNTS.index(name)])
        return float(self.counts[HEAD + len(ranking.COUNTS) + ranking.MEASURES.index(name)] / UNIT)

    def moment(self, which: str) -> float:
        """Return a mean over the judged rows of a regression, in the target's unit (or its square).

        Args:
            which: ``error`` (mean of e), ``squared`` (of e²), ``absolute`` (of |e|) or ``variance`` (of the labels).

        Returns:
            The moment; NaN without rows, and infinite where a square is beyond all numbers (its `root` is not).
        """
        if self.bins is None or not self.judged:
            return math.nan
        if which in ("variance", "squared"):
            return self.root(which) * self.root(which)
        error, _, absolute, _, _ = self._sums
        total = fixed.joined({"error": error, "absolute": absolute}[which])
        return fixed.mean(total, self.judged, 0.0, self.bins.scale)

    def root(self, which: str) -> float:
        """Return the root of a moment that is a mean of squares, in the target's unit; NaN without rows.

        Args:
            which: ``squared`` or ``variance``; see `moment`.
        """
        if self.bins is None or not self.judged:
            return math.nan
        _, squared, _, label, label_squared = self._sums
        first, second = (label, label_squared) if which == "variance" else ((), squared)
        return math.sqrt(fixed.variance(fixed.joined(first), fixed.joined(second), self.judged)) * self.bins.scale

    @property
    def _sums(self) -> list[Ints]:
        """The limbs of Σe, Σe², Σ|e|, Σy and Σy² of a regression."""
        return np.split(self.counts[HEAD + 1 :], [2, 5, 7, 9])


def _same(one: Outcome, other: Outcome) -> Ints:
    if len(one.counts) != len(other.counts):
        raise ValueError("outcomes of different models or binnings do not add up")
    return other.counts


def outcome_edges(schema: ModelSchema, binning: Binning) -> Floats:
    """Return the edges of the score histogram: of the binning for a binary task, 200 for multiclass."""
    if schema.task is Task.BINARY:
        bins = binning.columns[SCORE]
        assert isinstance(bins, NumericBins)  # noqa: S101 - make_binning gives every score numeric bins
        return bins.edges
    return _MULTICLASS_EDGES if schema.task is Task.MULTICLASS else np.empty(0)


def outcome_length(schema: ModelSchema, binning: Binning) -> int:
    """Return how many counters the outcome of this model has."""
    if schema.task is Task.REGRESSION:
        return HEAD + 1 + 2 * SUMS + fixed.FIRST
    if schema.task is Task.RANKING:
        return HEAD + ranking.LENGTH
    k = len(schema.classes)
    told_apart = 1 if schema.task is Task.BINARY else min(k, ONE_VS_REST)
    return HEAD + k * k + 3 + told_apart * 2 * (len(outcome_edges(schema, binning)) - 1)

"""Hard faults: what a feed does when it breaks, seen in one chunk and told at once.

A fault needs two things: a tail area small enough for its share of the owner's budget, and a size that no stretch of
the reference came near. A fault of one row is no fault, however unlikely.
"""

from dataclasses import dataclass

import numpy as np

from monitor.detection.channels import arcsine
from monitor.detection.heavy import ENOUGH
from monitor.detection.null import MeanLaw
from monitor.detection.tails import from_deviance
from monitor.detection.tallies import Tallies
from monitor.profile.binning import NEW, CategoryBins
from monitor.profile.values import Bools, Floats, Ints

FAULTS = ("nulls", "retyped", "non_finite", "unseen", "range", "constant", "displaced")
"""Missing values; wrong types; NaN and infinities; new categories; beyond anything seen; stuck; far from its place."""

NEW_COLUMNS = "new_columns"
"""What the faults of the column `NEW` are called."""

_LEAPS = {"nulls": 0.05, "retyped": 0.01, "non_finite": 0.01, "unseen": 0.004, "range": 0.01}
_FEWEST = 4
_ANGLE = np.array([0.25])  # the variance of one row's angle
_CLOSEST = 0.05  # a law of extremes never claims to know the largest value of a day better than to 5 %
_TIMES, _DEVIATIONS = 3.0, 1.5  # displaced: three times farther than ever before, and by more than a deviation
_CERTAIN = 9.0
_STUCK_ROWS = 100
_SOME = 2


@dataclass(frozen=True, eq=False)
class FaultLaws:
    """What share of faulty rows and what extremes are ordinary for one column.

    Attributes:
        shares: by fault, the law of its share and the largest share that a reference chunk had.
        novelty: how likely a row of the reference's kind holds a value that the reference never held.
        low, high: laws of how far a chunk's least and greatest value lie from the middle.
        middle, spread: the reference's middle, and the distance that counts as one.
        alone: the largest share of a reference chunk's rows that held values which no other chunk held.
        stuck: whether chunks of the reference were constant, or all but.
        caution: how much larger than usual a fault has to be.
    """

    shares: dict[str, tuple[MeanLaw, float]]
    novelty: float
    low: MeanLaw | None
    high: MeanLaw | None
    middle: float
    spread: float
    alone: float
    stuck: bool
    caution: float

    @classmethod
    def fit(cls, tallies: Tallies) -> "FaultLaws":
        """Learn from the reference's chunks."""
        rows = tallies.rows
        nothing = np.zeros(len(rows), dtype=np.int64)
        shares = {}
        for name, part in _parts(tallies).items():
            law = MeanLaw.fit(arcsine(part, rows)[:, None], rows, _ANGLE, nothing)
            shares[name] = (law, float((part / np.maximum(rows, 1)).max(initial=0.0)))
        low = high = None
        middle, spread = _middle(tallies)
        some = tallies.present > 0
        if tallies.numeric and some.any():
            high = _extreme_law(_reach(tallies.maximum - middle, spread), some)
            low = _extreme_law(_reach(middle - tallies.minimum, spread), some)
        most = tallies.mass.max(axis=1) / np.maximum(tallies.present, 1)
        stuck = bool((tallies.minimum == tallies.maximum)[some].any() or (most[some] > _ALMOST).any())
        caution = 1.0 if some.sum() >= ENOUGH else _UNSURE
        alone = _alone(tallies)
        novelty = min(1.0, _novelty(tallies) + float(alone.mean()) if len(alone) else 1.0)
        farthest = float(alone.max(initial=0.0))
        return cls(shares, novelty, low, high, middle, spread, farthest, stuck or not some.any(), caution)

    def z(self, tallies: Tallies, location: MeanLaw | None, means: Floats, labels: Ints) -> Floats:
        """Return a z-score for each chunk and fault, [M, len(FAULTS)]; −inf where there is no sign of one."""
        found = np.full((len(tallies.counts), len(FAULTS)), -np.inf)
        rows, present = tallies.rows, tallies.present
        nothing = np.zeros(len(rows), dtype=np.int64)
        for name, part in _parts(tallies).items():
            law, most = self.shares[name]
            leapt = (part >= _FEWEST) & (part > (most + self.caution * _LEAPS[name]) * rows)
            if leapt.any():
                z = law.z(arcsine(part, rows), rows, nothing)[1]
                found[:, FAULTS.index(name)] = np.where(leapt, z, -np.inf)
        if isinstance(tallies.binning, CategoryBins):
            found[:, FAULTS.index("unseen")] = self._unseen(tallies)
        else:
            found[:, FAULTS.index("range")] = self._range(tallies)
            if location is not None:
                found[:, FAULTS.index("displaced")] = _displaced(location, means, present, labels)
        found[:, FAULTS.index("constant")] = np.where(self._constant(tallies), _CERTAIN, -np.inf)
        return found

    def _unseen(self, tallies: Tallies) -> Floats:
        unseen, present = tallies.mass[:, -1], tallies.present
        if tallies.column == NEW or not (isinstance(tallies.binning, CategoryBins) and tallies.binning.complete):
            return np.full(len(present), -np.inf)
        z = from_deviance(unseen.astype(np.float64), self.novelty * np.maximum(present, 1))
        return np.where(
            (unseen >= _FEWEST) & (unseen > (self.alone + self.caution * _LEAPS["unseen"]) * present), z, -np.inf
        )

    def _range(self, tallies: Tallies) -> Floats:
        if self.low is None or self.high is None:
            return np.full(len(tallies.counts), -np.inf)
        present = np.maximum(tallies.present, 1)
        one, nothing = np.ones(len(present), dtype=np.int64), np.zeros(len(present), dtype=np.int64)
        found = np.full(len(present), -np.inf)
        sides = (
            (self.low, tallies.mass[:, 0], self.middle - tallies.minimum),
            (self.high, tallies.mass[:, -1], tallies.maximum - self.middle),
        )
        for law, outside, distance in sides:
            leapt = (outside >= _FEWEST) & (outside > self.caution * _LEAPS["range"] * present)
            if leapt.any():
                z = law.z(_reach(np.where(leapt, distance, 0.0), self.spread), one, nothing)[1]
                found = np.maximum(found, np.where(leapt, z, -np.inf))
        return found

    def _constant(self, tallies: Tallies) -> Bools:
        enough = tallies.present >= _STUCK_ROWS
        if self.stuck:
            return np.zeros(len(enough), dtype=np.bool_)
        same = tallies.minimum == tallies.maximum if tallies.numeric else tallies.mass.max(axis=1) == tallies.present
        stuck: Bools = enough & same
        return stuck


_ALMOST = 0.7  # a chunk of the reference that was all but constant, so that a constant one is no wonder
_UNSURE = 5.0  # with few chunks of reference a fault has to be so much larger


def _parts(tallies: Tallies) -> dict[str, Ints]:
    """Return the faulty rows of each chunk by kind; for the column of new columns, the rows that carried any."""
    if tallies.column == NEW:
        return {"retyped": tallies.mass[:, 1]}
    parts = {"nulls": tallies.nulls, "retyped": tallies.retyped}
    return parts | {"non_finite": tallies.non_finite} if tallies.numeric else parts


def _novelty(tallies: Tallies) -> float:
    """Return how often a row of the reference's kind is expected to hold a value the reference never held.

    By Good and Turing it is the share of values seen once. Of the values that are not counted apart profiles do not
    tell that number; with V of them in R rows it is about V²/R, as for a geometric law of their frequencies.
    """
    bins, present = tallies.binning, int(tallies.present.sum())
    if not isinstance(bins, CategoryBins) or not present:
        return 1.0
    rare, rows = len(bins.known) - len(bins.values), int(tallies.mass[:, -2].sum())
    once = rare * rare / max(1, rows) + int((tallies.mass[:, :-2].sum(axis=0) == 1).sum())
    return min(1.0, (3.0 + once) / present)


def _alone(tallies: Tallies) -> Floats:
    """Return, by chunk, the share of its rows that hold values which no other chunk holds: new on their day, [K]."""
    if not isinstance(tallies.binning, CategoryBins) or len(tallies.counts) < _SOME:
        return np.zeros(len(tallies.counts))
    listed = tallies.mass[:, :-2]
    found: Floats = listed[:, (listed > 0).sum(axis=0) == 1].sum(axis=1) / np.maximum(tallies.present, 1)
    return found


def _middle(tallies: Tallies) -> tuple[float, float]:
    """Return the middle of the reference and the distance from it that counts as one, both from its bins."""
    if isinstance(tallies.binning, CategoryBins) or not len(tallies.binning.edges):
        return 0.0, 1.0
    edges, bins = tallies.binning.edges, tallies.mass[:, 1:-1].sum(axis=0)
    if not bins.sum():
        return float(edges.mean()), float(np.ptp(edges)) or 1.0
    reached = np.cumsum(bins) / bins.sum()
    cuts = [float(edges[min(int(np.searchsorted(reached, q)), len(edges) - 1)]) for q in (0.25, 0.5, 0.75)]
    return cuts[1], (cuts[2] - cuts[0]) or float(np.ptp(edges)) or 1.0


def _reach(distance: Floats, spread: float) -> Floats:
    """Return the logarithm of distances from the middle, counted in spreads; nearer than a hundredth is the same."""
    with np.errstate(over="ignore"):
        return np.log(np.clip(np.nan_to_num(distance / spread, nan=0.01), 0.01, 1e30))


def _extreme_law(reach: Floats, some: Bools) -> MeanLaw:
    nothing = np.zeros(int(some.sum()), dtype=np.int64)
    return MeanLaw.fit(reach[some][:, None], np.ones(len(nothing), dtype=np.int64), np.array([_CLOSEST**2]), nothing)


def _displaced(location: MeanLaw, means: Floats, present: Ints, labels: Ints) -> Floats:
    """Return z-scores of chunks that lie much farther from their place than any chunk of the reference did."""
    shift = location.shift(means[:, None], labels)[:, 0]
    far = (np.abs(shift) > _TIMES * location.reach) & (np.abs(shift) > _DEVIATIONS)
    return np.where(far & (present >= _STUCK_ROWS), np.maximum(*location.z(means, present, labels)), -np.inf)

"""The laws of one column, and its z-scores in each channel: where it lies, how it is shaped, what is missing."""

from dataclasses import dataclass, replace

import numpy as np

from monitor.detection.channels import (
    anderson_darling,
    arcsine,
    category_angles,
    displacement,
    hellinger,
    mean_score,
    normal_scores,
)
from monitor.detection.distance import DistanceLaw, LargestLaw
from monitor.detection.faults import FaultLaws
from monitor.detection.heavy import ENOUGH
from monitor.detection.null import MeanLaw
from monitor.detection.tallies import Tallies
from monitor.profile.distinct import distinct_values
from monitor.profile.values import Floats, Ints

CHANNELS = ("down", "up", "shape", "nulls", "down_beside", "up_beside")
"""For numbers; the last two are told beside other columns. Categories have no direction: ``up`` is the category that
moved most, and ``down`` is not there."""

FEWEST = 30
"""Usable values below which a chunk says nothing about where a column lies."""

_DRAWS = 200
_ANGLE = 0.25


@dataclass(frozen=True, eq=False)
class ColumnLaws:
    """What one column does when nothing is wrong.

    Attributes:
        column: its name.
        scores: the score of each slot, [S]; None for categories.
        values: the value of each bin of a column with few values; None for others.
        mass: the reference's rows by slot and label, [L, S].
        location: law of the mean score, or of each category's angle; None where the reference holds too little.
        largest: of the category that moved most; None for numbers.
        shape: law of the distance.
        nulls: law of the share of nulls.
        faults: laws of hard faults.
        chunks: how many chunks of the reference held enough values.
    """

    column: str
    scores: Floats | None
    values: Floats | None
    mass: Ints
    location: MeanLaw | None
    largest: LargestLaw | None
    shape: DistanceLaw | None
    nulls: MeanLaw
    faults: FaultLaws
    chunks: int

    @classmethod
    def fit(cls, tallies: Tallies, labels: Ints, seed: int = 0) -> "ColumnLaws":
        """Learn from the reference's chunks, [K], with their labels, [K]."""
        enough = tallies.present >= FEWEST
        nulls = MeanLaw.fit(arcsine(tallies.nulls, tallies.rows)[:, None], tallies.rows, np.array([_ANGLE]), labels)
        faults = FaultLaws.fit(tallies)
        useful, own = tallies.take(np.flatnonzero(enough)), labels[enough]
        member = (own[:, None] == np.arange(int(labels.max(initial=0)) + 1)).astype(np.int64)
        mass = member.T @ useful.mass
        chunks = int(enough.sum())
        if enough.sum() < 1 or np.count_nonzero(mass.sum(axis=0)) < 2:
            return cls(tallies.column, None, None, mass, None, None, None, nulls, faults, chunks)
        scores = normal_scores(mass.sum(axis=0)) if tallies.numeric else None
        values = distinct_values(tallies.binning)
        location = _location(useful, scores, values, own)
        largest = LargestLaw.fit(location) if scores is None else None
        laws = cls(tallies.column, scores, values, mass, location, largest, None, nulls, faults, chunks)
        return replace(laws, shape=laws._shape(useful, own, seed))

    def z(self, tallies: Tallies, labels: Ints) -> tuple[Floats, Floats]:
        """Return z-scores of chunks: [M, len(CHANNELS)], NaN where they say nothing, and [M, len(FAULTS)].

        Args:
            tallies: M chunks of the column in the reference's bins.
            labels: what they are matched by, [M].
        """
        found = np.full((len(tallies.counts), len(CHANNELS)), np.nan)
        present = np.where(tallies.present >= FEWEST, tallies.present, 0)
        found[:, 3] = self.nulls.z(arcsine(tallies.nulls, tallies.rows), tallies.rows, labels)[1]
        if self.location is None or self.shape is None:
            return found, self.faults.z(tallies, None, found[:, 0], labels)
        found[:, 2] = self.shape.z(self._distance(tallies.mass, self._shares(labels)), present)
        if self.largest is not None:
            found[:, 1] = self.largest.z(self.location.sizes(category_angles(tallies), present, labels))
        if self.scores is None:
            return found, self.faults.z(tallies, None, found[:, 0], labels)
        means = _means(tallies, self.scores, self.values)
        found[:, 0], found[:, 1] = self.location.z(means, present, labels)
        return found, self.faults.z(tallies, self.location, means, labels)

    def check(self, tallies: Tallies) -> None:
        """Refuse a column that is counted otherwise than in the reference.

        Raises:
            ValueError: its bins are others.
        """
        if tallies.mass.shape[1] != self.mass.shape[1]:
            raise ValueError(
                f"{self.column!r} has {tallies.mass.shape[1]} bins and its reference {self.mass.shape[1]}; "
                "profile the chunk again in the bins of the reference"
            )

    def with_excess(self, tallies: Tallies, labels: Ints, excess: float) -> "ColumnLaws":
        """Return the laws of a column of numbers with that much variance between chunks; see `MeanLaw.fit`.

        Args:
            tallies: the reference's chunks, [K].
            labels: what they are matched by, [K].
            excess: the variance between chunks, as a share of that of sampling.
        """
        enough = tallies.present >= FEWEST
        useful = tallies.take(np.flatnonzero(enough))
        return replace(self, location=_location(useful, self.scores, self.values, labels[enough], excess))

    def alike(self, label: int) -> Floats | None:
        """Return the reference's shares that chunks with a label are compared with, [S]; None where all are alike."""
        if self._draw <= 0 or label >= len(self.mass) or not self.mass[label].any():
            return None
        shares: Floats = self._shares(np.array([label]))[0]
        return shares

    @property
    def known(self) -> float:
        """From how many chunks its variance was learned; ever so many where sampling alone explains it."""
        return self.location.known if self.location is not None and self.scores is not None else float(self.chunks)

    @property
    def restless(self) -> bool:
        """Whether it is a column of numbers whose chunks differ by more than their rows explain."""
        return self.scores is not None and self.location is not None and not self.location.plain

    def _shares(self, labels: Ints) -> Floats:
        """Return the reference's shares that chunks with these labels are compared with, [M, S]."""
        whole = self.mass.sum(axis=0)
        return _drawn(whole / whole.sum(), self.mass, self._draw)[np.where(labels < len(self.mass), labels, 0)]

    @property
    def _draw(self) -> float:
        return float(self.location.matching.draw.mean()) if self.location is not None else 0.0

    def _distance(self, mass: Ints, shares: Floats) -> Floats:
        return anderson_darling(mass, shares) if self.scores is not None else hellinger(mass, shares)

    def _shape(self, tallies: Tallies, labels: Ints, seed: int) -> DistanceLaw:
        """Learn the law of the distance of each of the reference's chunks from all the others."""
        mass, present = tallies.mass, tallies.present
        whole = self.mass.sum(axis=0)
        shares = whole / whole.sum()
        draws = np.empty(0)
        if len(present) < ENOUGH:
            drawn = np.random.default_rng(seed).multinomial(int(np.median(present)), shares, _DRAWS)
            draws = self._distance(drawn, shares)
            draws = draws / draws.mean()
        if len(present) == 1:
            return DistanceLaw.fit(np.empty(0), np.empty(0, dtype=np.int64), self._sampling(shares), draws)
        rest = whole - mass
        others = rest / np.maximum(rest.sum(axis=1, keepdims=True), 1)
        own = self.mass[labels] - mass
        size = own.sum(axis=1, keepdims=True)
        others = np.where(size > 0, others + self._draw * (own / np.maximum(size, 1) - others), others)
        return DistanceLaw.fit(self._distance(mass, others), present, self._sampling(shares), draws)

    def _sampling(self, shares: Floats) -> float:
        """Return the distance that one row is expected to have by sampling alone."""
        if self.scores is None:
            return max(0.25, (np.count_nonzero(shares > 0) - 1) / 4)
        below = np.cumsum(shares)
        return max(1e-6, float(shares[below * (1 - below) > 1e-9].sum()))


def _drawn(whole: Floats, mass: Ints, draw: float) -> Floats:
    size = mass.sum(axis=1, keepdims=True)
    return np.where(size > 0, whole + draw * (mass / np.maximum(size, 1) - whole), whole)


def _means(tallies: Tallies, scores: Floats, values: Floats | None) -> Floats:
    means = mean_score(tallies, scores)
    return means if values is None else means + displacement(tallies, values)


def _location(
    tallies: Tallies, scores: Floats | None, values: Floats | None, labels: Ints, excess: float | None = None
) -> MeanLaw:
    if scores is None:
        angles = category_angles(tallies)
        return MeanLaw.fit(angles, tallies.present, np.full(angles.shape[1], _ANGLE), labels)
    share = tallies.mass.sum(axis=0) / tallies.present.sum()
    variance = float(share @ scores**2 - (share @ scores) ** 2)
    means = _means(tallies, scores, values)[:, None]
    return MeanLaw.fit(means, tallies.present, np.array([variance]), labels, excess=excess, sided=True)

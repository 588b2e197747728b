"""Made models of 20 or 50 columns, drawn as counts: chunks of any size cost the same.

Numeric columns are normal, in 240 bins of equal share; some are discrete, some lack values, some are categories with a
Zipf law. A chunk is one multinomial draw a column.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm

from monitor.detection import Batch, Tallies
from monitor.profile.binning import Bins, CategoryBins, NumericBins
from monitor.profile.distinct import distinct_values
from monitor.profile.fixed import FIRST, SECOND, first, fixed
from tests.benchmarks.streams.coded import days
from tests.benchmarks.streams.stream import Floats

BINS = 240


@dataclass(frozen=True, eq=False)
class Column:
    """One made column: its bins, and the probability of each of its counters but the moments."""

    bins: Bins
    shares: Floats

    def shifted(self, deviations: float) -> "Column":
        """Return a continuous column whose values are all larger by so many standard deviations."""
        cuts = norm.ppf(np.cumsum(self.shares[NumericBins.HEAD :]).clip(0, 1)) - deviations
        inside = np.diff(np.concatenate([[0.0], norm.cdf(cuts[:-1]), [1.0]]))
        present = self.shares[NumericBins.HEAD :].sum()
        return replace(self, shares=np.concatenate([self.shares[: NumericBins.HEAD], inside * present]))


@dataclass(frozen=True, eq=False)
class Made:
    """J made columns, by name; ``continuous`` names those that can be shifted."""

    columns: dict[str, Column]
    continuous: tuple[str, ...]

    def batch(self, rng: np.random.Generator, rows: int, chunks: int, first: int = 0) -> Batch:
        """Draw chunks of so many rows."""
        tallies = {name: _draw(name, column, rng, rows, chunks) for name, column in self.columns.items()}
        return Batch(days(chunks, first), tallies)

    def shifted(self, name: str, deviations: float) -> "Made":
        """Return the model with one column shifted."""
        return replace(self, columns=self.columns | {name: self.columns[name].shifted(deviations)})


def made(columns: int, seed: int) -> Made:
    """Return a made model: of every ten columns six continuous, one discrete and three categories."""
    rng = np.random.default_rng(seed)
    found: dict[str, Column] = {}
    for at in range(columns):
        name, kind = f"c{at:02}", at % 10
        if kind < 6:
            shares = np.full(BINS, 1 / BINS)
            nulls = 0.1 if kind == 5 else 0.0
            found[name] = _numeric(shares, norm.ppf(np.linspace(1e-7, 1 - 1e-7, BINS + 1)), nulls)
        elif kind == 6:
            values = int(rng.integers(2, 12))
            found[name] = _numeric(
                rng.dirichlet(np.ones(values)), np.concatenate([[0], np.arange(1, values) - 0.5, [values - 1]]), 0.0
            )
        else:
            values = int(np.exp(rng.uniform(np.log(3), np.log(50))))
            share = 1 / np.arange(1, values + 1) ** rng.uniform(0.5, 1.5)
            names = tuple(f"v{value}" for value in range(values))
            shares = np.concatenate([[0, 0], share / share.sum(), [0, 0]])
            found[name] = Column(CategoryBins(names, frozenset(names)), shares)
    return Made(found, tuple(name for name in found if int(name[1:]) % 10 < 5))


def _numeric(shares: Floats, edges: Floats, nulls: float) -> Column:
    head = np.zeros(NumericBins.HEAD + 1)
    head[0] = nulls
    return Column(NumericBins(edges, 0.0, 1.0), np.concatenate([head, shares * (1 - nulls), [0.0]]))


def _draw(name: str, column: Column, rng: np.random.Generator, rows: int, chunks: int) -> Tallies:
    drawn = rng.multinomial(rows, column.shares / column.shares.sum(), chunks)
    counts = np.zeros((chunks, column.bins.length), dtype=np.int64)
    counts[:, : drawn.shape[1]] = drawn
    low, high = np.full(chunks, np.inf), np.full(chunks, -np.inf)
    values = distinct_values(column.bins)
    if values is not None:
        for at, limb in enumerate(first(fixed(values, 0.0, 1.0))):
            counts[:, at - FIRST - SECOND] = drawn[:, NumericBins.HEAD + 1 : -1] @ limb
    if isinstance(column.bins, NumericBins):
        mass = drawn[:, NumericBins.HEAD + 1 : -1] > 0
        edges = column.bins.edges
        low = edges[np.argmax(mass, axis=1)]
        high = edges[mass.shape[1] - np.argmax(mass[:, ::-1], axis=1)]
    return Tallies(name, column.bins, counts, low, high)

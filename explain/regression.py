"""From the odd part of coalitions to Shapley values by one regression, and how sure they are.

What a coalition is worth beyond its complement, halved, is the game's odd part: all that Shapley values depend on. It
is a sum over players and over groups of three, five, … players. The first are fitted as they come; groups of three get
a prior (`explain.prior`); the rest is noise, and counts by Shapley's kernel, so that the values tend to the true ones
whatever the prior.

How far the values are off has three parts. What the prior leaves open of groups of three. The noise: no coalition is
asked twice, so it is no error of measurement but what the regression does not know of the coalitions that were not
asked, and sizes that were asked whole have none; how large it is, is seen size by size in what the regression left.
And that groups of five hang together while noise does not, so that a model of noise alone is too sure. What the values
move by when one coalition is left out, the jackknife, knows of no model, but is too wide where the regression is
flexible; it counts a tenth.
"""

from dataclasses import dataclass
from functools import cached_property
from math import comb

import numpy as np

from explain.coalitions import Matrix, Members, weights
from explain.deck import Deck
from explain.prior import Prior
from explain.solve import Fit

JACKKNIFE = 0.1
"""How much the jackknife's variance counts beside the model's."""

ASKED_OF_OTHERS = 5
"""By how many coalitions of other sizes the noise of one size is told, beside its own."""


class Design:
    """The coalitions that were asked, and how they count.

    ``sizes`` are those that were asked; ``signs`` are +1 for members and −1 for others, [n, players]; ``noise`` is the
    relative variance of each coalition's noise, [n]; ``asked`` how much of its size was asked, up to 1, [n]. The last
    coalition is all players.
    """

    def __init__(self, members: Members, deck: Deck) -> None:
        self.players: int = members.shape[1]
        self.sizes, place, asked = np.unique(members.sum(axis=1), return_inverse=True, return_counts=True)
        self.there = deck.there[self.sizes - 1]
        # Shapley's kernel of a coalition over how likely it was to be dealt.
        kernel = np.array([self._kernel(size) for size in self.sizes.tolist()])
        share = (asked / self.there)[place]
        noise = share / kernel[place]
        self.of_size: Matrix = np.vstack([np.eye(len(self.sizes))[place], np.zeros(len(self.sizes))])
        """Which coalition is of which size, [n, sizes]; all players are of none."""
        # All players against none is known, and is met.
        self.noise = np.append(noise / np.median(noise), 1e-9)
        self.asked = np.append(share, 1.0)
        self.signs = np.where(np.vstack([members, np.ones((1, self.players), np.bool_)]), 1.0, -1.0)
        self.counts: Matrix = np.concatenate([2 * weights(members), np.zeros((1, self.players))])
        """How much the odd part of each counts in the values by their definition, [n, players]."""

    def _kernel(self, size: int) -> float:
        return 1 / (comb(self.players, size) * size * (self.players - size))

    def counted(self, sums: Matrix) -> Matrix:
        """Return the sum over all coalitions of a size of how much they count, squared, for sums of players.

        Args:
            sums: which players are added up, [players, sums].

        Returns:
            For each of ``sizes``, [sizes, sums].
        """
        players, size = self.players, self.sizes
        joins, leaves = (
            1 / (players * np.array([comb(players - 1, count) for count in counts], dtype=np.float64))
            for counts in ((size - 1).tolist(), size.tolist())
        )
        one = self.there * 4 * (size * joins**2 + (players - size) * leaves**2) / players
        # Over a size, what players count adds up to nothing, and any two of them are alike.
        apart = (sums**2).sum(axis=0) - sums.sum(axis=0) ** 2 / players
        return np.asarray(np.outer(one * players / (players - 1), apart))


@dataclass(frozen=True)
class Regression:
    """Takes the odd part of coalitions to the players' values: ``values @ odd``, [players, n].

    ``residual`` @ odd @ odd over ``freedom`` is the noise's variance; times it, ``unsure`` is how the values vary given
    what is known, [players, players], were noise no part of the game.
    """

    design: Design
    values: Matrix
    residual: Matrix
    unsure: Matrix

    @property
    def freedom(self) -> int:
        """How many coalitions there are more than players."""
        return int(len(self.residual) - self.design.players)

    @cached_property
    def free(self) -> Matrix:
        """How much of each coalition's own noise the regression leaves, up to 1, [n]: 1 less its leverage."""
        return np.asarray(self.design.noise * np.diag(self.residual))

    def fit(self, odd: Matrix, sums: Matrix) -> Fit:
        """Return sums of players' values and their variances; see above.

        Args:
            odd: what the coalitions are worth beyond their complements, halved, [n].
            sums: which players are added up, [players, sums].
        """
        design, weighs = self.design, self.values.T @ sums
        level = max(float(odd @ self.residual @ odd), 0.0) / self.freedom  # rounding takes it below nothing
        usual = level * design.noise
        left, seen = design.noise * (self.residual @ odd), self.free > 1e-9
        # Unbiased for the noise of each coalition; and what it is off by if told from all others.
        own = np.divide(left**2, self.free, out=usual.copy(), where=seen)
        off = np.divide(own, self.free, out=usual.copy(), where=seen)
        groups = level * ((self.unsure @ sums) * sums).sum(axis=0) - usual @ weighs**2
        model = np.maximum(groups, 0) + self._of_noise(own, usual, weighs, sums)
        jackknife = (off * (1 - design.asked)) @ weighs**2
        return Fit(odd @ weighs, (1 - JACKKNIFE) * model + JACKKNIFE * jackknife)

    def _of_noise(self, own: Matrix, usual: Matrix, weighs: Matrix, sums: Matrix) -> Matrix:
        """Return the variance that noise gives: it is part of what coalitions are worth, so those asked have none."""
        design, of_size = self.design, self.design.of_size
        times = of_size.sum(axis=0)
        noise = (own @ of_size + ASKED_OF_OTHERS * (usual @ of_size) / times) / (times + ASKED_OF_OTHERS)
        asked = of_size.T @ (weighs**2 - 2 * weighs * (design.counts @ sums))
        return np.asarray(noise @ np.maximum(asked + design.counted(sums), 0))


def regression(prior: Prior, design: Design) -> Regression:
    """Regress on players, and on groups of three with a prior.

    It is universal kriging: least squares for what has no prior (Cressie 1993, section 3.4).
    """
    signs = design.signs
    inverse = np.linalg.inv(prior.covariance(signs) + np.diag(design.noise))
    precision = inverse @ signs
    normal = np.linalg.inv(signs.T @ precision)
    residual = inverse - precision @ normal @ precision.T
    # A player's value is twice its own coefficient, and two thirds of those of its groups of three.
    groups = 2 / 3 * prior.by_player(signs)
    values = 2 * normal @ precision.T + groups.T @ residual
    left = 2 * np.eye(design.players) - groups.T @ precision
    unsure = prior.values() - groups.T @ inverse @ groups + left @ normal @ left.T
    return Regression(design, np.asarray(values), np.asarray(residual), np.asarray(unsure))

"""Shapley values of a game with one background, from coalitions and their complements, by one regression.

What a coalition is worth beyond its complement, halved, is the game's odd part: all that Shapley values depend on. It
is a sum over players and over groups of three, five, … players. The first are fitted as they come; groups of three get
a prior, by which those of players that matter much are expected to matter more; the rest is noise. Coalitions are drawn
as Leverage SHAP does (Musco and Witter 2024, arXiv 2410.01917): in pairs, as many of every size, none twice, and count
by Shapley's kernel, so that the values tend to the true ones whatever the prior. The prior's strength is chosen by the
likelihood (REML). Fitting groups of three in polynomials of the players is Fumagalli et al. 2026, arXiv 2601.18608.
"""

from dataclasses import dataclass
from math import comb

import numpy as np

from explain.coalitions import Matrix, Members
from explain.game import Game
from explain.solve import Fit
from monitor.errors import InvalidInput

MOST_PAIRS = 400
"""Solving takes the cube of it."""

SEARCHED = 200
"""Up to so many pairs, the prior is chosen anew with each wave."""

PRIORS = [(heredity, strength) for heredity in (0.5, 1.0, 2.0) for strength in (1.0, 10.0, 100.0)]
"""The priors tried, beside none. Heredity is the power of a player's value that says how much it matters in groups."""


class Deck:
    """Coalitions of up to half of the players, from each size as many, none twice."""

    def __init__(self, players: int, rng: np.random.Generator) -> None:
        self._players, self._rng = players, rng
        self.sizes = np.arange(1, players // 2 + 1)
        # Of the coalitions of half of the players, the complements are such themselves: those with player 0 are dealt.
        self._half = self.sizes * 2 == players
        self.there = np.array([comb(players, size) for size in self.sizes.tolist()], dtype=np.float64)
        self.there[self._half] /= 2
        self.dealt = np.zeros(len(self.sizes), dtype=np.intp)
        self._seen: set[bytes] = set()

    def deal(self, total: int) -> Members:
        """Return new coalitions, so that about ``total`` were dealt in all; [n, players]."""
        wanted = self._shares(total)
        dealt = [self._of_size(at, int(count)) for at, count in enumerate(wanted - self.dealt) if count > 0]
        self.dealt = np.maximum(wanted, self.dealt)
        return np.concatenate([np.empty((0, self._players), np.bool_), *dealt])

    def _shares(self, total: int) -> "np.ndarray[tuple[int], np.dtype[np.intp]]":
        """Return how many of each size: the same for all, but for sizes that have fewer; whole numbers."""
        weight = np.where(self._half, 0.5, 1.0)
        level = total / weight.sum()
        for _ in self.sizes:  # what full sizes leave goes to the others
            full = level * weight >= self.there
            if full.all():
                break
            level = (total - self.there[full].sum()) / weight[~full].sum()
        share = np.minimum(level * weight, self.there)
        return np.diff(np.floor(np.concatenate([[0], share.cumsum()]) + 0.5)).astype(np.intp).clip(max=self.there)

    def _of_size(self, at: int, count: int) -> Members:
        size = int(self.sizes[at])
        found: list[Members] = []
        while len(found) < count:
            chosen = self._rng.random((max(16, 2 * count), self._players)).argsort(axis=1) < size
            if self._half[at]:
                chosen = np.where(chosen[:, :1], chosen, ~chosen)
            for coalition in chosen:
                key = coalition.tobytes()
                if key not in self._seen and len(found) < count:
                    self._seen.add(key)
                    found.append(coalition)
        return np.array(found)


@dataclass(frozen=True, slots=True)
class Prior:
    """What groups of three players are expected to be worth. ``matter`` is how much each player does in them, up to 1.

    ``strength`` is the variance of all groups together, as a share of the noise's.
    """

    matter: Matrix
    strength: float

    @property
    def each(self) -> float:
        """The variance of a group whose players all matter most."""
        one, two, three = (float((self.matter**power).sum()) for power in (1, 2, 3))
        return self.strength / max((one**3 - 3 * one * two + 2 * three) / 6, 1e-300)

    def covariance(self, signs: Matrix) -> Matrix:
        """Return how coalitions' groups vary together, [n, n]: the third symmetric polynomial, by Newton's identity."""
        weighted = signs * self.matter
        shared = weighted @ signs.T
        cubes = (weighted * self.matter**2) @ signs.T
        groups = shared * (shared**2 - 3 * float((self.matter**2).sum())) / 6 + cubes / 3
        return np.asarray(self.each * groups)

    def by_player(self, signs: Matrix) -> Matrix:
        """Return how each player's groups vary with the coalitions, [n, players]."""
        weighted = signs * self.matter
        joined = weighted.sum(axis=1, keepdims=True)
        others = (joined**2 - float((self.matter**2).sum())) / 2 - weighted * (joined - weighted)
        return np.asarray(self.each * weighted * others)

    def values(self) -> Matrix:
        """Return how the players' values vary with their groups, [players, players]."""
        matter, one, two = self.matter, float(self.matter.sum()), float((self.matter**2).sum())
        rest = one - matter
        own = matter * (rest**2 - (two - matter**2)) / 2
        both = np.outer(matter, matter) * (one - matter[:, None] - matter[None, :])
        np.fill_diagonal(both, own)
        return 4 / 9 * self.each * both


def likelihood(prior: Prior, signs: Matrix, noise: Matrix, odd: Matrix) -> float:
    """Return the restricted log likelihood of what coalitions are worth, up to a constant.

    Args:
        prior: of groups of three.
        signs: +1 for members and −1 for others, [n, players].
        noise: the relative variance of each coalition's noise, [n].
        odd: what the coalitions are worth beyond their complements, halved, [n].
    """
    root = np.linalg.cholesky(prior.covariance(signs) + np.diag(noise))
    white = np.linalg.solve(root, np.column_stack([signs, odd]))
    # The last entry of the triangle is what players do not explain; the others' product is what fitting them costs.
    triangle = np.abs(np.diag(np.linalg.qr(white, mode="r")))
    freedom = len(odd) - signs.shape[1]
    logs = np.log(np.maximum(triangle, 1e-150))
    return float(-freedom * logs[-1] - np.log(np.diag(root)).sum() - logs[:-1].sum())


@dataclass(frozen=True, slots=True)
class Solver:
    """Takes the odd part of coalitions to the players' values: ``values @ odd``, [players, n].

    ``residual`` @ odd @ odd over ``freedom`` is the noise's variance; times it, ``unsure`` is how the values vary given
    what is known, [players, players].
    """

    values: Matrix
    residual: Matrix
    unsure: Matrix
    freedom: int


def solver(prior: Prior, signs: Matrix, noise: Matrix) -> Solver:
    """Regress on players, and on groups of three with a prior; see `likelihood` for the arguments.

    It is universal kriging: least squares for what has no prior (Cressie 1993, section 3.4).
    """
    inverse = np.linalg.inv(prior.covariance(signs) + np.diag(noise))
    precision = inverse @ signs
    normal = np.linalg.inv(signs.T @ precision)
    residual = inverse - precision @ normal @ precision.T
    # A player's value is twice its own coefficient, and two thirds of those of its groups of three.
    groups = 2 / 3 * prior.by_player(signs)
    values = 2 * normal @ precision.T + groups.T @ residual
    left = 2 * np.eye(signs.shape[1]) - groups.T @ precision
    unsure = prior.values() - groups.T @ inverse @ groups + left @ normal @ left.T
    return Solver(values, residual, unsure, len(noise) - signs.shape[1])


class Pairs:
    """The coalitions asked so far, and what follows from them."""

    background_rows = 1

    def __init__(self, game: Game, budget: int, rng: np.random.Generator) -> None:
        least = game.size + game.size // 2 + 4
        room = (budget - game.asked) // 2
        if room < least:
            raise InvalidInput(
                f"{game.size} features need at least {game.asked + 2 * least:,} model rows, and rows is {budget:,}; "
                "raise it"
            )
        self._game, self._deck = game, Deck(game.size, rng)
        self._most = min(room, MOST_PAIRS)
        self._first = min(self._most, max(3 * game.size, 48))
        self._members = np.empty((0, game.size), np.bool_)
        self._odd = np.empty((0, len(game.usual)))
        self._prior: Prior | None = None

    @property
    def coalitions(self) -> int:
        """How many coalitions were asked."""
        return 2 * len(self._members)

    def improve_until(self, tolerance: float) -> None:
        """Ask until the relative error is within ``tolerance``, or as many as the budget and solving allow."""
        total = self._most if not tolerance else self._first
        while True:
            self._ask(total)
            if total >= self._most or self._game.relative_error(self.fit(self._game.output)) <= tolerance:
                return
            total = min(total * 3 // 2, self._most)

    def _ask(self, total: int) -> None:
        members = self._deck.deal(total)
        worth = self._game.worth(np.concatenate([members, ~members]), np.zeros(2 * len(members), np.intp))
        self._members = np.concatenate([self._members, members])
        self._odd = np.concatenate([self._odd, (worth[: len(members)] - worth[len(members) :]) / 2])
        self._design()
        self._solver = self._chosen()

    def _design(self) -> None:
        sizes = self._members.sum(axis=1)
        share = (self._deck.dealt / self._deck.there)[sizes - 1]
        # Shapley's kernel of a coalition over how likely it was to be dealt.
        weight = np.array(
            [1 / (comb(self._game.size, size) * size * (self._game.size - size)) for size in sizes.tolist()]
        )
        noise = share / weight
        # All players against none is known, and is met.
        self._noise = np.append(noise / np.median(noise), 1e-9)
        self._signs = np.where(np.vstack([self._members, np.ones((1, self._game.size), np.bool_)]), 1.0, -1.0)

    def _known(self, output: int) -> Matrix:
        total = self._game.prediction[output] - self._game.usual[output]
        return np.append(self._odd[:, output], total / 2)

    def _chosen(self) -> Solver:
        if len(self._members) <= SEARCHED or self._prior is None:
            self._prior = self._likeliest()
        return solver(self._prior, self._signs, self._noise)

    def _likeliest(self) -> Prior:
        known = self._known(self._game.output)
        plain = Prior(np.ones(self._game.size), 0.0)
        values = np.abs(solver(plain, self._signs, self._noise).values @ known)
        matter = values / max(float(values.max()), 1e-300)
        priors = [Prior(np.maximum(matter**heredity, 1e-3), strength) for heredity, strength in PRIORS]
        return max([plain, *priors], key=lambda prior: likelihood(prior, self._signs, self._noise, known))

    def fit(self, output: int, sums: Matrix | None = None) -> Fit:
        """Return the values of one output, or sums of them , and how they vary given what was asked."""
        known = self._known(output)
        weighs, unsure = self._solver.values.T, self._solver.unsure
        if sums is not None:
            weighs, unsure = weighs @ sums, sums.T @ unsure @ sums
        values = known @ weighs
        gap = float(self._game.prediction[output] - self._game.usual[output] - values.sum()) / len(values)
        left = max(float(known @ self._solver.residual @ known), 0.0)  # rounding takes it below where nothing is left
        noise = left / self._solver.freedom
        return Fit(values + gap, noise * np.maximum(np.diag(unsure), 0))


def weigh(one: Fit, other: Fit) -> Fit:
    """Return the mean of two independent estimates, each counting by how sure it is.

    >>> weigh(Fit(np.array([1.0]), np.array([1.0])), Fit(np.array([4.0]), np.array([2.0])))
    Fit(values=array([2.]), variances=array([0.66666667]))
    """
    first, second = float(one.variances.sum()), float(other.variances.sum())
    share = second / (first + second) if first + second else 0.5
    return Fit(
        share * one.values + (1 - share) * other.values,
        share**2 * one.variances + (1 - share) ** 2 * other.variances,
    )

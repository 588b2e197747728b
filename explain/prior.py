"""What groups of three players are expected to be worth, and how likely an expectation is by what was asked.

Groups of three get a prior by which those of players that matter much are expected to matter more. Its strength is
chosen by the restricted likelihood (REML). Fitting groups of three in polynomials of the players is Fumagalli et al.
2026, arXiv 2601.18608.
"""

from dataclasses import dataclass

import numpy as np

from explain.coalitions import Matrix

PRIORS = [(heredity, strength) for heredity in (0.5, 1.0, 2.0) for strength in (1.0, 10.0, 100.0)]
"""The priors tried, beside none. Heredity is the power of a player's value that says how much it matters in groups."""


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

"""Shapley values from pairs of coalitions: weighted least squares with the sum held, and how sure they are.

With signs ε (+1 for a player in the coalition, −1 for one that is not), half the difference between what a coalition
and its complement are worth is Σ ε·φ/2 in a game without interactions of odd order, and the least squares fit of that
with the Shapley kernel's weights is the Shapley value in every game (Charnes et al. 1988; Covert and Lee 2021).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]

SINGULAR = 1e-10
"""Directions in which the pairs say less than this, relative to the others, are left at 0."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What the regression found.

    ``values`` [players] are the Shapley values, adding up to the given total; ``slope`` is the control's factor;
    ``residuals`` [n] are what each pair deviates; ``influence`` [n, players] is how much each value moves for one unit
    in each pair's target; ``leverage`` [n] is how much a pair determines its own fitted value.
    """

    values: Vector
    slope: float
    residuals: Vector
    influence: Matrix
    leverage: Vector


def solve(
    members: npt.NDArray[np.bool_], targets: Vector, weights: Vector, total: float, control: Vector | None = None
) -> Fit:
    """Fit the values.

    Args:
        members: the pairs, each by one of its coalitions, [n, players].
        targets: half the difference of worth between coalition and complement, [n].
        weights: of the pairs in the sum of squares, [n].
        total: what the values add up to.
        control: something whose expectation is 0 in each pair and that explains a part of the targets' noise, [n].

    >>> members = np.eye(3, dtype=bool)
    >>> worth = np.array([1.0, 2.0, 4.0])
    >>> fit = solve(members, np.where(members, worth, -worth).sum(axis=1) / 2, np.ones(3), worth.sum())
    >>> fit.values.round(9).tolist()
    [1.0, 2.0, 4.0]
    """
    players = members.shape[1]
    signs = np.where(members, 0.5, -0.5)
    equal = total / players
    # Without its mean over the players, a direction that would change the total carries no weight.
    design = signs - signs.mean(axis=1, keepdims=True)
    scale = 0.0
    if control is not None:
        scale = float(np.sqrt(weights @ control**2))
        if scale <= SINGULAR * float(np.sqrt(weights @ targets**2)):
            scale = 0.0  # nothing but rounding errors
        design = np.column_stack([design, control / scale if scale else np.zeros(len(control))])
    weighted = design * weights[:, None]
    inverse = np.linalg.pinv(weighted.T @ design, rcond=SINGULAR, hermitian=True)
    influence = weighted @ inverse
    wanted = targets - equal * signs.sum(axis=1)
    found = wanted @ influence
    values = equal + found[:players] - found[:players].mean()
    values += (total - values.sum()) / players
    influence_on_values = influence[:, :players]
    return Fit(
        values=values,
        slope=float(found[players]) / scale if scale else 0.0,
        residuals=wanted - design @ found,
        influence=influence_on_values - influence_on_values.mean(axis=1, keepdims=True),
        leverage=np.einsum("nk,nk->n", influence, design),
    )


def variances(fit: Fit, strata: npt.NDArray[np.intp], shares: Vector, noise: Vector) -> Vector:
    """Return the variances of the values, [players], by the jackknife that leaves out one pair at a time.

    The shift from leaving a pair out has a closed form in least squares. Two things are known of the draw: pairs of one
    stratum are drawn among themselves, so what they have in common does not vary, and of a stratum drawn to the share
    1 only the noise within each pair is left.

    Args:
        fit: of all pairs.
        strata: a number for each pair, equal in one stratum, [n].
        shares: what share of its stratum was drawn, for each pair, [n].
        noise: the variance of each pair's target for its coalition, [n].
    """
    spared = np.maximum(1 - fit.leverage, 1e-6)
    shifts = fit.influence * (fit.residuals / spared)[:, None]
    within = fit.influence**2 * (noise * shares)[:, None]
    found: Vector = within.sum(axis=0)
    for stratum in np.unique(strata):
        of_it = strata == stratum
        left = 1 - shares[of_it][0]
        if left > 0:
            mine = shifts[of_it]
            count = len(mine)
            about, few = (mine.mean(axis=0), count / (count - 1)) if count > 1 else (0.0, 1.0)
            found += left * few * ((mine - about) ** 2).sum(axis=0)
    return found

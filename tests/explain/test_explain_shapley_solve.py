"""The regression behind the Shapley estimate: closed forms, and its jackknife against leaving pairs out one by one."""

import numpy as np
import pytest

from explain.coalitions import Coalitions
from explain.solve import solve, variances


def pairs_of(players, count, seed):
    """Return members, sizes and weights of the single players and so many more pairs."""
    pairs = Coalitions(players, np.random.default_rng(seed))
    members = np.concatenate([np.eye(players, dtype=bool), pairs.draw(count)])
    sizes = members.sum(axis=1)
    return members, sizes, pairs.weights(sizes), pairs.shares(sizes)


def halves(members, worth):
    return (worth(members) - worth(~members)) / 2


@pytest.mark.parametrize("players", [2, 3, 8, 25])
def test_pairs_are_exact_for_any_game_of_second_order(players):
    """V(S) = Σ a + Σ b of twos; the Shapley value is a + half of the b's. Few random pairs find it, with no doubt."""
    rng = np.random.default_rng(players)
    alone, twos = rng.normal(size=players), np.triu(rng.normal(size=(players, players)), 1)

    def worth(members):
        return members @ alone + np.einsum("ni,ij,nj->n", members, twos, members)

    members, sizes, weights, shares = pairs_of(players, 3 * players, seed=0)
    fit = solve(members, halves(members, worth), weights, float(alone.sum() + twos.sum()))
    np.testing.assert_allclose(fit.values, alone + (twos + twos.T).sum(axis=1) / 2, atol=1e-10)
    assert np.all(variances(fit, sizes, shares, np.zeros(len(members))) < 1e-20)


def test_the_values_add_up_to_the_total_whatever_the_targets_are():
    members, _, weights, _ = pairs_of(9, 40, seed=1)
    rng = np.random.default_rng(2)
    fit = solve(members, rng.normal(size=len(members)), weights, 3.25, rng.normal(size=len(members)))
    assert fit.values.sum() == pytest.approx(3.25, abs=1e-13)


def test_it_is_constrained_least_squares():
    """Against the Lagrange system of the same problem."""
    members, _, weights, _ = pairs_of(6, 12, seed=3)
    targets = np.random.default_rng(4).normal(size=len(members))
    signs = np.where(members, 0.5, -0.5)
    gram = signs.T @ (weights[:, None] * signs)
    system = np.block([[gram, np.ones((6, 1))], [np.ones((1, 6)), np.zeros((1, 1))]])
    expected = np.linalg.solve(system, np.append(signs.T @ (weights * targets), 1.5))[:6]
    np.testing.assert_allclose(solve(members, targets, weights, 1.5).values, expected, atol=1e-10)


def test_a_control_takes_its_share_of_the_noise_away():
    members, _, weights, _ = pairs_of(6, 12, seed=3)
    rng = np.random.default_rng(5)
    values, control = rng.normal(size=6), rng.normal(size=len(members))
    targets = np.where(members, 0.5, -0.5) @ values + 0.7 * control
    fit = solve(members, targets, weights, float(values.sum()), control)
    assert fit.slope == pytest.approx(0.7)
    np.testing.assert_allclose(fit.values, values, atol=1e-10)
    assert np.abs(solve(members, targets, weights, float(values.sum())).values - values).max() > 0.05


@pytest.mark.parametrize("control", [np.zeros(21), np.full(21, 1e-17)], ids=["none", "rounding errors"])
def test_a_control_that_is_nothing_changes_nothing(control):
    members, _, weights, _ = pairs_of(7, 14, seed=3)
    targets = np.random.default_rng(6).normal(size=21)
    with_it, without = solve(members, targets, weights, 1.0, control), solve(members, targets, weights, 1.0)
    assert with_it.slope == 0
    np.testing.assert_allclose(with_it.values, without.values, atol=1e-14)


def test_the_shift_from_leaving_a_pair_out_is_that_of_fitting_without_it():
    members, _, weights, _ = pairs_of(6, 14, seed=7)
    rng = np.random.default_rng(8)
    targets, control = rng.normal(size=len(members)), rng.normal(size=len(members))
    fit = solve(members, targets, weights, 2.0, control)
    shifts = fit.influence * (fit.residuals / (1 - fit.leverage))[:, None]
    for index in range(len(members)):
        rest = np.arange(len(members)) != index
        without = solve(members[rest], targets[rest], weights[rest], 2.0, control[rest]).values
        np.testing.assert_allclose(fit.values - without, shifts[index], atol=1e-9)


def test_pairs_that_are_all_there_are_leave_only_the_noise_within_them():
    pairs = Coalitions(6, np.random.default_rng(0))
    members = np.concatenate([np.eye(6, dtype=bool), pairs.draw(pairs.pool)])
    sizes = members.sum(axis=1)
    fit = solve(members, np.random.default_rng(1).normal(size=len(members)), pairs.weights(sizes), 1.0)
    noise = np.full(len(members), 0.01)
    found = variances(fit, sizes, pairs.shares(sizes), noise)
    np.testing.assert_allclose(found, 0.01 * (fit.influence**2).sum(axis=0))
    assert np.all(variances(fit, sizes, pairs.shares(sizes), 0 * noise) == 0)

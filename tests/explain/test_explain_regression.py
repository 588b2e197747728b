"""The regression on coalitions: what is exact, and how its errors are told."""

import numpy as np
import pytest

from explain.coalitions import between, weights
from explain.deck import Deck
from explain.prior import Prior
from explain.regression import Design, regression


def made(players, total, seed=0):
    """Return a deck's coalitions and their design."""
    deck = Deck(players, np.random.default_rng(seed))
    members = deck.deal(total)
    return members, Design(members, deck)


def odd_part(worth, members):
    """Return what coalitions are worth beyond their complements, halved, with all players last."""
    numbers = np.vstack([members, np.ones((1, members.shape[1]), bool)]) @ (1 << np.arange(members.shape[1]))
    return (worth[numbers] - worth[len(worth) - 1 - numbers]) / 2


def test_groups_of_three_are_shared_equally_once_enough_is_asked():
    """With a strong prior and next to no noise, a game of players and threes is met."""
    design = made(7, 63, seed=1)[1]
    signs = design.signs
    odd = signs @ np.arange(7.0) + 3 * signs[:, 0] * signs[:, 1] * signs[:, 2]
    found = regression(Prior(np.ones(7), 1e6), design)
    expected = 2 * np.arange(7.0) + 2 * np.array([1, 1, 1, 0, 0, 0, 0])
    fit = found.fit(odd, np.eye(7))
    np.testing.assert_allclose(fit.values, expected, atol=1e-3)
    assert np.all(np.diag(found.unsure) > 0)


@pytest.mark.parametrize("players", [5, 8])
@pytest.mark.parametrize("strength", [0.0, 10.0])
def test_all_coalitions_give_the_values_of_any_game_and_next_to_no_doubt(players, strength):
    """Whatever the prior: noise is part of the game, and where every size was asked whole nothing of it is left."""
    worth = np.random.default_rng(players).normal(size=2**players)
    members, design = made(players, 2 ** (players - 1) - 1)
    some, few = made(players, 2 ** (players - 2))
    prior = Prior(np.ones(players), strength)
    whole = regression(prior, design).fit(odd_part(worth, members), np.eye(players))
    np.testing.assert_allclose(whole.values, worth @ weights(between(players, 0, 2**players)), atol=1e-6)
    part = regression(prior, few).fit(odd_part(worth, some), np.eye(players))
    assert np.all(whole.variances <= (1e-6 if not strength else 0.3) * part.variances), "a prior leaves groups open"


@pytest.mark.parametrize("players", [6, 7])
def test_what_the_coalitions_of_a_size_count_for_sums_of_players_is_that_of_the_definition(players):
    _, design = made(players, 12)
    sums = np.random.default_rng(0).integers(0, 2, size=(players, 5)).astype(float)
    every = between(players, 0, 2**players)
    for size, counted in zip(range(1, players // 2 + 1), design.counted(sums), strict=True):
        members = every[every.sum(axis=1) == size]
        if 2 * size == players:  # a pair counts once
            members = members[members[:, 0]]
        expected = ((2 * weights(members) @ sums) ** 2).sum(axis=0)
        np.testing.assert_allclose(counted, expected, atol=1e-12)


@pytest.mark.parametrize(("pairs", "players"), [(40, 9), (120, 9), (220, 9), (60, 16)])
def test_the_variance_is_what_repeated_draws_of_coalitions_show(pairs, players):
    """Random games, of which no prior knows anything: all is noise."""
    sums = np.concatenate([np.eye(players), np.ones((players, 1)) * (np.arange(players) < 3)[:, None]], axis=1)
    seen, claimed = [], []
    for seed in range(60):
        worth = np.random.default_rng(seed).normal(size=2**players)
        exact = worth @ weights(between(players, 0, 2**players))
        members, design = made(players, pairs, seed)
        fit = regression(Prior(np.ones(players), 0.0), design).fit(odd_part(worth, members), sums)
        seen.append((fit.values - exact @ sums) ** 2)
        claimed.append(fit.variances)
    ratio = np.mean(seen, axis=0) / np.mean(claimed, axis=0)
    assert 0.8 < ratio[:-1].mean() < 1.2
    assert 0.6 < ratio[-1] < 1.5, "of the sum of three players"

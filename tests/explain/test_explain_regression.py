"""The regression on pairs of coalitions: what is dealt, and what is exact."""

from math import comb

import numpy as np
import pytest

from explain.game import Game
from explain.players import make_players
from explain.regression import Deck, Pairs, Prior, solver
from explain.solve import Fit
from monitor.types import Feature, Kind, ModelSchema, Task


@pytest.mark.parametrize("players", [5, 8])
def test_the_whole_deck_has_every_pair_once(players):
    deck = Deck(players, np.random.default_rng(0))
    pairs = 2 ** (players - 1) - 1
    dealt = np.concatenate([deck.deal(total) for total in (4, pairs // 2, pairs)])
    both = {tuple(row) for row in np.concatenate([dealt, ~dealt]).tolist()}
    assert len(dealt) == pairs
    assert len(both) == 2 * pairs


def test_sizes_are_dealt_alike_until_one_has_no_more():
    deck = Deck(9, np.random.default_rng(0))
    sizes = np.bincount(deck.deal(60).sum(axis=1), minlength=5)[1:]
    assert sizes[0] == comb(9, 1)
    assert sizes[1:].tolist() == [17, 17, 17]


def test_groups_of_three_are_shared_equally_once_enough_is_asked():
    """With a strong prior and next to no noise, a game of players and threes is met."""
    rng = np.random.default_rng(1)
    members = Deck(7, rng).deal(63)
    signs = np.where(np.vstack([members, np.ones((1, 7), bool)]), 1.0, -1.0)
    odd = signs @ np.arange(7.0) + 3 * signs[:, 0] * signs[:, 1] * signs[:, 2]
    found = solver(Prior(np.ones(7), 1e6), signs, np.full(64, 1.0))
    expected = 2 * np.arange(7.0) + 2 * np.array([1, 1, 1, 0, 0, 0, 0])
    np.testing.assert_allclose(found.values @ odd, expected, atol=1e-3)
    assert np.all(np.diag(found.unsure) > 0)


@pytest.mark.parametrize("players", [5, 13, 20, 60])
@pytest.mark.parametrize("felt", [1, 1_000], ids=["one", "all"])
def test_a_model_without_noise_is_certain(players, felt):
    """What is left of an additive model is rounding, on either side of nothing; its root is a number all the same."""
    names = [f"x{place}" for place in range(players)]
    schema = ModelSchema(
        model="m", task=Task.REGRESSION, features=tuple(Feature(name=name, kind=Kind.NUMERIC) for name in names)
    )
    row, usual = ({name: np.array([value]) for name in names} for value in (1.0, 0.0))
    game = Game(
        lambda columns: np.sum([columns[name] for name in names[:felt]], axis=0), make_players(row, usual, schema)
    )
    pairs = Pairs(game, 2_000, np.random.default_rng(0))
    pairs.improve_until(0.02)
    fit = pairs.fit(0)
    np.testing.assert_allclose(fit.values, np.arange(players) < felt, atol=1e-5)
    assert np.sqrt(fit.variances).max() < 1e-5
    assert game.relative_error(fit) < 1e-5


def test_what_overflows_is_not_called_certain():
    game = object.__new__(Game)
    game.of_rows, game.prediction, game.output = np.zeros((1, 1)), np.ones(1), 0
    assert not game.relative_error(Fit(np.ones(3), np.full(3, np.nan))) <= 0.02

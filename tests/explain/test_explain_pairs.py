"""Pairs of coalitions in waves, and one regression of all of them."""

import numpy as np
import pytest

from explain.game import Game
from explain.pairs import Pairs
from explain.players import make_players
from explain.solve import Fit
from monitor.types import Feature, Kind, ModelSchema, Task


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

"""Whether estimates from pairs move as they say they would when a third of the coalitions is left out."""

import numpy as np
import pytest

from explain import pairs
from explain.deck import Deck
from explain.game import Game
from explain.mixture import mixture, weighed
from explain.players import make_players
from explain.regression import Design
from explain.solve import Fit
from explain.thirds import moved
from monitor.types import Feature, Kind, ModelSchema, Task
from tests.benchmarks.explain_classics import voting


def ratios(worth, players, pairs, *, anew):
    """Return how far estimates of games move, for ten games, as a share of what they say."""
    found = []
    for seed in range(10):
        deck = Deck(players, np.random.default_rng(seed))
        members = deck.deal(pairs)
        answer = worth(seed)
        whole = np.vstack([members, np.ones((1, players), bool)])
        odd = (answer(whole) - answer(~whole)) / 2
        design = Design(members, deck)
        priors = weighed(design, odd)
        fit = mixture(priors, design).fit(odd, np.eye(players))
        found.append(moved(members, deck, odd, fit, None if anew else priors))
    return found


def random_game(seed):
    """Every coalition of ten players is worth something else: there is nothing but noise."""
    worth = np.random.default_rng(seed).normal(size=2**10)
    return lambda members: worth[members @ (1 << np.arange(10))]


@pytest.mark.parametrize("anew", [True, False], ids=["priors weighed anew", "the same priors"])
def test_where_all_is_noise_estimates_move_about_as_they_say(anew):
    assert 0.75 <= np.median(ratios(random_game, 10, 120, anew=anew)) <= 1.5


@pytest.mark.parametrize("anew", [True, False], ids=["priors weighed anew", "the same priors"])
def test_where_a_majority_decides_they_move_by_more(anew):
    """Groups of every size hang together, which no prior knows: the error is twice what the regression says."""
    assert np.median(ratios(lambda seed: voting(seed)[0], 15, 100, anew=anew)) > 1.25


def test_of_an_additive_game_nothing_moves():
    found = ratios(lambda seed: lambda members: members @ np.arange(10.0), 10, 60, anew=True)
    assert all(0.5 <= ratio < np.inf for ratio in found)


def test_so_few_coalitions_that_two_thirds_tell_nothing_are_not_tried():
    deck = Deck(12, np.random.default_rng(0))
    members = deck.deal(20)
    assert moved(members, deck, np.zeros(21), Fit(np.ones(12), np.ones(12))) == 1.0


@pytest.fixture
def tried(monkeypatch):
    """Return a function of a tolerance: how many times thirds were tried, the coalitions asked, and the variances."""
    schema = ModelSchema(
        model="m", task=Task.REGRESSION, features=tuple(Feature(name=f"x{at}", kind=Kind.NUMERIC) for at in range(12))
    )

    def answer(columns):
        return np.tanh(np.column_stack(list(columns.values())) @ np.random.default_rng(0).normal(size=(12, 6))).sum(1)

    def asked(tolerance):
        calls = []
        monkeypatch.setattr(pairs, "moved", lambda *given: calls.append(given) or moved(*given))
        row, usual = ({f"x{at}": np.full(1, value) for at in range(12)} for value in (1.0, 0.0))
        found = pairs.Pairs(Game(answer, make_players(row, usual, schema)), 800, np.random.default_rng(1))
        found.improve_until(tolerance)
        variances = found.fit(0).variances
        found.fit(0, np.ones((12, 1)))
        return len(calls), found.coalitions, variances.tolist()

    return asked


def test_where_no_wave_could_be_sure_enough_only_the_last_is_tried(tried):
    """To try costs as much as the estimate itself."""
    times, coalitions, _ = tried(1e-9)
    assert (times, coalitions) == (1, 798)


def test_what_is_not_tried_changes_no_answer(tried, monkeypatch):
    lazily = {tolerance: tried(tolerance) for tolerance in (0.5, 0.2, 0.1, 0.05, 0.02)}
    monkeypatch.setattr(pairs, "LEAST", 0.0)
    for tolerance, (times, *found) in lazily.items():
        every, *expected = tried(tolerance)
        assert found == expected
        assert times <= every
    assert len({found[1] for found in lazily.values()}) > 2, "several waves were the last"

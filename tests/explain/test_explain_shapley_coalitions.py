"""Which coalitions and background rows the Shapley estimate asks."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explain.coalitions import Dealer, along, between, weights


@pytest.mark.parametrize("players", [1, 2, 5])
def test_all_coalitions_come_once_however_they_are_cut(players):
    whole = between(players, 0, 2**players)
    assert len({tuple(row) for row in whole.tolist()}) == 2**players
    parts = [between(players, at, min(at + 3, 2**players)) for at in range(0, 2**players, 3)]
    assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("players", [1, 2, 3, 6])
def test_the_weights_are_the_mean_over_all_orders_of_what_a_player_adds(players):
    worth = np.random.default_rng(players).normal(size=2**players)
    expected = np.zeros(players)
    for order in permutations(range(players)):
        number = 0
        for player in order:
            expected[player] += (worth[number | 1 << player] - worth[number]) / factorial(players)
            number |= 1 << player
    np.testing.assert_allclose(worth @ weights(between(players, 0, 2**players)), expected, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(players=st.integers(1, 12), walks=st.integers(0, 9), seed=st.integers(0, 9))
def test_a_walk_gains_one_player_at_each_step_in_its_order(players, walks, seed):
    orders = Dealer(players, 1, np.random.default_rng(seed)).orders(walks)
    members = along(orders)
    assert members.shape == (walks, players - 1, players)
    for order, walk in zip(orders.tolist(), members, strict=True):
        assert sorted(order) == list(range(players))
        for count, coalition in enumerate(walk, start=1):
            assert set(np.flatnonzero(coalition).tolist()) == set(order[:count])


def test_every_order_is_as_likely():
    orders = Dealer(3, 1, np.random.default_rng(0)).orders(12_000)
    counts = np.unique(orders @ [9, 3, 1], return_counts=True)[1]
    assert len(counts) == 6
    assert np.all(np.abs(counts - 2_000) < 5 * np.sqrt(2_000))


@settings(max_examples=30, deadline=None)
@given(rows=st.integers(1, 20), deals=st.lists(st.integers(0, 50), max_size=6))
def test_no_row_comes_again_before_all_others_came(rows, deals):
    dealer = Dealer(2, rows, np.random.default_rng(0))
    dealt = np.concatenate([np.empty(0, dtype=int), *[dealer.rows(count) for count in deals]])
    assert len(dealt) == sum(deals)
    for at in range(0, len(dealt), rows):
        assert len(set(dealt[at : at + rows].tolist())) == len(dealt[at : at + rows])

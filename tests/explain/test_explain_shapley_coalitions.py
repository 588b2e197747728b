"""Which coalitions and background rows the Shapley estimate asks."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explain.coalitions import LISTED, Coalitions, Dealer, unrank


def keys(members):
    return {tuple(row) for row in members.tolist()}


@pytest.mark.parametrize(("players", "size"), [(3, 1), (5, 2), (6, 3), (7, 3), (9, 4)])
def test_ranks_number_all_coalitions_of_a_size_in_lexicographic_order(players, size):
    found = unrank(np.arange(comb(players, size)), players, size)
    expected = [[player in chosen for player in range(players)] for chosen in combinations(range(players), size)]
    assert found.tolist() == expected


def test_ranks_beyond_32_bits_are_exact():
    last = unrank(np.array([comb(64, 30) - 1]), 64, 30)
    assert last[0].nonzero()[0].tolist() == list(range(34, 64))


@settings(max_examples=60, deadline=None)
@given(players=st.integers(1, 14), steps=st.lists(st.integers(0, 300), max_size=8), seed=st.integers(0, 9))
def test_no_pair_comes_twice_however_it_is_asked_for(players, steps, seed):
    pairs = Coalitions(players, np.random.default_rng(seed))
    drawn = []
    for step in steps:
        left = pairs.pool - pairs.drawn
        drawn.append(pairs.draw(step))
        assert len(drawn[-1]) == min(step, left)
    members = np.concatenate([np.empty((0, players), dtype=bool), *drawn])
    assert pairs.drawn == len(members) == min(sum(steps), pairs.pool)
    assert np.all((members.sum(axis=1) >= 2) & (2 * members.sum(axis=1) <= players))
    assert len(keys(members) | keys(~members)) == 2 * len(members)


@pytest.mark.parametrize("players", range(1, 13))
def test_all_of_them_are_all_coalitions_but_the_single_ones(players):
    pairs = Coalitions(players, np.random.default_rng(0))
    members = pairs.draw(pairs.pool)
    assert len(members) == pairs.pool == max(0, 2 ** (players - 1) - 1 - (players if players > 2 else 1))
    assert np.all(pairs.shares(members.sum(axis=1)) == 1)


@pytest.mark.parametrize("players", [3, 4, 7, 8, 11])
def test_the_weights_of_all_pairs_are_the_shapley_kernel(players):
    """(M − 1) / (C(M, s)·s·(M − s)) for a coalition; twice that for a pair, up to one factor for all."""
    pairs = Coalitions(players, np.random.default_rng(0))
    members = np.concatenate([np.eye(players, dtype=bool), pairs.draw(pairs.pool)])
    sizes = members.sum(axis=1)
    kernel = np.array([(players - 1) / (comb(players, size) * size * (players - size)) for size in sizes.tolist()])
    np.testing.assert_allclose(pairs.weights(sizes), kernel, rtol=1e-12)


def test_every_size_gets_the_same_number_of_pairs_until_it_has_no_more():
    pairs = Coalitions(20, np.random.default_rng(0))
    counts = np.bincount(pairs.draw(4_000).sum(axis=1), minlength=11)[2:]
    assert counts[0] == comb(20, 2)
    assert np.ptp(counts[1:-1]) <= 1
    assert counts[-1] == pytest.approx(counts[1] / 2, abs=1)
    assert counts.sum() == 4_000


@pytest.mark.parametrize("players", [12, 24, 40, 90])
def test_every_player_is_as_likely_as_the_others(players):
    """Small sizes are shuffled, larger ones drawn by rank, huge ones without."""
    pairs = Coalitions(players, np.random.default_rng(1))
    members = np.concatenate([pairs.draw(700), pairs.draw(700)])
    sizes = members.sum(axis=1)
    members = members[(pairs.shares(sizes) < 1) & (2 * sizes < players)]
    share = members.mean(axis=1)
    spread = np.sqrt((share * (1 - share)).mean() / len(members))
    assert np.all(np.abs(members.mean(axis=0) - share.mean()) < 4 * spread)


def test_a_size_can_be_drawn_to_the_last_pair_after_it_was_begun():
    pairs = Coalitions(16, np.random.default_rng(0))
    assert comb(16, 8) // 2 < LISTED < pairs.pool
    first = pairs.draw(5_000)
    rest = pairs.draw(pairs.pool)
    assert len(keys(first) | keys(rest)) == len(first) + len(rest) == pairs.pool


@pytest.mark.parametrize(("rows", "each"), [(1, 4), (4, 4), (10, 4), (100, 4), (7, 1)])
def test_a_pair_gets_different_rows_and_in_the_end_all_of_them(rows, each):
    dealer = Dealer(rows, each, np.random.default_rng(0))
    hands = np.concatenate([dealer.deal(9), dealer.deal(33)])
    dealt = min(each, rows)
    assert hands.shape == (42, dealt)
    whole = np.hstack([hands, dealer.more(dealt, rows)])
    assert np.sort(whole, axis=1).tolist() == [list(range(rows))] * 42


def test_all_rows_are_dealt_equally_often():
    hands = Dealer(100, 4, np.random.default_rng(0)).deal(250)
    assert set(np.bincount(hands.ravel()).tolist()) == {10}

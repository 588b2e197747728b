"""The deck of coalitions: what is dealt."""

from math import comb

import numpy as np
import pytest

from explain.deck import Deck


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


@pytest.mark.parametrize("players", [8, 19, 24])
@pytest.mark.parametrize("total", [41, 60, 100, 110])
def test_waves_deal_as_many_in_all_as_is_allowed_and_no_more(players, total):
    """Each coalition and its complement are model rows that somebody pays for."""
    deck = Deck(players, np.random.default_rng(0))
    waves = [min(total, wave) for wave in (28, 42, 57, 63, 72, 85, 94, 108, 110)]
    dealt = [len(deck.deal(wave)) for wave in waves]
    assert np.cumsum(dealt).tolist() == waves
    assert deck.dealt.sum() == total

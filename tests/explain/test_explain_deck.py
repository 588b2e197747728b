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

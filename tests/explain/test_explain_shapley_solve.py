"""From walks to values: what one walk says, and how walks over several background rows are averaged."""

import numpy as np
import pytest
from scipy import stats

from explain.coalitions import Dealer, along
from explain.solve import combine, steps, widening


def walked(worth, players, walks, seed=0):
    """Return what walks say of a game."""
    orders = Dealer(players, 1, np.random.default_rng(seed)).orders(walks)
    members = along(orders).reshape(-1, players)
    forward, backward = worth(members).reshape(walks, -1), worth(~members).reshape(walks, -1)
    start, end = (worth(np.full((1, players), full))[0] for full in (False, True))
    return steps(orders, forward, backward, np.full(walks, start), end), end - start


@pytest.mark.parametrize("players", [2, 3, 8, 25])
def test_each_walk_is_exact_for_any_game_of_second_order(players):
    """V(S) = Σ a + Σ b of twos; the Shapley value is a + half of the b's."""
    rng = np.random.default_rng(players)
    alone, twos = rng.normal(size=players), np.triu(rng.normal(size=(players, players)), 1)
    found, _ = walked(lambda s: s @ alone + np.einsum("ni,ij,nj->n", s, twos, s), players, 5)
    np.testing.assert_allclose(found, np.tile(alone + (twos + twos.T).sum(axis=1) / 2, (5, 1)), atol=1e-10)


@pytest.mark.parametrize("players", [1, 2, 7])
def test_what_a_walk_says_adds_up(players):
    table = np.random.default_rng(1).normal(size=2**players)
    found, total = walked(lambda s: table[s @ (1 << np.arange(players))], players, 20)
    np.testing.assert_allclose(found.sum(axis=1), total, atol=1e-12)


def test_walks_are_right_on_average():
    """The game that is worth 1 with all of three players: a third for each of them, nothing for the others."""
    found, _ = walked(lambda s: s[:, :3].all(axis=1).astype(float), 6, 4_000)
    np.testing.assert_allclose(found.mean(axis=0), [1 / 3] * 3 + [0] * 3, atol=5 * found.std() / np.sqrt(4_000))
    assert np.all(found[:, 3:] == 0)


def test_every_background_row_counts_the_same_however_often_it_was_walked():
    found = np.array([[1.0, 0.0], [3.0, 0.0], [2.0, 6.0]])
    fit = combine(found, np.array([0, 0, 1]), np.zeros(2), 0, 0.0, 5.0)
    np.testing.assert_allclose(fit.values, [2, 3])


def floored(variances, freedom):
    """Variances of which none is less than with one walk more, in which the player differed as the mean one does."""
    return np.maximum(variances, (freedom * variances + variances.mean()) / (freedom + 1))


def told(found, rows, freedom):
    """Degrees of freedom by how much the squares differ; n for n normal numbers, on average."""
    counts = np.bincount(rows)[rows, None]
    means = np.array([found[rows == row].mean(axis=0) for row in rows])
    squares = (found - means) ** 2 / (counts * (counts - 1))
    return np.clip(3 * squares.sum(axis=0) ** 2 / (squares**2 * counts / (counts - 1)).sum(axis=0) - 2, 2, freedom)


def test_the_variance_of_means_is_that_of_statistics():
    """One row, n walks: s²/n; several rows, each walked often: the sum over the rows. Widened by Student's t."""
    found = np.random.default_rng(0).normal(size=(60, 4))
    rows = np.zeros(60, dtype=int)
    one = combine(found, rows, np.zeros(1), 0, 0.0, 0.0)
    expected = floored(found.var(axis=0, ddof=1) / 60, 59)
    wider = stats.t.ppf(0.975, told(found, rows, 59)) / stats.norm.ppf(0.975)
    np.testing.assert_allclose(one.variances, expected * wider**2, rtol=1e-4)
    rows = np.repeat([0, 1, 2], 20)
    three = combine(found, rows, np.zeros(3), 0, 0.0, 0.0)
    parts = [found[rows == row].var(axis=0, ddof=1) / 20 for row in range(3)]
    expected = floored(np.sum(parts, axis=0) / 9, 57)
    wider = stats.t.ppf(0.975, told(found, rows, 57)) / stats.norm.ppf(0.975)
    np.testing.assert_allclose(three.variances, expected * wider**2, rtol=1e-4)


def test_the_widening_is_that_of_students_t():
    freedom = np.array([3.0, 4.0, 7.0, 20.0, 1_000.0])
    np.testing.assert_allclose(1.96 * widening(freedom), stats.t.ppf(0.975, freedom), rtol=6e-3)


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize(("tail", "walks"), [("normal", 12), ("normal", 40), ("exponential", 60), ("rare", 200)])
def test_intervals_hold_the_truth_for_few_walks_and_for_heavy_tails(tail, walks, rows):
    """Of walks that differ for one row much more than for others, and of walks of which few tell most."""
    rng = np.random.default_rng(11)
    at = np.arange(walks) % rows
    drawn = {
        "normal": rng.normal(size=(800, walks)),
        "exponential": rng.exponential(size=(800, walks)) - 1,
        "rare": (rng.random((800, walks)) < 0.1) - 0.1,
    }[tail]
    drawn = drawn * np.array([1.0, 5.0, 1.0, 0.5, 2.0])[at]
    fits = [combine(np.stack([each, -each], axis=1), at, np.zeros(rows), 0, 0.0, 0.0) for each in drawn]
    inside = [abs(fit.values[0]) <= 1.96 * np.sqrt(fit.variances[0]) for fit in fits]
    assert 0.92 <= np.mean(inside) <= 0.98


@pytest.mark.parametrize(("used", "walks"), [(40, 40 * 3), (40, 60), (20, 30), (20, 45)])
def test_the_variance_is_what_repeated_draws_show(used, walks):
    """Rows that differ, walks that differ between and within rows; some rows walked once, some rows left out."""
    rng = np.random.default_rng(7)
    of_rows, worth = rng.normal(size=(40, 3)), rng.normal(size=40)
    of_rows += worth[:, None]
    noise = rng.uniform(0.5, 2, size=40)
    fits = []
    for _ in range(600):
        kept = rng.permutation(40)[:used]
        rows = Dealer(3, used, rng).rows(walks)
        found = of_rows[kept][rows] + noise[kept][rows, None] * rng.normal(size=(walks, 3))
        total = of_rows.mean(axis=0).sum()
        fits.append(combine(found, rows, worth[kept], 40 - used, float(worth.mean()), float(total)))
    values = np.array([fit.values for fit in fits])
    # Holding the sum takes away what all values have in common: a third of the noise.
    claimed = np.mean([fit.variances for fit in fits], axis=0)
    seen = ((values - of_rows.mean(axis=0)) ** 2).mean(axis=0)
    assert np.all(seen / claimed > 0.45)
    assert np.all(seen / claimed < 1.1)


def test_what_is_known_of_rows_left_out_corrects_for_them():
    """Values that depend on the worth of no players alone are found from half of the rows, without doubt."""
    rng = np.random.default_rng(2)
    worth = rng.normal(size=30)
    games = np.array([3.0, 4.0]) + np.outer(worth, [1.0, -2.0])
    rows = np.tile(np.arange(15), 2)
    fit = combine(games[:15][rows], rows, worth[:15], 15, float(worth.mean()), float(games.mean(axis=0).sum()))
    np.testing.assert_allclose(fit.values, games.mean(axis=0), atol=1e-12)
    assert np.all(fit.variances < 1e-24)
    same = combine(np.ones((4, 2)), np.array([0, 1, 0, 1]), np.ones(2), 3, 1.0, 2.0)
    np.testing.assert_allclose(same.values, [1, 1])


def test_a_player_for_whom_no_walk_differed_is_not_taken_as_certain():
    """Trees ask for some inputs in few coalitions only: where walks met none of them, nothing differed by chance."""
    rng = np.random.default_rng(5)
    drawn = (rng.random((200, 200, 2)) < [0.5, 0.002]).astype(float)  # the second player's value is rarely felt
    drawn = np.concatenate([drawn, 1 - drawn.sum(axis=2, keepdims=True)], axis=2)  # each walk adds up
    told = [combine(walks, np.zeros(200, dtype=int), np.zeros(1), 0, 0.0, 1.0) for walks in drawn]
    inside = [abs(fit.values[1] - 0.002) <= 1.96 * np.sqrt(fit.variances[1]) for fit in told]
    assert np.mean(inside) >= 0.92
    certain = combine(np.ones((200, 2)), np.zeros(200, dtype=int), np.zeros(1), 0, 0.0, 2.0)
    assert certain.variances.tolist() == [0.0, 0.0], "where nobody differed, the game has nothing else to tell"


@pytest.mark.parametrize(("used", "walks"), [(20, 30), (30, 40)])
def test_players_whom_the_walks_that_tell_never_met_are_not_taken_as_certain(used, walks):
    """A majority of twenty decides: each walk turns on one player there and one back; ten rows were walked twice."""
    rng = np.random.default_rng(9)
    inside = []
    for _ in range(150):
        turned = rng.integers(0, 20, size=(2, walks))
        found = (np.eye(20)[turned[0]] + np.eye(20)[turned[1]]) / 2
        fit = combine(found, Dealer(20, used, rng).rows(walks), np.zeros(used), 0, 0.0, 1.0)
        inside.append(np.abs(fit.values - 1 / 20) <= 1.96 * np.sqrt(fit.variances))
    assert 0.93 <= np.mean(inside) <= 0.98

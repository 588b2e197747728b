"""Our Shapley estimator: axioms, closed forms, brute force, and whether its error bars hold."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
import threadpoolctl
from zoo_rows import make_rows

from explain.engine import Job
from explain.explainers.shapley import Shapley
from explain.models.torch import TorchAdapter
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task


@pytest.fixture(autouse=True)
def one_thread():
    """As in the worker; small matrices take longer with more."""
    with threadpoolctl.threadpool_limits(1):
        yield


def schema_of(count):
    features = tuple(Feature(name=f"x{index}", kind=Kind.NUMERIC) for index in range(count))
    return ModelSchema(model="m", task=Task.REGRESSION, features=features)


def explain(function, x, usual, *, seed=0, rows=100_000, tolerance=0):
    """Explain a function of a matrix at the row x."""
    names = [f"x{index}" for index in range(len(x))]
    return Shapley().explain(
        lambda found: function(np.stack([found[name] for name in names], axis=1)),
        {name: np.array([value]) for name, value in zip(names, x, strict=True)},
        {name: usual[:, index].copy() for index, name in enumerate(names)},
        schema_of(len(x)),
        seed=seed,
        rows=rows,
        tolerance=tolerance,
    )


def values(found):
    return np.array(list(found.attributions.values()))


def errors(found):
    return np.array(list(found.standard_errors.values()))


def coalitions(size):
    return ((np.arange(2**size)[:, None] >> np.arange(size)) & 1).astype(bool)


def definition(worth, size):
    """Shapley values by their definition, from the worth [2**size] of all coalitions."""
    members = coalitions(size)
    sizes = members.sum(axis=1)
    found = np.zeros(size)
    for player in range(size):
        without = ~members[:, player]
        weight = np.array([1 / (size * comb(size - 1, count)) for count in sizes[without].tolist()])
        found[player] = weight @ (worth[np.arange(2**size)[without] | (1 << player)] - worth[without])
    return found


def brute_force(function, x, usual):
    members = coalitions(len(x))
    worth = np.array([function(np.where(each, x, usual)).mean() for each in members])
    return definition(worth, len(x))


def as_function(worth):
    """Return a game as a function of rows of zeros and ones."""
    return lambda matrix: worth[(matrix.astype(np.int64) << np.arange(matrix.shape[1])).sum(axis=1)]


def play(worth, **changed):
    size = int(np.log2(len(worth)))
    return explain(as_function(worth), np.ones(size), np.zeros((1, size)), **changed)


def wobbly(matrix):
    """Interactions of all orders."""
    return np.sin(matrix.sum(axis=1)) + matrix[:, 0] * matrix[:, 1:].prod(axis=1) + np.tanh(matrix[:, 0])


def network(size, seed):
    """A random network with one hidden layer."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(size, 12)) / np.sqrt(size), rng.normal(size=12)
    return lambda matrix: np.tanh(2 * matrix @ first) @ second


@pytest.mark.parametrize("size", range(1, 11))
@pytest.mark.parametrize("rows", [1, 7])
def test_it_equals_brute_force_where_the_budget_has_room_for_all_coalitions(size, rows):
    rng = np.random.default_rng(size)
    x, usual = rng.normal(size=size), rng.normal(size=(rows, size))
    found = explain(wobbly, x, usual)
    np.testing.assert_allclose(values(found), brute_force(wobbly, x, usual), atol=1e-10)
    assert found.quality["exact"] is found.quality["reached"] is True
    assert found.quality["coalitions"] == 2**size - 2
    assert found.quality["rows_used"] == (2**size - 1) * rows + 1
    assert np.all(errors(found) == 0)


def test_the_published_values_of_another_implementation():
    """F = x1·x2·x3·x4 + x5 + x6 on a made-up table of 100 rows, row 1, as R's kernelshap gives it."""
    i = np.arange(1, 101)
    table = np.stack([i / 100, np.log(i), np.sqrt(i), np.sin(i), (i / 100) ** 2, np.cos(i)], axis=1)
    found = explain(lambda m: m[:, 0] * m[:, 1] * m[:, 2] * m[:, 3] + m[:, 4] + m[:, 5], table[0], table)
    published = [-1.196216, -1.241848, -0.9567848, 3.879420, -0.33825, 0.5456252]
    np.testing.assert_allclose(values(found), published, atol=1e-6)


@pytest.mark.parametrize("size", [1, 2, 3, 12, 30, 70, 150])
def test_a_linear_model_gets_its_weights_times_the_distance_from_the_mean(size):
    """φ = (x − mean of the background)·w, by few coalitions, and known to be sure."""
    rng = np.random.default_rng(size)
    weights, usual, x = rng.normal(size=size), rng.normal(size=(40, size)), rng.normal(size=size)
    found = explain(lambda matrix: matrix @ weights, x, usual, rows=20_000, tolerance=1)
    np.testing.assert_allclose(values(found), (x - usual.mean(axis=0)) * weights, atol=1e-9)
    assert found.base_value == pytest.approx(usual.mean(axis=0) @ weights)
    assert np.all(errors(found) < 1e-9)
    assert found.quality["reached"] is True
    # One pass over the background, and half of it again to see that walks do not differ.
    assert found.quality["rows_used"] == (1 + 40 * (2**size - 1) if size <= 3 else 1 + 40 + 60 * 2 * (size - 1))


@pytest.mark.parametrize("size", [6, 15, 40])
def test_interactions_of_two_features_are_exact_by_few_pairs(size):
    """X'Ax: φ is half of what switching a feature changes first, and half of what it changes last."""
    rng = np.random.default_rng(size)
    form, usual, x = rng.normal(size=(size, size)), rng.normal(size=(30, size)), rng.normal(size=size)
    found = explain(lambda m: np.einsum("ni,ij,nj->n", m, form, m), x, usual, rows=6_000, tolerance=1)
    both = form + form.T
    # x_i·x_j is shared equally, for each background row.
    expected = [np.mean([(x[i] - b[i]) * (both[i] @ (x + b)) / 2 for b in usual]) for i in range(size)]
    np.testing.assert_allclose(values(found), expected, atol=1e-8)
    assert np.all(errors(found) < 1e-8)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rows", [2_000, 400], ids=["exact", "sampled"])
def test_the_axioms_on_random_games(seed, rows):
    """Efficiency holds for samples too; dummy, symmetry and linearity within the error bars."""
    size = 10
    rng = np.random.default_rng(seed)
    worth, other = rng.normal(size=(2, 2**size))
    index = np.arange(2**size)
    worth = worth[index & ~1]  # player 0 adds nothing
    swapped = (index & ~0b110) | ((index & 0b010) << 1) | ((index & 0b100) >> 1)
    worth = (worth + worth[swapped]) / 2  # players 1 and 2 are alike
    found = play(worth, rows=rows)
    assert found.quality["exact"] is (rows == 2_000)
    assert values(found).sum() == pytest.approx(worth[-1] - worth[0], abs=1e-12)
    assert abs(values(found)[0]) <= 4 * errors(found)[0] + 1e-12
    assert abs(values(found)[1] - values(found)[2]) <= 4 * (errors(found)[1] + errors(found)[2]) + 1e-12
    both, apart = play(2 * worth - 3 * other, rows=rows), play(other, rows=rows)
    unsure = errors(both) + 2 * errors(found) + 3 * errors(apart)
    assert np.all(np.abs(values(both) - 2 * values(found) + 3 * values(apart)) <= 3 * unsure + 1e-10)


def test_the_same_seed_is_bit_identical_and_another_differs_as_the_errors_say():
    rng = np.random.default_rng(0)
    function, usual, x = network(14, 1), rng.normal(size=(50, 14)), rng.normal(size=14)
    assert explain(function, x, usual, rows=3_000) == explain(function, x, usual, rows=3_000)
    runs = [explain(function, x, usual, rows=3_000, seed=seed) for seed in range(80)]
    spread = np.array([values(run) for run in runs]).var(axis=0, ddof=1).sum()
    claimed = np.mean([(errors(run) ** 2).sum() for run in runs])
    assert 0.7 < spread / claimed < 1.3


def third_order(size, seed):
    """A game of the first three orders with random terms, and its Shapley values: each term is shared equally."""
    rng = np.random.default_rng(seed)
    terms = [(chosen, rng.normal()) for order in (1, 2, 3) for chosen in combinations(range(size), order)]
    exact = np.zeros(size)
    for chosen, weight in terms:
        exact[list(chosen)] += weight / len(chosen)

    def function(matrix):
        return sum(weight * matrix[:, list(chosen)].prod(axis=1) for chosen, weight in terms)

    return function, exact


@pytest.mark.parametrize(
    ("name", "rows", "tolerance"),
    [("third order", 400, 0), ("network", 1_500, 0), ("network", 4_000, 0), ("network", 8_000, 50)],
    ids=["no background to choose", "some background rows", "all background rows", "stopped at a tolerance"],
)
def test_intervals_of_95_percent_cover_the_truth_95_times_in_100(name, rows, tolerance):
    inside = []
    for case in range(12):
        rng = np.random.default_rng(case)
        if name == "network":
            function, x, usual = network(10, case), rng.normal(size=10), rng.normal(size=(60, 10))
            exact = values(explain(function, x, usual))
        else:
            function, exact = third_order(12, case)
            x, usual = np.ones(12), np.zeros((1, 12))
        for seed in range(12):
            found = explain(function, x, usual, rows=rows, tolerance=tolerance, seed=seed)
            assert found.quality["exact"] is False
            inside.append(np.abs(values(found) - exact) <= 1.96 * errors(found))
    assert 0.92 <= np.mean(inside) <= 0.98


def test_it_stops_at_the_tolerance_or_says_that_it_was_not_reached():
    rng = np.random.default_rng(3)
    function, usual, x = network(20, 4), rng.normal(size=(100, 20)), rng.normal(size=20)
    loose, tight, never = (explain(function, x, usual, tolerance=each) for each in (100, 20, 1))
    assert loose.quality["rows_used"] < tight.quality["rows_used"] < never.quality["rows_used"] <= 100_000
    for found, wanted in ((loose, 0.1), (tight, 0.02)):
        assert found.quality["reached"] is True
        assert found.quality["tolerance"] == wanted
        ratio = np.sqrt((errors(found) ** 2).sum() / (values(found) ** 2).sum())
        assert found.quality["relative_error"] == pytest.approx(ratio)
        assert ratio <= wanted
    assert never.quality["reached"] is False
    assert never.quality["relative_error"] > 0.001
    truth = values(explain(function, x, usual, rows=2_000_000))
    assert np.linalg.norm(values(tight) - truth) < 2.5 * 0.02 * np.linalg.norm(truth)


@pytest.mark.parametrize("rows", [700, 1_000, 2_000, 5_000, 20_000])
@pytest.mark.parametrize("size", [2, 5, 8, 13, 24])
def test_the_row_budget_holds_and_is_used(size, rows):
    rng = np.random.default_rng(size)
    asked = []

    def function(matrix):
        asked.append(len(matrix))
        return wobbly(matrix)

    found = explain(function, rng.normal(size=size), rng.normal(size=(60, size)), rows=rows)
    assert found.quality["rows_used"] == sum(asked) <= rows
    assert found.quality["exact"] is ((2**size - 1) * 60 + 1 <= rows)
    assert found.quality["exact"] or sum(asked) > rows - 2 * size
    assert found.quality["background_rows"] == 60 or rows < 60 + 60 * 3 * size
    assert np.all(np.isfinite(errors(found)))


def test_a_budget_too_small_for_the_features_is_refused_with_the_least_one():
    with pytest.raises(InvalidInput, match=r"40 features and 100 background rows need at least 1,037 model rows.* 300"):
        explain(wobbly, np.ones(40), np.random.default_rng(0).normal(size=(100, 40)), rows=300)
    assert explain(wobbly, np.ones(40), np.random.default_rng(0).normal(size=(100, 40)), rows=1_037)


def test_one_feature_gets_it_all_however_small_the_budget():
    found = explain(lambda matrix: matrix[:, 0] ** 2, np.array([3.0]), np.arange(300.0)[:, None] / 100, rows=200)
    assert values(found)[0] == pytest.approx(found.prediction - found.base_value)
    assert found.quality["exact"] is True


@pytest.mark.parametrize("rows", [100_000, 250], ids=["exact", "sampled"])
def test_the_worker_explains_a_torch_model_with_errors(worker, artifact, schema, rows):
    spec = artifact("Network")
    job = Job(
        spec=spec,
        schema=schema,
        model_hash=TorchAdapter.fingerprint(spec),
        method="shapley",
        row=make_rows(1, 77),
        background=make_rows(30),
        seed=1,
        settings={"rows": rows},
    )
    found = worker.run(job)
    assert found == worker.run(job)
    assert list(found.attributions) == list(found.standard_errors) == ["carrier", "delay", "seats", "spare"]
    assert found.quality["exact"] is (rows == 100_000)
    assert any(errors(found)) is (rows == 250)
    assert found.base_value + sum(found.attributions.values()) == pytest.approx(found.prediction, abs=1e-9)


@pytest.mark.parametrize("players", [401, 1_100])
def test_hundreds_of_players_with_one_background_row(players):
    """As of several texts: more than 400 pairs can tell apart, and more coalitions than a float holds."""
    weight = np.linspace(1.0, 2.0, players)
    found = explain(lambda rows: rows @ weight, np.ones(players), np.zeros((1, players)), rows=60_000, tolerance=20)
    np.testing.assert_allclose(values(found), weight, atol=1e-4)
    assert errors(found).max() < 1e-4

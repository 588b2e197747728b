"""Interactions of two inputs: brute force, games with a known answer, error bars, and that the parts add up."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from explain.explainers.interactions import Interactions
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task


def schema_of(count):
    features = tuple(Feature(name=f"x{index}", kind=Kind.NUMERIC) for index in range(count))
    return ModelSchema(model="m", task=Task.REGRESSION, features=features)


def explain(function, x, usual, *, seed=0, rows=400_000):
    names = [f"x{index}" for index in range(len(x))]
    return Interactions().explain(
        lambda found: function(np.stack([found[name] for name in names], axis=1)),
        {name: np.array([value]) for name, value in zip(names, x, strict=True)},
        {name: usual[:, index].copy() for index, name in enumerate(names)},
        schema_of(len(x)),
        seed=seed,
        rows=rows,
    )


def square(found, what="amount"):
    """What every two inputs do together (or its error), [M, M]."""
    size = len(found.attributions)
    together = np.zeros((size, size))
    for part in found.parts:
        if len(part.place) == 2:
            together[part.place] = 2 * getattr(part, what)
    return together


def brute_force(function, x, usual):
    """The index by its definition, coalition by coalition."""
    size = len(x)

    def worth(members):
        return function(np.where([player in members for player in range(size)], x, usual)).mean()

    together = np.zeros((size, size))
    for one, other in combinations(range(size), 2):
        rest = [player for player in range(size) if player not in (one, other)]
        for count in range(size - 1):
            weight = factorial(count) * factorial(size - count - 2) / factorial(size - 1)
            for chosen in combinations(rest, count):
                s = set(chosen)
                together[one, other] += weight * (
                    worth(s | {one, other}) - worth(s | {one}) - worth(s | {other}) + worth(s)
                )
    return together + together.T


def wobbly(matrix):
    """Interactions of all orders."""
    return np.sin(matrix.sum(axis=1)) + matrix[:, 0] * matrix[:, 1:].prod(axis=1) + np.tanh(matrix[:, 0])


@pytest.mark.parametrize("size", range(2, 9))
def test_it_equals_brute_force_where_all_coalitions_are_asked(size):
    rng = np.random.default_rng(size)
    x, usual = rng.normal(size=size), rng.normal(size=(3, size))
    found = explain(wobbly, x, usual)
    np.testing.assert_allclose(square(found), brute_force(wobbly, x, usual), atol=1e-10)
    assert found.quality["exact"] is True
    assert found.quality["rows_used"] <= 2**size * 3 + 4
    assert not square(found, "error").any()


@pytest.mark.parametrize(("size", "rows"), [(6, 400_000), (16, 60_000)], ids=["exact", "sampled"])
def test_a_product_of_two_inputs_is_an_interaction_of_these_two_alone(size, rows):
    """F = 3·x0·x1 + x2: what x0 and x1 do together is 3·mean((x0 − b0)(x1 − b1)), and no other two do anything."""
    rng = np.random.default_rng(1)
    x, usual = rng.normal(size=size), rng.normal(size=(20, size))
    x[:2] = 3.0, -2.0
    found = explain(lambda matrix: 3 * matrix[:, 0] * matrix[:, 1] + matrix[:, 2], x, usual, rows=rows)
    together, errors = square(found), square(found, "error")
    assert found.quality["exact"] is (rows == 400_000)
    known = 3 * float(np.mean((x[0] - usual[:, 0]) * (x[1] - usual[:, 1])))
    assert abs(together[0, 1] - known) <= 4 * errors[0, 1] + 1e-9
    assert errors[0, 1] < 0.5 * abs(known)
    together[0, 1] = together[1, 0] = 0.0
    np.testing.assert_allclose(together, 0, atol=1e-9)


@pytest.mark.parametrize("rows", [400_000, 30_000], ids=["exact", "sampled"])
def test_what_an_input_does_alone_and_with_each_other_adds_up_to_its_attribution(rows):
    rng = np.random.default_rng(2)
    x, usual = rng.normal(size=12), rng.normal(size=(60, 12))
    found = explain(wobbly, x, usual, rows=rows)
    for name, amount in found.attributions.items():
        assert sum(part.amount for part in found.parts if part.feature == name) == pytest.approx(amount, abs=1e-9)
    assert found.base_value + sum(found.attributions.values()) == pytest.approx(found.prediction, abs=1e-9)
    assert found.quality["rows_used"] <= rows


def test_intervals_of_95_percent_cover_the_truth_about_95_times_in_100():
    inside = []
    for case in range(8):
        rng = np.random.default_rng(case)
        first, second = rng.normal(size=(9, 12)) / 3, rng.normal(size=12)
        x, usual = rng.normal(size=9), rng.normal(size=(30, 9))

        def network(matrix, first=first, second=second):
            return np.tanh(2 * matrix @ first) @ second

        exact = square(explain(network, x, usual))
        for seed in range(6):
            found = explain(network, x, usual, rows=12_000, seed=seed)
            assert found.quality["exact"] is False
            upper = np.triu_indices(9, 1)
            inside.append((np.abs(square(found) - exact) <= 1.96 * square(found, "error"))[upper])
    assert 0.92 <= np.mean(inside) <= 0.98


def test_a_budget_too_small_for_so_many_pairs_is_refused_with_the_least_one():
    rng = np.random.default_rng(0)
    with pytest.raises(InvalidInput, match=r"30 players make 435 pairs, which need at least 13,920 model rows"):
        explain(wobbly, rng.normal(size=30), rng.normal(size=(10, 30)), rows=5_000)

"""SHAP against closed forms and brute force."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest
from zoo_rows import columns, make_rows

from explain.explainers.shap_kernel import ShapKernel
from explain.players import make_players
from monitor.types import Feature, Kind, ModelSchema, Task


def brute_force(predict, row, background, schema):
    """Shapley values by their definition over all coalitions, averaged over the background."""
    players = make_players(row, background, schema)
    size = len(players.features)

    def value(members):
        codes = players.background.copy()
        codes[:, list(members)] = players.row[list(members)]
        return predict(players.decode(codes)).mean()

    values = np.zeros(size)
    for player in range(size):
        others = [other for other in range(size) if other != player]
        for count in range(size):
            weight = factorial(count) * factorial(size - count - 1) / factorial(size)
            for members in combinations(others, count):
                values[player] += weight * (value({*members, player}) - value(members))
    return players.attributions(values, schema)


def wobbly(found):
    """A function with interactions over numbers, nulls and texts."""
    delay, seats = np.nan_to_num(found["delay"], nan=-2.0), np.nan_to_num(found["seats"]) / 100
    carrier = np.array([{"AA": 1.0, "B6": 2.0, None: 3.0}.get(value, 0.5) for value in found["carrier"]])
    return np.tanh(delay * carrier) + seats * found["spare"] + 0.1 * carrier**2


def numbers(count):
    return ModelSchema(
        model="m",
        task=Task.REGRESSION,
        features=tuple(Feature(name=f"x{index}", kind=Kind.NUMERIC) for index in range(count)),
    )


@pytest.mark.parametrize("seed", range(5))
def test_it_equals_brute_force_over_all_coalitions(schema, seed):
    row, background = columns(make_rows(12, seed + 100), schema), columns(make_rows(30, seed), schema)
    row = {name: column[:1] for name, column in row.items()}
    found = ShapKernel().explain(wobbly, row, background, schema, seed=0)
    assert found.quality["exact"] is True
    assert found.attributions == pytest.approx(brute_force(wobbly, row, background, schema), abs=1e-9)


@pytest.mark.parametrize("count", [1, 2, 3, 12, 30])
def test_a_linear_model_gets_its_weights_times_the_distance_from_the_mean(count):
    """φ = (x − mean of the background) · w, with all features and however few coalitions."""
    rng = np.random.default_rng(count)
    weights, usual, x = rng.normal(size=count), rng.normal(size=(40, count)), rng.normal(size=count)
    found = ShapKernel().explain(
        lambda got: np.stack([got[f"x{index}"] for index in range(count)], axis=1) @ weights,
        {f"x{index}": x[index : index + 1] for index in range(count)},
        {f"x{index}": usual[:, index] for index in range(count)},
        numbers(count),
        seed=0,
        rows=40_000,
    )
    expected = (x - usual.mean(axis=0)) * weights
    assert list(found.attributions.values()) == pytest.approx(expected, abs=1e-9)
    assert found.base_value == pytest.approx(usual.mean(axis=0) @ weights)


def test_the_published_values_of_another_implementation():
    """F = x1·x2·x3·x4 + x5 + x6 on a made-up table of 100 rows, row 1, as R's kernelshap gives it."""
    i = np.arange(1, 101)
    table = np.stack([i / 100, np.log(i), np.sqrt(i), np.sin(i), (i / 100) ** 2, np.cos(i)], axis=1)
    found = ShapKernel().explain(
        lambda got: got["x0"] * got["x1"] * got["x2"] * got["x3"] + got["x4"] + got["x5"],
        {f"x{index}": table[:1, index] for index in range(6)},
        {f"x{index}": table[:, index] for index in range(6)},
        numbers(6),
        seed=0,
    )
    published = [-1.196216, -1.241848, -0.9567848, 3.879420, -0.33825, 0.5456252]
    assert list(found.attributions.values()) == pytest.approx(published, abs=1e-5)


def test_twelve_features_and_a_hundred_rows_are_answered_exactly():
    rng = np.random.default_rng(0)
    usual = {f"x{index}": rng.normal(size=100) for index in range(12)}
    row = {f"x{index}": np.ones(1) for index in range(12)}
    one, other = (
        ShapKernel().explain(lambda got: np.prod(list(got.values())[:3], axis=0), row, usual, numbers(12), seed=seed)
        for seed in (1, 2)
    )
    assert one.quality["exact"] is True
    assert one.attributions == pytest.approx(other.attributions, abs=1e-10)


def test_the_row_budget_holds_and_a_wide_row_thins_the_background():
    rng = np.random.default_rng(0)
    usual = {f"x{index}": rng.normal(size=100) for index in range(40)}
    row = {f"x{index}": np.ones(1) for index in range(40)}
    found = ShapKernel().explain(lambda got: got["x0"] * 2, row, usual, numbers(40), seed=0, rows=1_000)
    assert found.quality["rows_used"] <= 1_000 + 100
    assert found.quality["background_rows"] == 12
    assert found.quality["exact"] is False
    assert found.base_value + sum(found.attributions.values()) == pytest.approx(2.0)

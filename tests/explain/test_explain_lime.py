"""LIME against its own definition: a weighted ridge regression over the same perturbed rows."""

import numpy as np
import pytest
from zoo_rows import columns, make_rows

from explain.explainers.lime_tabular import LimeTabular, Neighbourhood, _library
from explain.players import make_players
from monitor.types import Feature, Kind, ModelSchema, Task


def curved(found):
    """A function with an interaction."""
    carrier = np.array([{"AA": 0.5, "B6": -0.5}.get(value, 0.0) for value in found["carrier"]])
    return np.tanh(np.nan_to_num(found["delay"], nan=-2.0)) + carrier * np.nan_to_num(found["seats"]) / 100


def weighted_ridge(matrix, answers, weights, alpha=1.0):
    """Closed form, with an intercept that is not shrunk."""
    centre, level = np.average(matrix, axis=0, weights=weights), np.average(answers, weights=weights)
    x, y = matrix - centre, answers - level
    coefficients = np.linalg.solve(x.T * weights @ x + alpha * np.eye(x.shape[1]), x.T * weights @ y)
    return coefficients, level - centre @ coefficients


def test_it_equals_the_closed_form_on_the_same_perturbed_rows(schema):
    row, background = columns(make_rows(12, 9), schema), columns(make_rows(50, 1), schema)
    row = {name: column[1:2] for name, column in row.items()}
    players = make_players(row, background, schema)
    asked = []

    def predict(found):
        asked.append(found)
        return curved(found)

    found = LimeTabular().explain(predict, row, background, schema, seed=5, rows=3_000)

    grid = Neighbourhood(players)
    library, drawn = _library(grid, 5), []
    library.explain_instance(
        grid.matrix[0], lambda matrix: (drawn.append(matrix), curved(grid.decode(matrix)))[1], num_samples=3_000
    )
    for name, column in grid.decode(drawn[0]).items():
        np.testing.assert_array_equal(column, asked[0][name])
    bins = library.discretizer.discretize(drawn[0])
    same = (bins == bins[0]).astype(float)
    weights = np.sqrt(np.exp(-((same - 1) ** 2).sum(axis=1) / (0.75**2 * same.shape[1])))
    coefficients, intercept = weighted_ridge(same, curved(asked[0]), weights)
    expected = players.attributions(coefficients, schema)
    assert found.attributions == pytest.approx(expected, abs=1e-9)
    assert found.base_value == pytest.approx(intercept, abs=1e-9)
    assert found.quality["local_prediction"] == pytest.approx(intercept + coefficients.sum(), abs=1e-9)
    assert 0 < found.quality["r2"] <= 1


def test_the_first_row_asked_is_the_row_itself_and_its_answer_the_prediction(schema):
    row, background = columns(make_rows(1, 4), schema), columns(make_rows(50, 1), schema)
    asked = []

    def predict(found):
        asked.append({name: column[0] for name, column in found.items()})
        return curved(found)

    found = LimeTabular().explain(predict, row, background, schema, seed=0, rows=500)
    for name, value in asked[0].items():
        np.testing.assert_array_equal(value, row[name][0])
    assert found.prediction == curved(row)[0]


def test_perturbed_numbers_stay_within_the_values_that_were_seen(schema):
    row, background = columns(make_rows(1, 4), schema), columns(make_rows(50, 1), schema)
    seen = []

    def predict(found):
        seen.append(found)
        return curved(found)

    LimeTabular().explain(predict, row, background, schema, seed=0, rows=5_000)
    for name in ("delay", "seats"):
        known = np.concatenate([row[name], background[name]])
        assert np.nanmin(seen[0][name]) >= np.nanmin(known)
        assert np.nanmax(seen[0][name]) <= np.nanmax(known)
        assert np.isnan(seen[0][name]).any() == np.isnan(known).any(), "null is drawn where null was seen"


def test_a_bin_of_one_value_is_drawn_as_that_value():
    """The library by itself draws 0 from such a bin, here a value that never was."""
    schema = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="x", kind=Kind.NUMERIC),))
    usual, seen = np.array([5.0] * 40 + [7.0, 8.0, 9.0]), []

    def predict(found):
        seen.append(found["x"])
        return found["x"]

    LimeTabular().explain(predict, {"x": np.array([9.0])}, {"x": usual}, schema, seed=0, rows=500)
    assert seen[0].min() == np.median(seen[0]) == 5.0

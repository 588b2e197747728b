"""Models whose answers are no numbers, huge, tiny, constant or coarse: right values, or an error that says why."""

import re

import numpy as np
import pytest

from explain.explainers.shapley import Shapley
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task


def explain(function, x, usual, *, rows=100_000, tolerance=0):
    """Explain a function of a matrix at the row x."""
    names = [f"x{index}" for index in range(len(x))]
    features = tuple(Feature(name=name, kind=Kind.NUMERIC) for name in names)
    return Shapley().explain(
        lambda found: function(np.stack([found[name] for name in names], axis=1)),
        {name: np.array([value]) for name, value in zip(names, x, strict=True)},
        {name: usual[:, index].copy() for index, name in enumerate(names)},
        ModelSchema(model="m", task=Task.REGRESSION, features=features),
        seed=0,
        rows=rows,
        tolerance=tolerance,
    )


def values(found):
    return np.array(list(found.attributions.values()))


def errors(found):
    return np.array(list(found.standard_errors.values()))


def curved(matrix):
    return np.tanh(matrix.sum(axis=1)) + matrix[:, 0] * matrix[:, 1] * matrix[:, 2]


WAYS = pytest.mark.parametrize(
    ("size", "background", "rows"), [(6, 5, 100_000), (12, 1, 300), (12, 1, 2_000), (12, 20, 2_000)],
    ids=["exact", "pairs", "pairs and walks", "walks"],
)  # fmt: skip


def given(size, background):
    rng = np.random.default_rng(size)
    return rng.normal(size=size), rng.normal(size=(background, size))


@WAYS
@pytest.mark.parametrize("answer", [np.nan, np.inf, -np.inf, 1e200])
def test_what_is_no_number_or_cannot_be_squared_is_refused_with_how_often_it_came(size, background, rows, answer):
    x, usual = given(size, background)
    with pytest.raises(InvalidInput, match=re.escape(f"the model answered {answer:g} to ") + r"\d.* rows .*±1e\+150"):
        explain(lambda matrix: np.where(matrix[:, 3] == x[3], answer, curved(matrix)), x, usual, rows=rows)


def test_an_answer_to_a_row_without_players_must_be_a_number_too():
    same = np.ones((3, 2))
    assert explain(lambda matrix: matrix.sum(axis=1), np.ones(2), same).base_value == 2
    with pytest.raises(InvalidInput, match="the model answered nan"):
        explain(lambda matrix: np.full(len(matrix), np.nan), np.ones(2), same)


@WAYS
@pytest.mark.parametrize("scale", [2.0**480, 2.0**-480])
def test_large_and_small_numbers_are_explained_as_any_others(size, background, rows, scale):
    x, usual = given(size, background)
    plain = explain(curved, x, usual, rows=rows)
    scaled = explain(lambda matrix: scale * curved(matrix), x, usual, rows=rows)
    np.testing.assert_allclose(values(scaled) / scale, values(plain), rtol=1e-9)
    np.testing.assert_allclose(errors(scaled) / scale, errors(plain), rtol=1e-6)


@WAYS
def test_numbers_too_small_to_be_squared_are_exact_or_refused(size, background, rows):
    x, usual = given(size, background)

    def tiny(matrix):
        return 2.0**-1_000 * curved(matrix)

    if rows == 100_000:
        np.testing.assert_allclose(values(explain(tiny, x, usual)) * 2.0**1_000, values(explain(curved, x, usual)))
        return
    with pytest.raises(InvalidInput, match=r"further from 0 than .*e-\d+; below 1e-150 nobody can tell"):
        explain(tiny, x, usual, rows=rows)


@WAYS
@pytest.mark.parametrize("answer", [0.0, -3.25, 1e8 + 1 / 3])
def test_a_constant_model_gives_nothing_to_anyone_and_is_certain(size, background, rows, answer):
    found = explain(lambda matrix: np.full(len(matrix), answer), *given(size, background), rows=rows, tolerance=20)
    np.testing.assert_allclose(values(found), 0, atol=1e-15 * abs(answer))
    assert found.quality["reached"] is True
    assert found.quality["relative_error"] == 0
    assert np.all(errors(found) <= 1e-14 * abs(answer))


@WAYS
def test_a_small_signal_on_a_large_offset_is_found(size, background, rows):
    """As far as the answers themselves tell it: 1e8 + 0.001 is known to 1.5e-8."""
    x, usual = given(size, background)
    plain = explain(curved, x, usual, rows=rows)
    offset = explain(lambda matrix: 1e8 + 1e-3 * curved(matrix), x, usual, rows=rows)
    np.testing.assert_allclose((values(offset)) * 1e3, values(plain), atol=1e-3)
    assert sum(offset.attributions.values()) + offset.base_value == pytest.approx(offset.prediction, abs=1e-7)


@WAYS
def test_answers_in_float32_are_added_up_in_float64(size, background, rows):
    """A model's float32 is coarse at 1e8 (steps of 8); means and differences of it add nothing to that."""
    x, usual = given(size, background)

    def coarse(matrix):
        return np.float32(1e8) + (800 * np.round(curved(matrix))).astype(np.float32)

    plain = explain(lambda matrix: 800 * np.round(curved(matrix)), x, usual, rows=rows)
    np.testing.assert_allclose(values(explain(coarse, x, usual, rows=rows)), values(plain), atol=1e-3)


def test_an_interval_is_no_narrower_than_what_answers_round_to():
    """Walks of a game of second order agree to the last digits; the truth is within their errors all the same."""
    x, usual = given(12, 20)
    exact = (x - usual.mean(axis=0)) * np.arange(12)
    found = explain(lambda matrix: 100 + matrix @ np.arange(12.0), x, usual, rows=2_000)
    assert found.quality["exact"] is False
    assert np.all(np.abs(values(found) - exact) <= 10 * errors(found))
    assert errors(found).max() < 1e-12

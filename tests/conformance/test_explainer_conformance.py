"""What every explanation method keeps, run on each that is found."""

import json

import numpy as np
import pytest

from explain.columns import as_column
from explain.explainers import explainers
from explain.models import ModelAdapter
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task


class BlackBox(ModelAdapter):
    """A model that shows nothing of itself."""


SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    features=(
        Feature(name="carrier", kind=Kind.CATEGORICAL),
        Feature(name="delay", kind=Kind.NUMERIC),
        Feature(name="seats", kind=Kind.INTEGER),
        Feature(name="unused", kind=Kind.NUMERIC),
        Feature(name="rain", kind=Kind.BOOLEAN),
        Feature(name="note", kind=Kind.TEXT),
        Feature(name="same", kind=Kind.NUMERIC),
        Feature(name="booked", kind=Kind.TIMESTAMP),
        Feature(name="plane", kind=Kind.ID),
    ),
)


def _columns(rows, **changed):
    rng = np.random.default_rng(rows)
    values = {
        "carrier": rng.choice(["AA", "B6", None], rows).tolist(),
        "delay": rng.normal(size=rows).tolist(),
        "seats": rng.integers(20, 300, rows).tolist(),
        "unused": rng.normal(size=rows).tolist(),
        "rain": rng.choice([True, False, None], rows).tolist(),
        "note": rng.choice(["late", "on time", None], rows).tolist(),
        "same": [1.5] * rows,
        "booked": (1.37e9 + rng.integers(0, 10**6, rows)).tolist(),
        "plane": [f"N{index}" for index in range(rows)],
    } | changed
    return {feature.name: as_column(values[feature.name], feature) for feature in SCHEMA.features}


def _predict(columns):
    """A function with interactions that uses every feature but ``unused``, ``same`` and ``plane``."""
    delay = np.nan_to_num(columns["delay"], nan=-1.0)
    category = np.array([{"AA": 0.3, "B6": -0.2}.get(value, 0.1) for value in columns["carrier"]])
    note = np.array([0.2 if value == "late" else 0.0 for value in columns["note"]])
    rain = np.nan_to_num(columns["rain"], nan=0.5)
    seats = np.nan_to_num(columns["seats"]) / 300
    booked = (columns["booked"] - 1.37e9) / 10**6
    return 1 / (1 + np.exp(-(delay * (1 + category) + category + note * rain + seats + 0.1 * booked)))


METHODS = {name: method for name, method in explainers().items() if method.suits(SCHEMA, BlackBox) is None}
ROW = _columns(1, carrier=["AA"], delay=[2.0], rain=[True])
BACKGROUND = _columns(60)

each = pytest.mark.parametrize("method", [cls() for cls in METHODS.values()], ids=list(METHODS))


def _explain(method, row=ROW, background=BACKGROUND, predict=_predict, seed=3):
    return method.explain(predict, row, background, SCHEMA, seed=seed, rows=2_000)


@each
def test_it_answers_in_plain_numbers_for_every_feature_in_schema_order(method):
    found = _explain(method)
    assert list(found.attributions) == [feature.name for feature in SCHEMA.features]
    assert {type(value) for value in found.attributions.values()} == {float}
    assert {type(value) for value in found.quality.values()} <= {float, int, bool, str, type(None)}
    assert type(found.base_value) is type(found.prediction) is float
    json.dumps([found.attributions, found.quality, found.base_value])
    assert found.prediction == pytest.approx(_predict(ROW)[0], abs=1e-12)
    assert found.quality["rows_used"] <= 3_000


@each
def test_base_value_and_attributions_add_up_to_the_prediction_where_additive(method):
    found = _explain(method)
    total = found.base_value + sum(found.attributions.values())
    if method.additive:
        assert total == pytest.approx(found.prediction, abs=1e-9)
    else:
        assert total == pytest.approx(found.quality["local_prediction"], abs=1e-9)


@each
def test_the_same_seed_gives_bit_identical_answers(method):
    assert _explain(method) == _explain(method)


@each
def test_another_seed_is_another_draw_of_the_same_answer(method):
    one, other = _explain(method, seed=1).attributions, _explain(method, seed=2).attributions
    assert (one != other) == method.by_chance
    top = max(one, key=lambda name: abs(one[name]))
    assert other[top] == pytest.approx(one[top], rel=0.5)


@each
def test_an_unused_feature_gets_about_nothing_and_a_constant_one_exactly_nothing(method):
    found = _explain(method).attributions
    assert abs(found["unused"]) < 0.1 * max(map(abs, found.values()))
    assert found["same"] == 0.0


@each
def test_a_feature_that_cannot_be_replaced_is_held_and_named(method):
    found = _explain(method)
    assert found.attributions["plane"] == 0.0
    assert found.quality["held"] == "plane"


@each
def test_a_constant_model_leaves_nothing_to_attribute(method):
    found = _explain(method, predict=lambda columns: np.full(len(columns["delay"]), 0.25))
    assert found.base_value == pytest.approx(0.25)
    assert all(value == pytest.approx(0, abs=1e-9) for value in found.attributions.values())


@each
def test_a_clear_cause_has_the_sign_it_should_have(method):
    assert _explain(method).attributions["delay"] > 0
    assert _explain(method, _columns(1, carrier=["AA"], delay=[-2.0])).attributions["delay"] < 0


@each
@pytest.mark.parametrize(
    "changed",
    [
        {"delay": [None], "seats": [None], "rain": [None], "note": [None], "carrier": [None], "unused": [None]},
        {"carrier": ["never seen"], "note": ["</script>"], "delay": [1e300]},
        {"unused": [float("inf")]},
    ],
    ids=["nulls", "unseen", "infinite"],
)
def test_nulls_unseen_values_and_extremes_work(method, changed):
    found = _explain(method, _columns(1, **changed))
    assert all(np.isfinite(value) for value in found.attributions.values())


@each
@pytest.mark.parametrize("rows", [1, 2, 60])
def test_a_background_that_equals_the_row_or_is_all_null_works(method, rows):
    same = {name: np.repeat(column, rows) for name, column in ROW.items()}
    assert set(_explain(method, background=same).attributions.values()) == {0.0}
    null = _columns(rows, **{feature.name: [None] * rows for feature in SCHEMA.features if feature.name != "plane"})
    null["booked"] = np.full(rows, 1.37e9)
    assert all(np.isfinite(value) for value in _explain(method, background=null).attributions.values())


@each
def test_only_values_of_row_and_background_kinds_reach_the_model(method):
    """Integers stay whole, truth values 0 or 1, categories are strings or None, and null numbers are NaN."""

    def predict(columns):
        seats, rain = columns["seats"], columns["rain"]
        assert np.all(np.isnan(seats) | (seats == np.round(seats)))
        assert np.all(np.isnan(rain) | np.isin(rain, [0, 1]))
        assert set(columns["carrier"]) <= {"AA", "B6", None}
        assert set(columns["plane"]) <= {"N0", *(f"N{index}" for index in range(60))}
        assert {column.dtype.kind for column in columns.values()} == {"f", "O"}
        return _predict(columns)

    _explain(method, predict=predict)


@each
def test_the_callers_random_generators_and_inputs_are_untouched(method):
    import torch

    before, torch_before = np.random.get_state(), torch.get_rng_state()  # noqa: NPY002 - the global one is meant
    threads = torch.get_num_threads()
    row, background = {k: v.copy() for k, v in ROW.items()}, {k: v.copy() for k, v in BACKGROUND.items()}
    _explain(method, row, background)
    after = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert torch.equal(torch_before, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    for name in ROW:
        np.testing.assert_array_equal(row[name], ROW[name])
        np.testing.assert_array_equal(background[name], BACKGROUND[name])


@each
@pytest.mark.parametrize("settings", [{"rowz": 5}, {"rows": 0}, {"rows": 2.5}, {"rows": True}, {"rows": 10**9}])
def test_a_setting_it_does_not_take_is_refused_with_what_is_allowed(method, settings):
    with pytest.raises(InvalidInput, match="rows"):
        method.explain(_predict, ROW, BACKGROUND, SCHEMA, seed=0, **settings)

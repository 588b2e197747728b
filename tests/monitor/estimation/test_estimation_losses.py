"""Losses before labels, from residuals by prediction: numpy's on the same rows, and right when predictions move."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from monitor.estimation.losses import losses, realised
from monitor.jobs.promise import ByResidual, promise_by_residuals
from monitor.profile import make_binning, profile, read
from monitor.profile.pieces import merge
from monitor.profile.residuals import Residuals, grouped, profile_residuals, scale_of
from monitor.types import ModelSchema, Task

NUMBERS = ModelSchema(model="m", task=Task.REGRESSION, features=())
CLASSES = ModelSchema(model="m", task=Task.MULTICLASS, classes=("a", "b", "c"), features=())
NAMES = ("mae", "rmse", "bias", "r2")


def made(canonical, seed, rows, center=50.0):
    """Rows of a regression whose error grows with what is predicted, and is a tenth too high."""
    rng = np.random.default_rng(seed)
    prediction = rng.normal(center, 15, rows).clip(5)
    label = prediction * (1 + 0.1 * rng.normal(size=rows)) - 0.01 * prediction
    return canonical(
        rows,
        _score=pa.array(prediction),
        _prediction=pa.array(prediction),
        _label=pa.array(label),
        _sign=pa.array(np.ones(rows, np.int8)),
    )


def counted(table, schema, binning):
    pieces = merge(profile_residuals(table, schema, binning), ["column", "binning"])
    return Residuals.of(pieces["counts"][0].values.to_numpy(), scale_of(schema, binning))


def test_residuals_are_numpys_and_the_same_in_any_split(canonical):
    table = made(canonical, 0, 5_000)
    binning = make_binning(table, NUMBERS)
    error = table["_prediction"].to_numpy() - table["_label"].to_numpy()
    found = realised(counted(table, NUMBERS, binning))
    assert found["mae"] == pytest.approx(np.abs(error).mean(), rel=1e-5)
    assert found["bias"] == pytest.approx(error.mean(), rel=1e-4)
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-5)
    parts = [profile_residuals(table.take(pa.array(np.arange(at, 5_000, 3))), NUMBERS, binning) for at in range(3)]
    assert merge(pa.concat_tables(parts)).equals(merge(profile_residuals(table, NUMBERS, binning)))


def test_a_label_taken_back_leaves_nothing(canonical):
    table = made(canonical, 1, 200)
    binning = make_binning(table, NUMBERS)
    back = table.set_column(table.schema.get_field_index("_sign"), "_sign", pa.array(np.full(200, -1, np.int8)))
    both = merge(pa.concat_tables([profile_residuals(each, NUMBERS, binning) for each in (table, back)]))
    assert not both["counts"][0].values.to_numpy().any()


def test_errors_are_foreseen_when_predictions_move_where_errors_are_larger(canonical):
    """Predictions rise by a fifth; the mean error of the reference is then too small, what is foreseen is right."""
    reference, later = made(canonical, 2, 40_000), made(canonical, 3, 20_000, center=60)
    binning = make_binning(reference, NUMBERS)
    promise = promise_by_residuals(
        [counted(reference.slice(at * 2_000, 2_000), NUMBERS, binning) for at in range(20)], NAMES
    )
    assert isinstance(promise.foresight, ByResidual)
    scores = read(profile(later, NUMBERS, binning).filter(pc.field("column") == "_score"), binning, NUMBERS)["_score"]
    given = losses(promise.foresight.reference, grouped(scores.mass), NAMES)
    assert given[3] is None
    truth = realised(counted(later, NUMBERS, binning))
    before = realised(promise.foresight.reference)
    for name, (value, chance) in zip(NAMES[:3], given[:3], strict=True):
        assert abs(value - truth[name]) < 4 * chance + 0.05 * truth[name], name
    assert abs(given[0][0] - truth["mae"]) < 0.3 * abs(before["mae"] - truth["mae"])
    assert len(promise.past["mae"]) == 20
    spread = promise.past["mae"].residual / promise.past["mae"].chance
    assert 0.6 < spread.std() < 1.6


def test_accuracy_of_many_classes_is_foreseen_from_top_probabilities(canonical):
    rng = np.random.default_rng(4)

    def of(rows, lift):
        top = np.clip(rng.beta(4, 2, rows) + lift, 0.34, 0.999)
        right = rng.random(rows) < top
        prediction = rng.choice(["a", "b", "c"], rows)
        label = np.where(right, prediction, np.where(prediction == "a", "b", "a"))
        table = canonical(
            rows,
            _score=pa.array(top),
            _prediction=pa.array(prediction),
            _label=pa.array(label),
            _sign=pa.array(np.ones(rows, np.int8)),
        )
        return table, right.mean()

    (reference, _), (later, truth) = of(30_000, 0.0), of(20_000, -0.2)
    binning = make_binning(reference, CLASSES)
    scores = read(profile(later, CLASSES, binning).filter(pc.field("column") == "_score"), binning, CLASSES)["_score"]
    ((value, chance),) = losses(counted(reference, CLASSES, binning), grouped(scores.mass), ["accuracy"])
    assert value == pytest.approx(truth, abs=0.015)
    assert chance == pytest.approx(np.sqrt(truth * (1 - truth) / 20_000), rel=0.2)

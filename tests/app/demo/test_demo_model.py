"""The demo's model: trained the same way twice it is the same, and what is saved is what is loaded."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from app.demo import data, train
from app.demo.model import FlightModel
from explain.models import Allowed
from explain.models.torch import TorchAdapter
from monitor.types import Feature, Kind, ModelSchema, Task


@pytest.fixture(scope="module")
def trained():
    table = data.between(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 1, tzinfo=UTC))
    return train.train(table, seed=5, epochs=3)


@pytest.fixture(scope="module")
def held_out():
    return data.between(datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 2, 8, tzinfo=UTC))


def test_it_learns_something_that_holds_on_later_flights(trained, held_out) -> None:
    scores, late = trained[0].predict(data.columns(held_out)), data.late(held_out)
    known = ~np.isnan(late)
    assert scores.dtype == np.float64
    assert roc_auc_score(late[known], scores[known]) > 0.6
    assert abs(scores.mean() - late[known].mean()) < 0.1


def test_the_same_seed_gives_the_same_model(held_out) -> None:
    table = data.flights().slice(0, 2000)
    columns = data.columns(held_out.slice(0, 500))
    first, second, other = (train.train(table, seed=seed, epochs=1)[0].predict(columns) for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_progress_counts_every_row_of_every_epoch() -> None:
    table = data.flights().slice(0, 1500)
    seen: list[int] = []
    train.train(table, seed=1, epochs=2, advance=seen.append)
    assert sum(seen) == 2 * (1500 - table["arr_delay"].null_count)


def test_saved_and_loaded_by_the_explainers_adapter_it_answers_the_same(trained, held_out, tmp_path) -> None:
    model, config = trained
    weights = tmp_path / "1" / "model.safetensors"
    train.save(model, config, weights)
    columns = data.columns(held_out)
    schema = ModelSchema(
        model="flights",
        task=Task.BINARY,
        features=tuple(Feature(name=name, kind=Kind(data.FEATURES[name]["kind"])) for name in data.COLUMNS),
        classes=data.CLASSES,
    )
    spec = {
        "adapter": "torch",
        "class": "app.demo.model:FlightModel",
        "weights": str(weights),
        "config": str(weights.with_suffix(".json")),
    }
    adapter = TorchAdapter.load(spec, schema, Allowed(classes=("app.demo.model:FlightModel",)))
    assert np.allclose(train.load(weights).predict(columns), model.predict(columns), atol=1e-6, rtol=0)
    assert np.allclose(adapter.predict(columns), model.predict(columns), atol=1e-6, rtol=0)


def test_unknown_categories_nulls_and_wild_numbers_get_a_probability(trained) -> None:
    model = trained[0]
    columns = data.columns(data.flights().slice(0, 4))
    for name in data.CATEGORIES:
        columns[name] = np.array(["nowhere", None, 5.0, ""], dtype=object)
    for name in data.NUMBERS:
        columns[name] = np.array([np.nan, 1e300, -1e300, 0.0])
    scores = model.predict(columns)
    assert np.isfinite(scores).all()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_null_is_not_the_same_as_the_mean(trained) -> None:
    model, config = trained
    columns = {name: values[:1].copy() for name, values in data.columns(data.flights().slice(9000, 1)).items()}
    columns["humid"] = np.array([config["numbers"]["humid"][0]])
    codes, numbers = model.encode(columns)
    columns["humid"] = np.array([np.nan])
    codes_of_null, numbers_of_null = model.encode(columns)
    assert torch.equal(codes, codes_of_null)
    assert not torch.equal(numbers, numbers_of_null)


def test_the_configuration_alone_builds_the_module(trained) -> None:
    model, config = trained
    rebuilt = FlightModel.from_config(json.loads(json.dumps(config)))
    shapes = {name: tuple(tensor.shape) for name, tensor in rebuilt.state_dict().items()}
    assert shapes == {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert rebuilt.columns == data.COLUMNS

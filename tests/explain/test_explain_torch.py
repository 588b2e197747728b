"""Torch models: a registered class, safetensors weights, a JSON config, and nothing else."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from zoo_rows import columns, make_rows

from explain.models import Allowed, adapter, adapters, checked
from explain.models.torch import TorchAdapter
from monitor.errors import InvalidInput, Unavailable
from monitor.types import Task


def test_it_answers_what_the_class_computes_from_the_saved_weights(artifact, allowed, schema):
    from safetensors.numpy import load_file

    spec = artifact("Linear")
    weights = load_file(spec["weights"])
    rows = columns(make_rows(40), schema)
    numbers = np.nan_to_num(np.stack([rows[name] for name in ("delay", "seats", "spare")], axis=1))
    known = np.array([[value == carrier for carrier in ("AA", "B6", "UA")] for value in rows["carrier"]])
    expected = weights["bias"] + numbers @ weights["weight"] + known @ weights["carrier"]
    found = TorchAdapter.load(spec, schema, allowed).predict(rows)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_hash_follows_weights_config_and_class(artifact):
    spec = artifact("Linear")
    first = TorchAdapter.fingerprint(spec)
    assert first == TorchAdapter.fingerprint(dict(spec))
    assert first != TorchAdapter.fingerprint(artifact("Linear", seed=1))
    assert first != TorchAdapter.fingerprint({**spec, "class": "zoo_models:Classes"})
    Path(spec["config"]).write_text(json.dumps({"numbers": ["delay"]}))
    assert first != TorchAdapter.fingerprint(spec)


@pytest.mark.parametrize("weights", ["/dev/zero", "/nowhere.safetensors", "/"])
def test_what_is_no_file_has_no_hash(artifact, weights):
    with pytest.raises(InvalidInput, match="cannot be read"):
        TorchAdapter.fingerprint({**artifact("Linear"), "weights": weights})


def test_loading_leaves_torchs_global_generator_alone(artifact, allowed, schema):
    import torch

    spec = artifact("Network")
    before = torch.get_rng_state()
    TorchAdapter.load(spec, schema, allowed)
    assert torch.equal(before, torch.get_rng_state())


def test_a_class_that_is_not_allowed_is_not_even_imported(artifact, schema):
    spec = {**artifact("Linear"), "class": "antigravity:fly"}
    with pytest.raises(InvalidInput, match=r"'antigravity:fly' is not allowed; explain\.classes .* zoo_models:Linear"):
        TorchAdapter.load(spec, schema, Allowed(classes=("zoo_models:Linear",)))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"class": "zoo_models:Absent"}, "cannot be imported"),
        ({"class": "zoo_models:NoModule"}, r"must return a torch\.nn\.Module"),
        ({"class": ""}, "needs 'class'"),
        ({"weights": "/nowhere.safetensors"}, "weights file '/nowhere.safetensors' cannot be read"),
        ({"weights": "/dev/zero"}, "weights file '/dev/zero' cannot be read: not a regular file"),
        ({"weights": None}, "needs 'weights'"),
        ({"class": "zoo_models:Network"}, "weights and config do not fit zoo_models:Network"),
    ],
)
def test_a_specification_that_does_not_load_says_what_is_wrong(artifact, allowed, schema, changed, said):
    with pytest.raises(InvalidInput, match=said):
        TorchAdapter.load({**artifact("Linear"), **changed}, schema, allowed)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[1]", "must be a JSON object, got list"),
        ("{", "not JSON"),
        ("{}", "do not fit"),
        ('{"numbers": ["delay"]}', "do not fit"),
    ],
)
def test_a_config_that_does_not_fit_says_so(artifact, allowed, schema, config, said):
    spec = artifact("Linear")
    Path(spec["config"]).write_text(config)
    with pytest.raises(InvalidInput, match=said):
        TorchAdapter.load(spec, schema, allowed)


def test_pickled_weights_are_refused_and_not_run(artifact, allowed, schema, tmp_path):
    class Bomb:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "boom",))

    spec = artifact("Linear")
    Path(spec["weights"]).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InvalidInput, match="do not fit"):
        TorchAdapter.load(spec, schema, allowed)
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize(
    ("answer", "rows"), [([], 0), ([1.0], 2), ([[[1.0]]], 1), ([float("nan")], 1), ([[0.1, float("inf")]], 1), (3.0, 1)]
)
def test_an_answer_that_is_not_one_finite_number_per_row_is_refused(answer, rows):
    with pytest.raises(Unavailable, match="the model answered"):
        checked(answer, rows, Task.BINARY)


def test_one_column_is_one_number_and_classes_stay_apart():
    assert checked([[0.1], [0.2]], 2, Task.REGRESSION).tolist() == [0.1, 0.2]
    assert checked([[0.9, 0.1]], 1, Task.BINARY).tolist() == [0.1]
    assert checked([[0.9, 0.1]], 1, Task.MULTICLASS).tolist() == [[0.9, 0.1]]


def test_an_unknown_adapter_lists_those_there_are():
    known = ", ".join(adapters())
    with pytest.raises(InvalidInput, match=f"no model adapter 'pickle'; set \"adapter\" to one of: {known}"):
        adapter({"adapter": "pickle"})

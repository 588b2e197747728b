"""What asks small batches one after the other takes one thread of a model's library."""

import json

import numpy as np
import pytest
import zoo_files

from explain.models import adapter
from monitor.types import Feature, Kind, ModelSchema, Task


def test_xgboost_takes_one_thread_as_the_other_boosters_do(tmp_path, monkeypatch):
    """Two threads that wait for each other on busy processors take a hundred times as long for a small batch."""
    xgboost = pytest.importorskip("xgboost")
    usual = xgboost.DMatrix
    seen = []
    monkeypatch.setattr(xgboost, "DMatrix", lambda *args, **kw: seen.append(kw.get("nthread")) or usual(*args, **kw))
    path = str(tmp_path / "late.ubj")
    answers = zoo_files.save_xgboost(path)
    seen.clear()
    features = (Feature(name="delay", kind=Kind.NUMERIC), Feature(name="seats", kind=Kind.INTEGER))
    schema = ModelSchema(model="m", task=Task.BINARY, features=features, classes=("0", "1"))
    spec = {"adapter": "xgboost", "model": path}
    model = adapter(spec).load(spec, schema, None)
    matrix, _ = zoo_files.training()
    found = model.predict({"delay": matrix[:, 0], "seats": matrix[:, 1]})
    assert np.allclose(found, answers)
    config = json.loads(model.trees().model.save_config())
    assert (config["learner"]["generic_param"]["nthread"], seen) == ("1", [1])

"""A model that answers for other classes than the schema has is refused; one that names them is read in their order."""

import numpy as np
import pytest
from sklearn.datasets import load_iris

from explain.models import adapter, checked, linked
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task

IRIS = load_iris()
NAMES = tuple(str(name) for name in IRIS.target_names)


def of_iris(classes):
    features = tuple(Feature(name=f"x{at}", kind=Kind.NUMERIC) for at in range(4))
    return ModelSchema(model="iris", task=Task.MULTICLASS, features=features, classes=classes)


def columns():
    return {f"x{at}": IRIS.data[::10, at].astype(float) for at in range(4)}


@pytest.mark.parametrize(
    ("shape", "task", "classes", "said"),
    [
        ((5, 12), Task.MULTICLASS, 11, "answers 12 numbers per row, and the schema has 11 classes"),
        ((5, 3), Task.MULTICLASS, 5, "answers 3 numbers per row, and the schema has 5 classes"),
        ((5,), Task.MULTICLASS, 3, "answers 1 numbers per row, and the schema has 3 classes"),
        ((5, 3), Task.BINARY, 2, "answers 3 numbers per row, and the schema has two classes"),
    ],
)
def test_another_number_of_classes_is_refused(shape, task, classes, said):
    with pytest.raises(InvalidInput, match=said):
        checked(np.full(shape, 0.1), 5, task, [f"c{at}" for at in range(classes)])


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_softmax_of_one_number_per_row_is_refused(shape):
    """Over the only column it is always 1, and over a vector it would be a share of the other rows asked with it."""
    with pytest.raises(InvalidInput, match="set it to sigmoid"):
        linked(np.zeros(shape), "softmax")


def test_labels_instead_of_probabilities_are_refused(tmp_path):
    xgboost = pytest.importorskip("xgboost")
    data = xgboost.DMatrix(IRIS.data, label=IRIS.target)
    path = str(tmp_path / "labels.json")
    xgboost.train({"objective": "multi:softmax", "num_class": 3, "nthread": 1}, data, 3).save_model(path)
    spec = {"adapter": "xgboost", "model": path}
    with pytest.raises(InvalidInput, match="schema has 3 classes"):
        adapter(spec).load(spec, of_iris(NAMES), None).predict(columns())


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_catboosts_classes_are_read_in_the_schemas_order(order, tmp_path):
    catboost = pytest.importorskip("catboost")
    model = catboost.CatBoostClassifier(iterations=5, depth=2, verbose=0, thread_count=1, allow_writing_files=False)
    model.fit(IRIS.data, np.array(NAMES)[IRIS.target])
    model.save_model(str(tmp_path / "iris.cbm"))
    spec = {"adapter": "catboost", "model": str(tmp_path / "iris.cbm")}
    found = adapter(spec).load(spec, of_iris(tuple(NAMES[at] for at in order)), None).predict(columns())
    usual = model.predict_proba(IRIS.data[::10])[:, [list(model.classes_).index(NAMES[at]) for at in order]]
    assert np.allclose(found, usual)

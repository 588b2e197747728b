"""The methods beside our own, each against an oracle: closed forms, brute force, completeness."""

import numpy as np
import pytest
import torch

from explain.columns import as_column
from explain.explainers import explainers
from explain.explainers.expected_gradients import ExpectedGradients
from explain.explainers.integrated_gradients import IntegratedGradients
from explain.explainers.lime_image import LimeImage
from explain.explainers.lime_text import LimeText
from explain.explainers.occlusion import Occlusion
from explain.explainers.shap_permutation import ShapPermutation
from explain.explainers.shap_tree import ShapTree
from explain.explainers.shapley import Shapley
from explain.models import Gradients, ModelAdapter, Trees
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task

NAMES = ("a", "b", "c", "d")
TABLE = ModelSchema(
    model="m", task=Task.REGRESSION, features=tuple(Feature(name=name, kind=Kind.NUMERIC) for name in NAMES)
)


def columns(matrix):
    return {name: np.ascontiguousarray(matrix[:, at]) for at, name in enumerate(NAMES)}


def stacked(found):
    return np.stack([found[name] for name in NAMES], axis=1)


class Forest(ModelAdapter):
    """Trees fitted by scikit-learn."""

    has_trees = True

    def __init__(self, model, drift=0.0):
        self._model, self._drift = model, drift

    def predict(self, given):
        return self._model.predict(stacked(given)) + self._drift * given["a"]

    def trees(self):
        return Trees(self._model, stacked, NAMES)

    load = fingerprint = None


class Net(ModelAdapter):
    """A torch network that shows what gradients follow."""

    has_gradients = True

    def __init__(self, function):
        self._function = function

    def predict(self, given):
        return self.answers(self.inputs(given)).detach().numpy()

    def inputs(self, given):
        return {name: torch.from_numpy(np.asarray(column, dtype=float)) for name, column in given.items()}

    def answers(self, inputs):
        return self._function(torch.stack([inputs[name] for name in NAMES], dim=1))

    def gradients(self):
        return Gradients(self.inputs, self.answers)

    load = fingerprint = None


@pytest.fixture
def table():
    return np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32).astype(np.float64)


def looked(method, model, output=None):
    made = method()
    made.look_into(model, output)
    return made


def test_trees_agree_with_all_coalitions_of_the_same_game(table):
    from sklearn.ensemble import GradientBoostingRegressor

    fitted = GradientBoostingRegressor(random_state=0, n_estimators=40).fit(
        table, table[:, 0] * table[:, 1] + table[:, 2]
    )
    model, row, usual = Forest(fitted), columns(table[:1]), columns(table[100:150])
    found = looked(ShapTree, model).explain(model.predict, row, usual, TABLE, seed=0)
    exact = Shapley().explain(model.predict, row, usual, TABLE, seed=0)
    assert exact.quality["exact"]
    for name in NAMES:
        assert found.attributions[name] == pytest.approx(exact.attributions[name], abs=1e-6)
    assert found.base_value + sum(found.attributions.values()) == pytest.approx(found.prediction, abs=1e-9)


def test_trees_that_do_not_add_up_to_what_the_model_answers_are_refused(table):
    from sklearn.ensemble import GradientBoostingRegressor

    fitted = GradientBoostingRegressor(random_state=0, n_estimators=10).fit(table, table[:, 0])
    model = Forest(fitted, drift=0.5)
    with pytest.raises(InvalidInput, match="does not read these trees as the model does; use shapley"):
        looked(ShapTree, model).explain(model.predict, columns(table[:1]), columns(table[100:150]), TABLE, seed=0)


def test_a_classifiers_trees_are_explained_in_probabilities(table):
    from sklearn.ensemble import RandomForestClassifier

    fitted = RandomForestClassifier(20, max_depth=4, random_state=0).fit(table, table[:, 0] + table[:, 1] > 0)
    model = Forest(fitted)
    model.predict = lambda given: fitted.predict_proba(stacked(given))[:, 1]
    row, usual = columns(table[:1]), columns(table[100:150])
    found = looked(ShapTree, model).explain(model.predict, row, usual, TABLE, seed=0)
    exact = Shapley().explain(model.predict, row, usual, TABLE, seed=0)
    for name in NAMES:
        assert found.attributions[name] == pytest.approx(exact.attributions[name], abs=1e-6)


def test_permutation_is_exact_for_interactions_of_two(table):
    def predict(given):
        return given["a"] * given["b"] + 2 * given["c"]

    row, usual = columns(table[:1]), columns(table[100:120])
    found = ShapPermutation().explain(predict, row, usual, TABLE, seed=5, rows=1_000)
    exact = Shapley().explain(predict, row, usual, TABLE, seed=0)
    for name in NAMES:
        assert found.attributions[name] == pytest.approx(exact.attributions[name], abs=1e-9)


def test_occlusion_of_a_linear_model_is_weight_times_distance_from_the_mean(table):
    usual = columns(table[100:120])
    found = Occlusion().explain(lambda given: 3 * given["a"] - given["d"], columns(table[:1]), usual, TABLE, seed=0)
    assert found.attributions["a"] == pytest.approx(3 * (table[0, 0] - usual["a"].mean()))
    assert found.attributions["d"] == pytest.approx(-(table[0, 3] - usual["d"].mean()))
    assert found.attributions["b"] == 0
    assert found.quality["local_prediction"] == pytest.approx(found.prediction)


def test_integrated_gradients_are_complete_and_exact_for_a_cubic(table):
    """∫ of the gradient along the line: of x³ from m to x it is (x³ − m³), of x·y it splits evenly about the middle."""
    model = Net(lambda x: x[:, 0] ** 3 + x[:, 1] * x[:, 2])
    row, usual = columns(table[:1]), columns(table[100:120])
    found = looked(IntegratedGradients, model).explain(model.predict, row, usual, TABLE, seed=0)
    own, mean = table[0], table[100:120].mean(axis=0)
    assert found.attributions["a"] == pytest.approx(own[0] ** 3 - mean[0] ** 3, abs=1e-9)
    assert found.attributions["b"] == pytest.approx((own[1] - mean[1]) * (own[2] + mean[2]) / 2, abs=1e-9)
    assert found.attributions["d"] == 0
    assert found.quality["completeness_gap"] < 1e-9


def test_expected_gradients_of_a_linear_model_are_shapley_values(table):
    model = Net(lambda x: x @ torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64))
    row, usual = columns(table[:1]), columns(table[100:150])
    found = looked(ExpectedGradients, model).explain(model.predict, row, usual, TABLE, seed=0, rows=1_000)
    for name, weight in zip(NAMES, (1.0, -2.0, 0.5, 0.0), strict=True):
        assert found.attributions[name] == pytest.approx(weight * (row[name][0] - usual[name].mean()), abs=1e-9)
    assert found.quality["completeness_gap"] < 1e-9


def test_expected_gradients_miss_by_what_their_standard_errors_say(table):
    model = Net(lambda x: torch.tanh(2 * x[:, 0]) * x[:, 1])
    row, usual = columns(table[:1]), columns(table[100:150])
    method = looked(ExpectedGradients, model)
    many = [method.explain(model.predict, row, usual, TABLE, seed=seed, rows=500) for seed in range(30)]
    truth = method.explain(model.predict, row, usual, TABLE, seed=99, rows=100_000).attributions["a"]
    off = np.array([each.attributions["a"] - truth for each in many])
    said = np.array([each.standard_errors["a"] for each in many])
    assert 0.3 < off.std() / said.mean() < 1.5


def test_gradients_leave_the_model_as_it_was():
    layer = torch.nn.Linear(4, 1, dtype=torch.float64)
    model = Net(lambda x: layer(x)[:, 0])
    row = columns(np.ones((1, 4)))
    looked(IntegratedGradients, model).explain(model.predict, row, columns(np.zeros((5, 4))), TABLE, seed=0)
    assert layer.training
    assert layer.weight.grad is None
    assert layer.weight.requires_grad
    assert not layer._forward_hooks
    assert not layer._backward_hooks


@pytest.mark.parametrize("method", [IntegratedGradients, ExpectedGradients, ShapTree])
def test_a_method_that_looks_inside_says_what_is_missing(method, table):
    with pytest.raises(InvalidInput, match=r"use shapley"):
        method().explain(lambda given: given["a"], columns(table[:1]), columns(table[1:9]), TABLE, seed=0)


WEIGHTS = {"late": 0.3, "again": 0.1, "fine": -0.2}
TEXT = ModelSchema(model="m", task=Task.BINARY, features=(Feature(name="note", kind=Kind.TEXT),))


def read(given):
    return np.array([0.5 + sum(WEIGHTS.get(word, 0) for word in (text or "").split()) for text in given["note"]])


def notes(*texts):
    return {"note": as_column(texts, TEXT.features[0])}


@pytest.mark.parametrize("method", [LimeText, Occlusion, Shapley])
def test_words_of_a_model_that_adds_them_up_get_their_weights(method):
    text = "late again and again"
    found = method().explain(read, notes(text), notes("fine", "all fine today"), TEXT, seed=1, rows=1_000)
    amounts = [(text[slice(*part.place)], part.amount) for part in found.parts]
    assert [word for word, _ in amounts] == text.split()
    expected = {"late": 0.3, "again": 0.1, "and": 0.0}
    for word, amount in amounts:
        assert amount == pytest.approx(expected[word], abs=0.02)
    assert found.attributions["note"] == pytest.approx(sum(part.amount for part in found.parts))


IMAGE = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="scan", kind=Kind.IMAGE),))


def bright(given):
    return np.array([np.asarray(image, dtype=float)[:4, :4].mean() for image in given["scan"]])


@pytest.mark.parametrize("method", [LimeImage, Occlusion, Shapley])
def test_only_the_segments_that_the_model_looks_at_count(method):
    rng = np.random.default_rng(0)
    scan = rng.random((12, 12))
    scan[:4, :4] += np.kron([[0, 1], [1, 0]], np.ones((2, 2)))
    row = {"scan": np.empty(1, dtype=object)}
    row["scan"][0] = scan.tolist()
    found = method().explain(bright, row, row, IMAGE, seed=1, rows=1_000)
    assert found.parts
    inside = {part.label: part.amount for part in found.parts if any(_in_corner(part.place, 12))}
    outside = [abs(part.amount) for part in found.parts if part.label not in inside]
    assert max(outside, default=0) < 0.2 * max(map(abs, inside.values()))


def _in_corner(place, width):
    for first, length in zip(place[::2], place[1::2], strict=True):
        for pixel in range(first, first + length):
            yield pixel // width < 4 and pixel % width < 4


def test_every_method_is_for_some_model_and_says_which_it_is_not_for():
    for name, method in explainers().items():
        said = [method.suits(schema, kind) for schema in (TABLE, TEXT, IMAGE) for kind in (Forest, Net)]
        assert None in said, name
        assert all(reason is None or reason.startswith("it ") for reason in said)

"""Oracles that go through a method's whole way: LIME on words, gradients of a network, trees in their own files."""

import numpy as np
import pytest
import torch
import zoo_files
from zoo_files import training

from explain.choosing import choose
from explain.columns import as_column
from explain.explainers.integrated_gradients import IntegratedGradients
from explain.explainers.lime_image import LimeImage
from explain.explainers.lime_text import LimeText
from explain.explainers.shap_tree import ShapTree
from explain.explainers.shapley import Shapley
from explain.models import Allowed, Gradients, ModelAdapter, adapter
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task

WORDS = ("the", "flight", "was", "late", "again", "today")
TEXT = ModelSchema(model="m", task=Task.BINARY, features=(Feature(name="note", kind=Kind.TEXT),))
TWO = ModelSchema(
    model="m",
    task=Task.BINARY,
    features=(Feature(name="delay", kind=Kind.NUMERIC), Feature(name="seats", kind=Kind.INTEGER)),
    classes=("0", "1"),
)


def moody(text):
    """A function of a text with interactions."""
    words = set(text.split())
    return np.tanh(0.8 * ("late" in words) * (1 + ("again" in words)) - 0.3 * ("flight" not in words))


def test_lime_on_words_is_the_closed_form_of_a_weighted_ridge_regression():
    """Weights √exp(−d²/25²) with d the cosine distance of the words that are left, times 100; ridge with α = 1."""
    asked = []

    def predict(found):
        asked.extend(found["note"].tolist())
        return np.array([moody(text) for text in found["note"]])

    row = {"note": as_column([" ".join(WORDS)], TEXT.features[0])}
    found = LimeText().explain(predict, row, row, TEXT, seed=3, rows=800)
    there = np.array([[word in text.split() for word in WORDS] for text in asked], dtype=float)
    answers = np.array([moody(text) for text in asked])
    assert len(there) == 800
    assert there[0].all()
    lengths = there.sum(axis=1)
    distance = 100 * (1 - np.sqrt(lengths / len(WORDS)))
    coefficients, intercept = ridge(there, answers, np.sqrt(np.exp(-(distance**2) / 25**2)))
    assert [part.amount for part in found.parts] == pytest.approx(coefficients.tolist(), abs=1e-9)
    assert found.base_value == pytest.approx(intercept, abs=1e-9)


def ridge(there, answers, weights):
    """Return coefficients and intercept of the weighted ridge regression with α = 1, by its closed form."""
    centre, level = np.average(there, axis=0, weights=weights), np.average(answers, weights=weights)
    x, y = there - centre, answers - level
    coefficients = np.linalg.solve(x.T * weights @ x + np.eye(there.shape[1]), x.T * weights @ y)
    return coefficients, level - centre @ coefficients


@pytest.mark.parametrize("shape", [(12, 12), (12, 12, 3)], ids=["grey", "colour"])
def test_lime_on_segments_is_the_closed_form_of_a_weighted_ridge_regression(shape):
    """The same with segments hidden by their own mean colour, and a kernel of width 0.25 on the cosine distance."""
    rng = np.random.default_rng(5)
    scan = np.kron(rng.random((3, 3)), np.ones((4, 4))) + 0.1 * rng.random((12, 12))
    scan = scan if len(shape) == 2 else np.stack([scan, scan[::-1], scan.T], axis=2)
    schema = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="scan", kind=Kind.IMAGE),))
    asked = []

    def predict(found):
        images = np.stack([np.asarray(image, dtype=float) for image in found["scan"]])
        asked.append(images)
        return np.tanh((images[:, :6] * images[:, 6:]).reshape(len(images), -1).sum(axis=1) / 30)

    row = {"scan": np.empty(1, dtype=object)}
    row["scan"][0] = scan.tolist()
    found = LimeImage().explain(predict, row, row, schema, seed=2, rows=600)
    images = np.concatenate(asked)[:600]
    pixels = [
        np.concatenate(
            [np.arange(at, at + length) for at, length in zip(part.place[::2], part.place[1::2], strict=True)]
        )
        for part in found.parts
    ]
    assert len(pixels) > 3
    assert sorted(np.concatenate(pixels).tolist()) == list(range(144)), "the segments cover the image, each pixel once"
    flat, own = images.reshape(600, 144, -1), scan.reshape(144, -1)
    there = np.stack([(np.abs(flat[:, place] - own[place]) < 1e-12).all(axis=(1, 2)) for place in pixels], axis=1)
    for at, place in enumerate(pixels):
        hidden = flat[~there[:, at]][:, place]
        assert hidden == pytest.approx(np.broadcast_to(own[place].mean(axis=0), hidden.shape))
    assert there[0].all()
    distance = 1 - np.sqrt(there.mean(axis=1))
    weights = np.sqrt(np.exp(-(distance**2) / 0.25**2))
    answers = np.tanh((images[:, :6] * images[:, 6:]).reshape(600, -1).sum(axis=1) / 30)
    coefficients, intercept = ridge(there.astype(float), answers, weights)
    assert [part.amount for part in found.parts] == pytest.approx(coefficients.tolist(), abs=1e-9)
    assert found.base_value == pytest.approx(intercept, abs=1e-9)
    left = answers - intercept - there @ coefficients
    spread = answers - np.average(answers, weights=weights)
    assert found.quality["r2"] == pytest.approx(1 - (weights @ left**2) / (weights @ spread**2))


class Wave(ModelAdapter):
    """A network that shows what gradients follow."""

    has_gradients = True

    def __init__(self):
        torch.manual_seed(0)
        self._net = torch.nn.Sequential(
            torch.nn.Linear(2, 16), torch.nn.GELU(), torch.nn.LayerNorm(16), torch.nn.Linear(16, 1)
        ).double()

    def predict(self, given):
        return self._answers(self._inputs(given)).detach().numpy()

    def gradients(self):
        return Gradients(self._inputs, self._answers)

    def _inputs(self, given):
        return {name: torch.from_numpy(np.asarray(given[name], dtype=float)) for name in ("delay", "seats")}

    def _answers(self, inputs):
        return self._net(torch.stack([inputs["delay"], inputs["seats"] / 100], dim=1))[:, 0]

    load = fingerprint = None


def test_integrated_gradients_of_a_network_are_complete_and_more_so_with_more_points():
    """Attributions add up to the row's answer less the mean's, layer norm and all."""
    matrix, _ = training()
    model, method = Wave(), IntegratedGradients()
    method.look_into(model, None)
    row = {"delay": matrix[:1, 0], "seats": matrix[:1, 1]}
    usual = {"delay": matrix[50:90, 0], "seats": matrix[50:90, 1]}
    mean = {name: column.mean(keepdims=True) for name, column in usual.items()}
    gaps = []
    for points in (8, 64):
        found = method.explain(model.predict, row, usual, TWO, seed=0, rows=points)
        total = float(model.predict(row)[0] - model.predict(mean)[0])
        gaps.append(abs(sum(found.attributions.values()) - total))
        assert found.quality["completeness_gap"] == pytest.approx(gaps[-1], abs=1e-12)
    assert gaps[1] < 1e-6
    assert gaps[1] <= gaps[0]


def in_log_odds(model, name):
    """The same trees as a model of what they add up to."""
    adapted = model.trees()
    if name == "xgboost":
        import xgboost

        return lambda matrix: adapted.model.predict(xgboost.DMatrix(matrix), output_margin=True).astype(float)
    if name == "lightgbm":
        return lambda matrix: adapted.model.predict(matrix, raw_score=True)
    return lambda matrix: adapted.model.predict(matrix, prediction_type="RawFormulaVal")


@pytest.mark.parametrize("name", ["xgboost", "lightgbm", "catboost"])
def test_trees_in_their_own_files_agree_with_all_coalitions_where_they_add_up(name, tmp_path):
    """In log odds they are exact; of the probability they are scaled, near it, and say that they are not exact."""
    path = tmp_path / {"xgboost": "m.ubj", "lightgbm": "m.txt", "catboost": "m.cbm"}[name]
    getattr(zoo_files, f"save_{name}")(str(path))
    spec = {"adapter": name, "model": str(path)}
    model = adapter(spec).load(spec, TWO, Allowed())
    matrix = training()[0].astype(np.float32).astype(float)  # thresholds are compared in single precision
    row = {"delay": matrix[:1, 0], "seats": matrix[:1, 1]}
    usual = {"delay": matrix[50:90, 0], "seats": matrix[50:90, 1]}
    method, margin = ShapTree(), in_log_odds(model, name)

    def raw(found):
        return margin(np.stack([found["delay"], found["seats"]], axis=1))

    method.look_into(model, None)
    for predict, exactly in ((raw, True), (model.predict, False)):
        found = method.explain(predict, row, usual, TWO, seed=0)
        truth = Shapley().explain(predict, row, usual, TWO, seed=0)
        assert truth.quality["exact"] is True
        assert found.quality["exact"] is exactly
        assert found.attributions == pytest.approx(truth.attributions, abs=1e-5 if exactly else 0.02)
        assert found.base_value + sum(found.attributions.values()) == pytest.approx(found.prediction, abs=1e-9)
    assert "log odds" in found.quality["scaled"]


def test_boosted_classifiers_are_explained_by_shapley_unless_trees_are_asked_for():
    regression = ModelSchema(model="m", task=Task.REGRESSION, features=TWO.features)
    for name in ("xgboost", "lightgbm", "catboost"):
        assert choose("auto", TWO, adapter({"adapter": name}))[0] == "shapley"
        assert choose("auto", regression, adapter({"adapter": name}))[0] == "shap_tree"
        assert choose("shap_tree", TWO, adapter({"adapter": name}))[0] == "shap_tree"


def test_a_catboost_model_of_categories_is_refused_with_what_to_do(tmp_path):
    import catboost

    rng = np.random.default_rng(0)
    rows = [[str(rng.choice(["AA", "B6"])), float(at)] for at in range(60)]
    model = catboost.CatBoostClassifier(iterations=3, depth=2, verbose=0, thread_count=1, allow_writing_files=False)
    model.fit(rows, [int(row[0] == "AA") for row in rows], cat_features=[0])
    model.save_model(str(tmp_path / "m.cbm"))
    spec = {"adapter": "catboost", "model": str(tmp_path / "m.cbm")}
    with pytest.raises(InvalidInput, match=r"reads categories or texts as such; .* export it to ONNX"):
        adapter(spec).load(spec, TWO, Allowed())

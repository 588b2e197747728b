"""A model whose training was stopped early is asked as its own library asks it."""

import json

import numpy as np
import pytest

from explain.explainers import explainer
from explain.models import adapter
from monitor.types import Feature, Kind, ModelSchema, Task

xgboost = pytest.importorskip("xgboost")
RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(400, 4))
COLUMNS = {f"x{at}": ROWS[:, at] for at in range(4)}
LATE = (ROWS[:, 0] * ROWS[:, 1] + RNG.normal(size=400) > 0).astype(int)
FEATURES = tuple(Feature(name=name, kind=Kind.NUMERIC) for name in COLUMNS)


def loaded(path, task, classes=()):
    spec = {"adapter": "xgboost", "model": str(path)}
    return adapter(spec).load(spec, ModelSchema(model="m", task=task, features=FEATURES, classes=classes), None)


def trained(classes=2, **changed):
    """Return an estimator that saw more rounds than were good for it."""
    labels = LATE + (ROWS[:, 2] > 0) if classes == 3 else LATE
    given = {"n_estimators": 60, "early_stopping_rounds": 5, "learning_rate": 0.3, "n_jobs": 1}
    made = xgboost.XGBClassifier(**given, **changed)
    return made.fit(ROWS[:200], labels[:200], eval_set=[(ROWS[200:], labels[200:])], verbose=False)


@pytest.mark.parametrize("ending", ["json", "ubj"])
@pytest.mark.parametrize(
    "changed",
    [{}, {"booster": "dart", "rate_drop": 0.2}, {"num_parallel_tree": 2, "subsample": 0.6}, {"booster": "gblinear"}],
    ids=["trees", "dart", "forests", "linear"],
)
def test_what_the_scikit_learn_interface_saved_answers_as_that_interface_does(changed, ending, tmp_path):
    estimator = trained(**changed)
    estimator.save_model(tmp_path / f"m.{ending}")
    found = loaded(tmp_path / f"m.{ending}", Task.BINARY).predict(COLUMNS)
    np.testing.assert_allclose(found, estimator.predict_proba(ROWS)[:, 1], atol=1e-7)


def test_so_does_one_of_several_classes(tmp_path):
    estimator = trained(classes=3)
    estimator.save_model(tmp_path / "m.json")
    found = loaded(tmp_path / "m.json", Task.MULTICLASS, ("a", "b", "c")).predict(COLUMNS)
    np.testing.assert_allclose(found, estimator.predict_proba(ROWS), atol=1e-7)


def test_what_a_booster_saved_answers_with_all_its_trees_as_a_booster_does(tmp_path):
    given, held = (xgboost.DMatrix(ROWS[part], label=LATE[part]) for part in (slice(200), slice(200, None)))
    booster = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, given, 60, evals=[(held, "held")], early_stopping_rounds=5,
        verbose_eval=False,
    )  # fmt: skip
    booster.save_model(tmp_path / "m.json")
    assert "best_iteration" in json.loads((tmp_path / "m.json").read_text())["learner"]["attributes"]
    answers = booster.predict(xgboost.DMatrix(ROWS))
    np.testing.assert_allclose(loaded(tmp_path / "m.json", Task.BINARY).predict(COLUMNS), answers, atol=1e-7)
    best = booster.predict(xgboost.DMatrix(ROWS), iteration_range=(0, booster.best_iteration + 1))
    assert np.abs(answers - best).max() > 0.05, "they differ"


def test_trees_are_read_as_far_as_they_answer(tmp_path):
    """TreeSHAP refuses values that do not add up to the answer: of a regression's they do exactly."""
    estimator = xgboost.XGBRegressor(n_estimators=60, early_stopping_rounds=5, learning_rate=0.5, n_jobs=1)
    target = ROWS[:, 0] * ROWS[:, 1] + RNG.normal(size=400)
    estimator.fit(ROWS[:200], target[:200], eval_set=[(ROWS[200:], target[200:])], verbose=False)
    estimator.save_model(tmp_path / "m.ubj")
    model = loaded(tmp_path / "m.ubj", Task.REGRESSION)
    method = explainer("shap_tree")()
    method.look_into(model, None)
    schema = ModelSchema(model="m", task=Task.REGRESSION, features=FEATURES, target="y")
    row, usual = ({name: column[part] for name, column in COLUMNS.items()} for part in (slice(1), slice(1, 51)))
    found = method.explain(model.predict, row, usual, schema, seed=0)
    assert found.quality["exact"]
    assert found.prediction == pytest.approx(float(estimator.predict(ROWS[:1])[0]), abs=1e-5)

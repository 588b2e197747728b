"""A method that does not suit a model is refused before anything is loaded, with those that do."""

import pytest

from explain.choosing import ASKED, AUTO, choose
from explain.models import adapter
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task

TABLE = ModelSchema(model="homes", task=Task.REGRESSION, features=(Feature(name="area", kind=Kind.NUMERIC),))
KINDS = ModelSchema(model="kinds", task=Task.MULTICLASS, features=TABLE.features, classes=("flat", "house", "castle"))
TEXT = ModelSchema(model="notes", task=Task.BINARY, features=(Feature(name="text", kind=Kind.TEXT),))


@pytest.mark.parametrize(
    ("schema", "kind", "method", "instead"),
    [
        (TABLE, "xgboost", "lime_image", "lime"),
        (TABLE, "xgboost", "lime_text", "shap_tree"),
        (TABLE, "xgboost", "integrated_gradients", "shapley"),
        (TEXT, "torch", "lime", "lime_text"),
        (TEXT, "torch", "interactions", "occlusion"),
        (TEXT, "torch", "shap_tree", "shapley"),
        (KINDS, "xgboost", "shap_tree", "shapley"),
        (KINDS, "lightgbm", "shap_tree", "shapley"),
        (KINDS, "catboost", "shap_tree", "shapley"),
    ],
)
def test_what_does_not_suit_is_refused_with_the_reason_and_what_does(schema, kind, method, instead):
    with pytest.raises(InvalidInput, match=f"{method} cannot explain '{schema.model}': .*; use one of: .*{instead}"):
        choose(method, schema, adapter({"adapter": kind}))


def test_what_suits_is_taken_as_asked_and_without_a_wish_one_is_chosen():
    assert choose("lime", TABLE, adapter({"adapter": "xgboost"})) == ("lime", ASKED)
    assert choose(AUTO, TABLE, adapter({"adapter": "xgboost"}))[0] == "shap_tree"
    assert choose(AUTO, TEXT, adapter({"adapter": "torch"}))[0] == "shapley"
    assert choose(AUTO, KINDS, adapter({"adapter": "lightgbm"}))[0] == "shapley"
    assert choose(AUTO, KINDS, adapter({"adapter": "sklearn"}))[0] == "shap_tree", "forests add up to probabilities"

"""A text's counterfactual is the same text with fewer of its own words, and is said so; never what others wrote."""

from datetime import UTC, datetime

import numpy as np
import pytest

from explain.columns import as_column
from explain.counterfactual import Goal, Search
from explain.reasons import reasons
from monitor.types import Explanation, Feature, Kind, ModelSchema, Task

MAIL = Feature(name="mail", kind=Kind.TEXT, title="Mail")
SCHEMA = ModelSchema(model="m", task=Task.BINARY, classes=("other", "money"), features=(MAIL,))
OTHERS = ["private words of somebody else", "my doctor said"]
OWN = "please pay the invoice amount now"


def search(predict, own, schema=SCHEMA):
    row, background = ({"mail": as_column(values, MAIL)} for values in ([own], OTHERS))
    return Search(predict, row, background, schema, ["mail"], Goal(high=0.5)).find()


def about(words):
    """Return a model that is surer the more of some words a text has."""

    def predict(columns):
        return np.array([0.3 * len(words & set((text or "").split())) for text in columns["mail"]])

    return predict


def test_the_fewest_words_whose_absence_decides_otherwise_are_left_out():
    assert search(about({"invoice", "amount"}), OWN).changes == {"mail": "please pay the amount now"}
    assert search(about({"invoice", "amount", "pay"}), OWN).changes == {"mail": "please the amount now"}


def test_what_replaces_a_word_is_the_owners_token():
    masked = Feature(name="mail", kind=Kind.TEXT, absent="[MASK]")
    schema = ModelSchema(model="m", task=Task.BINARY, classes=("other", "money"), features=(masked,))
    found = search(about({"invoice", "amount"}), OWN, schema)
    assert found.changes == {"mail": "please pay the [MASK] amount now"}
    assert found.cost == pytest.approx(1 / 6)


@pytest.mark.parametrize("own", [None, "", "   ", "invoice", OWN])
def test_other_rows_texts_are_never_shown(own):
    """Where only the words of others would decide otherwise, nothing is found."""

    def predict(columns):
        return np.array([0.1 if text in OTHERS else 0.9 for text in columns["mail"]])

    assert search(predict, own) is None


@pytest.mark.parametrize(
    ("own", "value", "said"),
    [
        (OWN, "please pay the amount now", "Mail lacking “invoice”, all else equal."),
        ("a a b", "a", "Mail lacking “a” and “b”, all else equal."),
        (" ".join("abcdefghijkl"), "a b", "Mail lacking 10 of its 12 words, all else equal."),
    ],
)
def test_the_letter_names_the_words_that_decided(own, value, said):
    found = Explanation(
        id="e", model="m", version="1", inference_id="r", method="shapley", output="probability of money",
        link="identity", base_value=0.2, prediction=0.9, attributions={"mail": 0.7}, values={"mail": own},
        quality={}, standard_errors=None, seed=0, model_hash="h", background_hash="b", settings={}, seconds=0.1,
        created=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert reasons(found, SCHEMA, {"mail": value}, "“other”").endswith(f"It would have been “other” with {said}")

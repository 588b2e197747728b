"""Counterfactuals on models whose smallest change is known, and the words made of one."""

from datetime import UTC, datetime

import numpy as np
import pytest

from explain.columns import as_column
from explain.counterfactual import Goal, Search
from explain.margins import Margins
from explain.reasons import reasons
from explain.trying import checked
from monitor.errors import InvalidInput
from monitor.types import Explanation, Feature, Kind, ModelSchema, Part, Task

SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    classes=("on time", "late"),
    features=(
        Feature(name="delay", kind=Kind.NUMERIC, unit="min", title="Delay"),
        Feature(name="seats", kind=Kind.INTEGER),
        Feature(name="carrier", kind=Kind.CATEGORICAL),
        Feature(name="age", kind=Kind.NUMERIC, protected=True),
    ),
)


def columns(**values):
    return {feature.name: as_column(values[feature.name], feature) for feature in SCHEMA.features}


RNG = np.random.default_rng(0)
USUAL = columns(
    delay=RNG.normal(size=100), seats=RNG.integers(50, 300, 100), carrier=RNG.choice(["AA", "B6", None], 100),
    age=RNG.normal(size=100),
)  # fmt: skip
ROW = columns(delay=[2.0], seats=[100], carrier=["AA"], age=[0.0])


LOWER = Goal(high=0.5)


def search(predict, allowed=("delay", "seats", "carrier"), goal=LOWER, row=ROW):
    return Search(predict, row, USUAL, SCHEMA, allowed, goal)


def test_of_several_classes_the_smallest_change_to_any_other_is_found():
    """Class 1 overtakes class 0 below a delay of 1, class 2 never does; the search goes by the margin."""

    def ask(given, place):
        low = np.clip(0.4 - given["delay"] / 10, 0, 1)
        return (0.6 - low, low, np.full(len(low), 0.1))[place]

    margins = Margins(ask, ("a", "b", "c"), 0)
    found = search(margins.ahead, goal=Goal(high=0.0)).find()
    assert set(found.changes) == {"delay"}
    assert 0.98 < found.changes["delay"] < 1.0
    instead = ROW | {"delay": np.array([found.changes["delay"]])}
    decided, own = margins.decided(instead)
    assert decided == "b"
    assert own == pytest.approx(0.3, abs=0.01)
    assert margins.decided(ROW)[0] == "a"
    with pytest.raises(InvalidInput, match="at most 20 classes"):
        Margins(ask, tuple(map(str, range(21))), 0)


def test_the_least_step_of_a_number_over_the_threshold_is_found():
    """P = 0.5 at a delay of exactly 1: nothing nearer to 2 than 1 does it."""
    found = search(lambda given: 0.25 + given["delay"] / 4).find()
    assert set(found.changes) == {"delay"}
    assert 0.98 < found.changes["delay"] < 1.0
    assert found.answer < 0.5


def test_whole_numbers_stay_whole():
    found = search(lambda given: np.where(given["seats"] > 150, 0.2, 0.9)).find()
    assert found.changes == {"seats": 151.0}


def test_a_category_that_the_background_has_is_enough():
    found = search(lambda given: np.where(given["carrier"] == "B6", 0.1, 0.9)).find()
    assert found.changes == {"carrier": "B6"}


def test_two_inputs_change_only_where_one_does_not_do():
    def both(given):
        return 0.9 - 0.25 * (given["delay"] < 1) - 0.25 * (given["carrier"] == "B6")

    found = search(both).find()
    assert set(found.changes) == {"delay", "carrier"}
    assert search(lambda given: both(given) - 0.3).find().cost < found.cost


def shift(name, value):
    """The share of the usual values between the row's own and another; ties count half."""
    usual, own = USUAL[name], ROW[name][0]
    return abs(np.mean(np.sign(usual - own)) - np.mean(np.sign(usual - value))) / 2


def test_the_way_back_from_far_outside_is_shorter_than_one_to_the_other_end_of_what_is_usual():
    far = ROW | {"delay": np.array([500.0])}

    def predict(given):
        return np.where((given["delay"] < 1) | (given["seats"] > 285), 0.1, 0.9)

    assert set(search(predict, row=far).find().changes) == {"delay"}
    assert search(lambda given: np.where(given["seats"] > USUAL["seats"].max() - 1, 0.1, 0.9)).find() is None, "unusual"


def test_every_single_change_is_costlier_or_fails_where_it_says_it_is_the_smallest():
    """Brute force over the grid that it may choose from."""

    def predict(given):
        return 1 / (1 + np.exp(-(given["delay"] + (given["carrier"] == "AA") - given["seats"] / 100)))

    found = search(predict).find()
    seats = USUAL["seats"]
    for name, values in (("delay", USUAL["delay"]), ("seats", seats), ("carrier", np.array(["B6"], dtype=object))):
        for value in values:
            changed = {key: column.copy() for key, column in ROW.items()}
            changed[name][0] = value
            if predict(changed)[0] < 0.5:
                assert len(found.changes) == 1
                assert found.cost <= (0.5 if name == "carrier" else shift(name, value)) + 1e-9


def test_what_may_not_change_does_not_and_what_nothing_flips_is_none():
    assert search(lambda given: np.where(given["age"] > 1, 0.1, 0.9)).find() is None
    wanted = search(lambda given: np.where(given["age"] > 1, 0.1, 0.9), allowed=("age",)).find()
    assert set(wanted.changes) == {"age"}


def test_every_row_that_is_asked_has_only_values_of_the_background_or_between():
    def predict(given):
        assert given["delay"].min() >= min(USUAL["delay"].min(), 2.0)
        assert given["delay"].max() <= max(USUAL["delay"].max(), 2.0)
        assert set(given["carrier"]) <= {"AA", "B6"}
        return 0.9 - 0.1 * (given["carrier"] == "B6") - 0.35 * (given["delay"] < -1)

    assert search(predict).find().answer == pytest.approx(0.45)


@pytest.mark.parametrize(
    ("name", "value"),
    [("delay", "x"), ("seats", 1.5), ("carrier", 3), ("delay", True), ("nobody", 1)],
)
def test_a_value_that_is_none_of_its_kind_is_refused(name, value):
    with pytest.raises(InvalidInput, match=name):
        checked(SCHEMA, name, value)


def test_the_reasons_of_a_text_are_its_words_and_dollars_have_no_powers_of_ten():
    schema = ModelSchema(
        model="m", task=Task.REGRESSION, target="price", target_unit="$", features=(Feature(name="t", kind=Kind.TEXT),)
    )
    parts = (
        Part(feature="t", label="awful", place=(0, 5), amount=-89_810.4),
        Part(feature="t", label="pool", place=(6, 10), amount=102_099.0),
    )
    found = Explanation(
        id="e", model="m", version="1", inference_id="r", method="shapley", output="price", link="identity",
        base_value=454_737.0, prediction=467_025.6, attributions={"t": 12_288.6}, values={"t": "awful pool"},
        quality={}, standard_errors=None, seed=0, model_hash="", background_hash="", settings={}, seconds=0.1,
        created=datetime(2013, 1, 1, tzinfo=UTC), parts=parts,
    )  # fmt: skip
    assert reasons(found, schema, None) == (
        "The model's estimate of price is 467,026 $; on average it is 454,737 $. "
        "What raised it most: “pool” (+102,099 $). What lowered it most: “awful” (−89,810 $)."
    )


def test_the_words_name_the_reasons_with_their_direction_and_what_would_have_changed_it():
    found = Explanation(
        id="e", model="m", version="1", inference_id="r", method="shapley", output="probability of late",
        link="identity", base_value=0.25, prediction=0.62, attributions={"delay": 0.4, "seats": -0.03, "carrier": 0.0},
        values={"delay": 12.0, "seats": 100, "carrier": "AA"}, quality={}, standard_errors=None, seed=0, model_hash="",
        background_hash="", settings={}, seconds=0.1, created=datetime(2013, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    text = reasons(found, SCHEMA, {"delay": 8.0}, "“on time”")
    assert text == (
        "The model's probability of late is 62.0 %; on average it is 25.0 %. "
        "What raised it most: Delay 12 min (+40.0 points). What lowered it most: seats 100 (−3.0 points). "
        "It would have been “on time” with Delay 8 min instead of 12 min, all else equal."
    )
    assert "No small change" in reasons(found, SCHEMA, {})
    assert "would have" not in reasons(found, SCHEMA, None)


FOUND_NONE = "No small change of the inputs that may change was found that would have made it another one"


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        (None, f"{FOUND_NONE}; no other image is tried."),
        (["photo"], "What would have made it another one was not sought: no other image is tried."),
        (["delay"], f"{FOUND_NONE}."),
    ],
)
def test_the_words_say_of_what_kinds_no_change_is_tried(allowed, said):
    photo = Feature(name="photo", kind=Kind.IMAGE)
    schema = ModelSchema(model="m", task=Task.BINARY, features=(*SCHEMA.features, photo))
    found = Explanation(
        id="e", model="m", version="1", inference_id="r", method="shapley", output="probability of late",
        link="identity", base_value=0.25, prediction=0.62, attributions={"delay": 0.4}, values={"delay": 12.0},
        quality={}, standard_errors=None, seed=0, model_hash="", background_hash="", settings={}, seconds=0.1,
        created=datetime(2013, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert reasons(found, schema, {}, "“on time”", allowed).endswith(f" {said}")

"""What an answer is called and how groups are named: a raw score is no probability, 1 is 1.0."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from explain.explainers import Attribution
from explain.files import check_pinned
from explain.reasons import reasons
from explain.telling import told
from explain.windows import Cohort, split
from monitor.errors import InvalidInput
from monitor.types import Explanation, Feature, Kind, ModelSchema, Task

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SCHEMA = ModelSchema(
    model="m", task=Task.BINARY, classes=("no", "yes"), features=(Feature(name="sex", kind=Kind.NUMERIC),)
)
FOUND = Explanation(
    id="e", model="m", version="1", inference_id="r", method="shapley", output="raw score of yes", link="identity",
    base_value=-0.5, prediction=9.043, attributions={"sex": 9.543}, values={"sex": 1.0}, quality={},
    standard_errors=None, seed=0, model_hash="h", background_hash="b", settings={}, seconds=0.1, created=NOW,
)  # fmt: skip


def explained(prediction, schema=SCHEMA, output="probability of yes"):
    asked = SimpleNamespace(
        fingerprint="e", model=SimpleNamespace(name="m", schema=schema), version=SimpleNamespace(version="1"),
        inference_id="r", row={"_score": prediction, "sex": 1.0}, target="artifact", output=output, why="",
        background=SimpleNamespace(rows=100, source="reference", hash="b"),
        job=SimpleNamespace(method="shapley", settings={}, seed=0, model_hash="h"),
    )  # fmt: skip
    found = Attribution(base_value=0.2, prediction=prediction, attributions={"sex": prediction - 0.2}, quality={})
    return told(asked, found, 0.1, NOW).output


@pytest.mark.parametrize(("prediction", "output"), [(0.0, "probability"), (1.0, "probability"), (9.04, "raw score")])
def test_what_is_no_share_of_one_is_not_called_a_probability(prediction, output):
    assert explained(prediction) == f"{output} of yes"


def test_a_number_keeps_its_name():
    schema = ModelSchema(model="m", task=Task.REGRESSION, target="price", features=SCHEMA.features)
    assert explained(9.04, schema, "price") == "price"


def test_a_letter_about_a_raw_score_has_no_per_cent():
    assert reasons(FOUND, SCHEMA, None) == (
        "The model's raw score of yes is 9.043; on average it is −0.5. What raised it most: sex 1 (+9.543)."
    )


@pytest.mark.parametrize("value", ["1", "1.0", "1e0"])
def test_a_group_by_a_number_is_found_however_it_is_written(value):
    inside, outside = split([FOUND, replace(FOUND, values={"sex": 2.0})], Cohort(feature="sex", value=value))
    assert ([each.values["sex"] for each in inside], [each.values["sex"] for each in outside]) == ([1.0], [2.0])


def test_a_model_file_that_was_replaced_is_named_once(tmp_path):
    path = tmp_path / "late.onnx"
    path.write_bytes(b"another")
    with pytest.raises(InvalidInput, match=r"^the model file .*late\.onnx' is not the one that was registered"):
        check_pinned({"model": str(path), "sha256": "0" * 64})

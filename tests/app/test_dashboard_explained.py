"""What a card says of an explanation: whether it is of the model that served, what it is compared with, how sure."""

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import msgspec
import pytest

import app.trying
from app.data.trust import emptied, trusted
from app.explained import beside, shares
from app.telling import explanation
from app.trying import agree
from monitor.types import Explanation, Feature, Kind, Model, ModelSchema, Part, Settings, Task

FOUND = Explanation(
    id="e", model="homes", version="1", inference_id="r", method="shapley", output="price", link="identity",
    base_value=450_000.0, prediction=500_000.0, attributions={"area": 60_000.0, "pool": -10_000.0},
    values={"area": 121.0, "pool": None}, quality={"background_rows": 100, "served_gap": 0.03},
    standard_errors={"area": 1_000.0, "pool": 0.0}, seed=0, model_hash="", background_hash="", settings={}, seconds=0.1,
    created=datetime(2013, 1, 1, tzinfo=UTC),
)  # fmt: skip
MODEL = Model(
    name="homes",
    schema=ModelSchema(
        model="homes",
        task=Task.REGRESSION,
        target="price",
        target_unit="$",
        features=(
            Feature(name="area", kind=Kind.NUMERIC, unit="m²", title="Living area"),
            Feature(name="pool", kind=Kind.BOOLEAN),
        ),
    ),
    settings=Settings(),
    created=datetime(2013, 1, 1, tzinfo=UTC),
)
WORDS = replace(
    FOUND,
    attributions={"text": 0.3},
    values={"text": "so bad"},
    parts=(
        Part(feature="text", label="so", place=(0, 2), amount=-0.1),
        Part(feature="text", label="bad", place=(3, 6), amount=0.4, error=0.01),
    ),
)


def test_another_model_than_the_one_that_served_is_said_at_once_and_rounding_is_not() -> None:
    assert trusted(FOUND) == []
    (said,) = trusted(replace(FOUND, quality={**FOUND.quality, "served_gap": 60_000.0}))
    assert "not the model that served the row" in said
    assert "500,000" in said
    assert "60,000" in said


def test_the_command_line_says_so_too() -> None:
    told = {**msgspec.to_builtins(FOUND), "quality": {"served_gap": 60_000.0}}
    assert "Not what was served: the captured answer is 60,000 away" in explanation(told)
    assert "Not what" not in explanation(told | {"quality": {"served_gap": 1e-9}})


def test_few_rows_to_compare_with_are_told_but_not_where_parts_are_left_out() -> None:
    few = replace(FOUND, quality={"background_rows": 1})
    assert trusted(few) == [":material/warning: Compared with 1 row only, so what is average is hardly known."]
    left_out = replace(few, quality={"background_rows": 1, "absent": "words are left out"})
    assert emptied(left_out)
    assert trusted(left_out) == []
    mixed = replace(few, quality={"background_rows": 1, "absent": "words are left out; values of background rows"})
    assert len(trusted(mixed)) == 1


def test_which_rows_it_is_compared_with_is_said_so_that_a_cohort_is_not_taken_for_the_reference() -> None:
    alike = replace(FOUND, quality={"background_rows": 18, "background_source": "reference rows alike in region"})
    assert beside(alike) == " It is compared with 18 rows: reference rows alike in region."
    assert beside(replace(alike, quality={**alike.quality, "absent": "words are left out"})) == ""


def test_bars_hold_an_amount_in_95_of_100_runs_and_what_is_missing_is_called_so() -> None:
    area, pool = shares(MODEL, FOUND)
    assert (area.label, area.value) == ("Living area", "121 m²")
    assert area.interval == pytest.approx((60_000 - 1_960, 60_000 + 1_960))
    assert (pool.value, pool.interval) == ("missing", None)


def test_the_command_line_names_words_and_intervals_without_long_numbers() -> None:
    told = {name: getattr(FOUND, name) for name in FOUND.__dataclass_fields__}
    lines = explanation(told).splitlines()
    assert lines[0] == "price = 500,000; base value 450,000 (shapley, 0.1 s)"
    assert lines[1].split() == ["area", "=", "121", "+60,000", "±", "1,960", "+" * 30]
    assert lines[2].startswith("  pool = missing")
    assert lines[-1] == "  ± holds the contribution in 95 of 100 runs"
    parts = [{"label": part.label, "amount": part.amount, "error": part.error} for part in WORDS.parts]
    words = explanation(told | {"attributions": WORDS.attributions, "values": WORDS.values, "parts": parts})
    assert [line.split()[0] for line in words.splitlines()[1:3]] == ["bad", "so"]


def test_methods_are_compared_with_the_first_one_by_words_where_there_is_one_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[str] = []
    methods = {name: SimpleNamespace(title=f"{name.capitalize()}, x") for name in ("shapley", "lime_text", "occlusion")}
    monkeypatch.setattr(
        app.trying, "runtime", lambda: SimpleNamespace(explain=SimpleNamespace(methods=lambda: methods))
    )
    monkeypatch.setattr(app.trying.st, "caption", shown.append)
    turned = tuple(replace(part, amount=-part.amount) for part in WORDS.parts)
    agree([WORDS, replace(WORDS, method="lime_text"), replace(WORDS, method="occlusion", parts=turned)])
    assert len(shown) == 2, "each with the first, not with each other"
    assert "rank the inputs alike (rank correlation 1.00 of 1); 2 of their 2 largest are the same" in shown[0]
    assert "differently (rank correlation −1.00 of 1)" in shown[1]

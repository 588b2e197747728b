"""What the dashboard says of one answer fits the task: nothing is compared as text that is a number or an order."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from app.data.groups import better
from app.data.names import inputs_of
from app.data.ranked import ndcg, ranking
from app.data.rows import ORDERS, PRESETS
from app.data.verdict import answer, truth, verdict
from monitor.profile.derived import derived
from monitor.types import Feature, Kind, Measurement, Model, ModelSchema, Settings, Status, Task, Window

DAY = Window(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 2, tzinfo=UTC))
FEATURES = (Feature(name="x", kind=Kind.NUMERIC),)


def model(task: Task, **schema: object) -> Model:
    of = ModelSchema(model="m", task=task, features=FEATURES, **schema)
    return Model(name="m", schema=of, settings=Settings(), created=DAY.start)


PARCELS = model(Task.BINARY, classes=("on time", "late"))
PRICES = model(Task.REGRESSION, target_unit="EUR")
SHOPS = model(Task.RANKING, cutoff=3)


def test_verdicts_wait_for_the_label() -> None:
    assert verdict(PARCELS, {"_prediction": "late", "_label": None}) == "no label yet"
    assert verdict(PARCELS, {"_prediction": "late", "_label": "late"}) == "right"
    assert verdict(PARCELS, {"_prediction": "late", "_label": "on time"}) == "wrong"


def test_a_number_is_off_by_so_much_in_its_unit() -> None:
    row = {"_prediction": 12.5, "_score": 12.5, "_label": 10.0}
    assert answer(PRICES, row) == ("12.5 EUR", "")
    assert truth(PRICES, row) == "10 EUR"
    assert verdict(PRICES, row) == "off by 2.5 EUR"


def test_a_ranking_is_judged_by_its_order_and_not_as_text() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores, grades = rng.normal(size=8), rng.choice([0.0, 1.0, 2.0], 8)
        row = {"_prediction": None, "_scores": scores.tolist(), "_label": json.dumps(grades.tolist())}
        assert ndcg(row, 3) == pytest.approx(ndcg_score([grades], [scores], k=3))
        assert verdict(SHOPS, row) == f"nDCG@3 {ndcg_score([grades], [scores], k=3):.2f}"
        assert [each.grade for each in ranking(row)] == grades[np.argsort(-scores)].tolist()


def test_a_ranking_names_its_first_candidates_and_counts_the_relevant() -> None:
    row = {
        "_prediction": '["hat","shoe","bag","coat"]',
        "_scores": [0.1, 14.0, 3.0, -2.0],
        "_score": 14.0,
        "_label": '{"bag":2.0,"sock":1.0}',
    }
    assert answer(SHOPS, row) == ("shoe, bag, hat", "14.0")
    assert truth(SHOPS, row) == "1 of 4 relevant"
    assert verdict(SHOPS, row) != "wrong"


@pytest.mark.parametrize("label", ["[1.0,0.0]", '{"a":1.0}'])
def test_a_label_that_does_not_fit_the_candidates_is_said_to_be_so(label: str) -> None:
    row = {"_prediction": None, "_scores": [0.1, 0.3, 0.2], "_score": 0.3, "_label": label}
    assert verdict(SHOPS, row) == "label does not fit"
    assert [each.grade for each in ranking(row)] == [None, None, None]


def test_candidates_without_scores_are_in_the_order_they_came_in() -> None:
    row = {"_prediction": '["b","a"]', "_scores": None, "_score": None, "_label": None}
    assert [each.name for each in ranking(row)] == ["b", "a"]
    assert verdict(SHOPS, row) == "no label yet"


def test_only_orders_that_mean_something_are_offered() -> None:
    assert set(PRESETS) == set(Task)
    assert all(set(presets) <= set(ORDERS) for presets in PRESETS.values())
    assert PRESETS[Task.RANKING] == ("Newest",)
    assert "Near threshold" not in PRESETS[Task.MULTICLASS]


@pytest.mark.parametrize(
    ("task", "channel", "effect", "expected"),
    [
        (Task.BINARY, "excess", -0.1, True),
        (Task.BINARY, "excess", 0.1, False),
        (Task.BINARY, "residual", 0.1, False),
        (Task.BINARY, "residual", -0.1, False),
        (Task.REGRESSION, "excess", -0.1, True),
        (Task.REGRESSION, "residual", 0.1, False),
        (Task.RANKING, "residual", -0.1, True),
        (Task.RANKING, "residual", 0.1, False),
        (Task.MULTICLASS, "residual", 0.1, True),
        (Task.MULTICLASS, "residual", -0.1, False),
    ],
)
def test_a_segment_that_became_better_is_not_told_as_wrong(
    task: Task, channel: str, effect: float, expected: bool
) -> None:
    hit = Measurement(
        model="m",
        version="1",
        metric="segments.scan",
        window=DAY,
        value=1.5,
        rows=100,
        threshold=1.0,
        status=Status.BREACH,
        details={"channel": channel, "effect": effect},
    )
    assert better(hit, task) is expected


def test_a_text_with_several_changed_figures_is_one_input() -> None:
    schema = ModelSchema(
        model="m", task=Task.BINARY, classes=("no", "yes"), features=(Feature(name="t", kind=Kind.TEXT), *FEATURES)
    )
    figures = sorted(derived(schema))
    assert len(figures) > 2
    assert inputs_of(schema, ["t", *figures, "_score", "_joint", None]) == {"t"}
    assert inputs_of(schema, ["x", figures[0]]) == {"t", "x"}

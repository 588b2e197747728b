"""Explaining a window, and asking about a row that might have been another, through the real worker."""

import threading
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta

import pytest
from zoo_rows import columns, make_rows

from explain import windows
from explain.models.torch import TorchAdapter
from explain.pending import Pending
from explain.request import Asked
from explain.summary import importance
from explain.windows import WindowAsked, sample
from monitor.errors import Conflict, InvalidInput, NotFound, Overloaded
from monitor.types import Window

START = datetime(2013, 5, 1, tzinfo=UTC)
DAY = Window(START + timedelta(days=1), START + timedelta(days=2))


@pytest.fixture
def explained(service, store, register, capture, reference):
    """Return the specification of a model with rows."""
    spec = register()
    reference()
    capture()
    return spec


def test_a_window_is_explained_row_by_row_with_progress_and_only_once(service, store, explained):
    asked = WindowAsked(model="flights", window=DAY, method="shapley", rows=6)
    task = service.windows.start(asked)
    task.over.result(120)
    seen = service.tasks.view(task)
    assert (seen.state, seen.done, seen.total, seen.failed) == ("done", 6, 6, 0)
    found = sample(store, "flights", DAY)
    assert (found.method, len(found.explanations)) == ("shapley", 6)
    again = service.windows.start(asked)
    again.over.result(120)
    assert len(store.explanations.query("flights")) == 6, "the same rows, from the store"
    assert {each.feature for each in importance(found.explanations)} == {"carrier", "delay", "seats", "spare"}
    other = Window(DAY.end, DAY.end + timedelta(days=1))
    assert sample(store, "flights", other).explanations == []


def test_what_a_window_costs_is_said_before_it_is_asked(service, store, explained, register, v2_server):
    asked = WindowAsked(model="flights", window=DAY, method="shapley", rows=6)
    told = service.windows.cost(asked)
    assert (told.explanations, told.rows, told.requests) == (6, 6 * told.one.rows, 0)
    service.windows.start(asked).over.result(120)
    assert (service.windows.cost(asked).rows, service.windows.cost(asked).one.cached) == (0, True)
    register(name=None, endpoint={"url": v2_server.url, "rows_per_request": 100})
    told = service.windows.cost(asked)
    assert told.requests == 6 * 218
    assert v2_server.requests == []


def test_a_row_that_somebody_picked_stands_for_others_only_once_chance_chose_it(service, store, explained):
    asked = WindowAsked(model="flights", window=DAY, method="shapley", rows=3)
    chosen = service.windows.choose(asked)
    service.explain("flights", chosen[0][0], "shapley")
    assert sample(store, "flights", DAY).explanations == []
    service.windows.start(asked).over.result(120)
    assert len(sample(store, "flights", DAY).explanations) == 3


def test_a_row_that_was_explained_again_counts_once_by_its_newest_explanation(service, store, explained, reference):
    """Beside another reference the same rows have other contributions: both together would look surer than they are."""
    asked = WindowAsked(model="flights", window=DAY, method="shapley", rows=4)
    service.windows.start(asked).over.result(120)
    before = sample(store, "flights", DAY).explanations
    reference(seed=10)
    service._clock.advance(START + timedelta(days=31))
    service.windows.start(asked).over.result(120)
    after = sample(store, "flights", DAY).explanations
    assert [each.inference_id for each in after] == [each.inference_id for each in before]
    assert not {each.id for each in after} & {each.id for each in before}
    assert len(store.explanations.query("flights")) == 8, "the earlier ones are kept"


def test_a_cancelled_window_keeps_what_it_has(service, store, explained):
    task = service.windows.start(WindowAsked(model="flights", window=DAY, method="shap", rows=30))
    service.tasks.cancel(task.id)
    task.over.result(120)
    seen = service.tasks.view(task)
    assert seen.state == "cancelled"
    assert seen.done == len(sample(store, "flights", DAY).explanations) < 30


def test_a_row_that_somebody_else_gave_up_is_asked_for_again(service, explained, monkeypatch):
    """The window shared their job, and was not yet known to wait for it."""
    given_up, submit = Future(), service.submit
    given_up.set_exception(Conflict("this explanation was cancelled; ask again for another one"))
    answers = iter([Pending(given_up)])
    monkeypatch.setattr(service, "submit", lambda asked, **how: next(answers, None) or submit(asked, **how))
    task = service.windows.start(WindowAsked(model="flights", window=DAY, method="shapley", rows=2))
    task.over.result(120)
    assert (task.state, task.done, task.failed, task.error) == ("done", 2, 0, "")


def test_no_row_is_given_up_because_the_queue_was_full(service, explained, monkeypatch):
    monkeypatch.setattr(windows, "PAUSE", 0.01)
    refused, submit = threading.Event(), service.submit

    def full_at_first(asked, **how):
        if not refused.is_set():
            refused.set()
            raise Overloaded("100 explanations are waiting already")
        return submit(asked, **how)

    monkeypatch.setattr(service, "submit", full_at_first)
    task = service.windows.start(WindowAsked(model="flights", window=DAY, method="shapley", rows=2))
    task.over.result(120)
    assert refused.is_set()
    assert (task.state, task.done, task.failed) == ("done", 2, 0)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"rows": 0}, InvalidInput, "rows must be from 1"),
        ({"window": Window(DAY.end, DAY.end + timedelta(days=1))}, InvalidInput, "no row of 'flights'"),
        ({"model": "ships"}, NotFound, "ships"),
    ],
)
def test_a_window_that_cannot_be_explained_says_why(service, explained, changed, error, said):
    with pytest.raises(error, match=said):
        service.windows.start(WindowAsked(**{"model": "flights", "window": DAY, **changed}))


def test_what_if_is_what_the_model_answers_to_the_other_values(service, schema, allowed, explained):
    model = TorchAdapter.load(explained, schema, allowed)
    rows = {name: [values[3]] for name, values in make_rows(30, 5).items()}
    found = service.trying.what_if(Asked(model="flights", inference_id="r3"), {"delay": 4.5, "carrier": None})
    changed = rows | {"delay": [4.5], "carrier": [None]}
    assert found.before == pytest.approx(float(model.predict(columns(rows, schema))[0]), abs=1e-7)
    assert found.after == pytest.approx(float(model.predict(columns(changed, schema))[0]), abs=1e-7)
    assert found.changes == {"delay": 4.5, "carrier": None}
    with pytest.raises(InvalidInput, match="changes is empty"):
        service.trying.what_if(Asked(model="flights", inference_id="r3"), {})


def test_a_counterfactual_is_the_other_decision_when_the_real_model_is_asked(service, schema, allowed, explained):
    model = TorchAdapter.load(explained, schema, allowed)
    before = service.trying.what_if(Asked(model="flights", inference_id="r3"), {"delay": 0.0}).before
    bound = before - 0.02
    found = service.trying.counterfactual(Asked(model="flights", inference_id="r3", method="shapley"), below=bound)
    rows = {name: [values[3]] for name, values in make_rows(30, 5).items()}
    answer = float(model.predict(columns(rows | {name: [value] for name, value in found.changes.items()}, schema))[0])
    assert answer == pytest.approx(found.after, abs=1e-7)
    assert answer < bound
    assert found.text.startswith("The model's probability of late is")
    only = service.trying.counterfactual(
        Asked(model="flights", inference_id="r3", method="shapley"), features=["seats"], below=bound
    )
    assert set(only.changes) <= {"seats"}


def test_the_method_is_chosen_and_the_choice_is_told(service, explained):
    found = service.explain("flights", "r3")
    assert found.method == "shapley"
    assert "any model" in found.quality["chosen_because"]
    assert service.explain("flights", "r3", "lime").quality["chosen_because"] == "it was asked for"


def test_every_explanation_carries_what_its_own_order_is_worth(service, explained):
    cards = [service.explain("flights", f"r{index}").quality for index in range(3, 13)]
    tested = [each for each in cards if "deletion_auc" in each]
    assert len(tested) >= 5
    better = [
        each["deletion_auc"] <= each["deletion_auc_random"] and each["insertion_auc"] >= each["insertion_auc_random"]
        for each in tested
    ]
    assert sum(better) >= 0.8 * len(tested)
    assert all(0 <= each["off_manifold_share"] <= 1 for each in cards)

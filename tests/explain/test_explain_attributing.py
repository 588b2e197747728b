"""Samples of windows and of the reference, explained unasked: bounded, kept, never captured, and off with a reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from explain.service import ExplainService
from monitor.clock import ManualClock
from monitor.config import Config
from monitor.errors import InvalidInput, Unavailable
from monitor.types import Version, Window

START = datetime(2013, 5, 1, tzinfo=UTC)
DAY = Window(START + timedelta(days=1), START + timedelta(days=2))


def configured(**explain):
    return Config.model_validate({"explain": explain})


@pytest.fixture
def ready(register, reference, capture):
    register()
    reference()
    capture(60)


@pytest.fixture
def asked(service, monkeypatch):
    """Every job that reaches the queue."""
    seen = []
    put = service.queue.put
    monkeypatch.setattr(service.queue, "put", lambda model, job: (seen.append(job), put(model, job))[1])
    return seen


def test_a_window_and_the_reference_are_explained_once_and_kept_as_rows(service, store, ready, asked):
    model = store.catalog.model("flights")
    basis = service.attribute(model, "1", DAY)
    current = store.attributions.sample("flights", "1", basis, DAY.start)
    usual = store.attributions.sample("flights", "1", basis, None)
    assert current.features == usual.features == ("carrier", "delay", "seats", "spare")
    assert current.amounts.shape == (50, 4)
    assert usual.amounts.shape == (200, 4)
    assert np.isfinite(current.amounts).all()
    assert [len(job.row["delay"]) for job in asked] == [10] * 25, "whoever else asks waits for few rows"
    assert service.attribute(model, "1", DAY) == basis
    assert len(asked) == 25, "what is stored is not explained again"


def test_what_is_kept_is_what_an_explanation_of_the_row_says(service, store, ready):
    basis = service.attribute(store.catalog.model("flights"), "1", DAY)
    rows = store.database.rows(
        "SELECT * FROM attributions WHERE window_start IS NOT NULL AND feature = 'delay' ORDER BY inference_id LIMIT 3"
    )
    for row in rows:
        told = service.explain("flights", row["inference_id"], "shapley", settings={"rows": 2_000})
        assert row["amount"] == pytest.approx(told.attributions["delay"], abs=1e-9)
        assert row["number"] == told.values["delay"]
        assert row["basis"] == basis


def test_what_it_costs_is_bounded_by_the_setting(store, worker, ready, monkeypatch):
    """A smaller budget explains fewer rows, none of which asks more than its share."""
    service = ExplainService(store, configured(attribution_rows=24_000), ManualClock(START), [worker])
    jobs = []
    put = service.queue.put
    monkeypatch.setattr(service.queue, "put", lambda model, job: (jobs.append(job), put(model, job))[1])
    basis = service.attribute(store.catalog.model("flights"), "1", DAY)
    explained = len(store.attributions.sample("flights", "1", basis, DAY.start).amounts)
    assert explained * jobs[-1].settings["rows"] <= 24_000
    few = ExplainService(store, configured(attribution_rows=5_000), ManualClock(START), [worker])
    with pytest.raises(InvalidInput, match=r"5,000 model rows a day, 2 explanations of 2,000 rows .* 10 are needed"):
        few.attribute(store.catalog.model("flights"), "1", DAY)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("setting", "explain.attribution_rows is 0"),
        ("no artifact", "no model that can be explained is registered for version '1'"),
        ("unregistered", "no model that can be explained is registered for version '9'"),
        ("no reference", "there is no reference"),
    ],
)
def test_where_nothing_can_be_explained_it_says_why(store, worker, register, reference, capture, change, said):
    if change == "no artifact":
        store.catalog.put_version(
            Version(model="flights", version="1", created=START, endpoint={"url": "http://127.0.0.1:9/v2"})
        )
    else:
        register()
    if change != "no reference":
        reference()
    version = "9" if change == "unregistered" else "1"
    capture(20, version=version)
    service = ExplainService(
        store, configured(attribution_rows=0 if change == "setting" else 100_000), ManualClock(START), [worker]
    )
    with pytest.raises(InvalidInput, match=said):
        service.attribute(store.catalog.model("flights"), version, DAY)


def test_a_worker_that_is_busy_for_too_long_is_no_reason_to_wait_for_ever(service, store, ready, monkeypatch):
    monkeypatch.setattr(service.attribute, "_seconds", 0.0)
    with pytest.raises(Unavailable, match="could not be explained within 0 s"):
        service.attribute(store.catalog.model("flights"), "1", DAY)


def test_nothing_is_captured_and_the_ledger_stays_as_it_was(service, store, ready):
    before = store.ledger.lines("flights")
    service.attribute(store.catalog.model("flights"), "1", DAY)
    assert store.ledger.lines("flights") == before
    assert store.rows.sample("flights", DAY, limit=9_999).num_rows == 60


def test_another_model_file_is_another_basis(service, store, artifact, ready):
    model = store.catalog.model("flights")
    first = service.attribute(model, "1", DAY)
    store.catalog.put_version(replace(store.catalog.version("flights", "1"), artifact=artifact("Linear")))
    second = service.attribute(model, "1", DAY)
    assert first != second
    assert store.attributions.sample("flights", "1", first, DAY.start) is None, "samples do not pile up"
    assert store.attributions.sample("flights", "1", second, DAY.start) is not None


def test_samples_go_when_rows_go(service, store, ready):
    basis = service.attribute(store.catalog.model("flights"), "1", DAY)
    store.attributions.forget("flights", DAY.end)
    assert store.attributions.sample("flights", "1", basis, DAY.start) is None
    assert store.attributions.sample("flights", "1", basis, None) is not None, "the reference is kept"

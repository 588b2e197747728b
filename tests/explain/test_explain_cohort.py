"""Backgrounds of rows like the explained one, and what an explanation costs before it is made."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from explain.background import Cohort, alike, background, cohort
from explain.cost import CARD_ROWS, cost
from explain.request import Asked
from monitor.errors import InvalidInput


@pytest.fixture
def captured(store, register, capture, reference):
    """A version with a reference and captured rows."""
    register()
    reference()
    capture()


def ask(service, **given):
    return service.requests.make(Asked(model="flights", inference_id="r3", method="shapley", **given))


def test_a_row_is_compared_with_those_of_its_own_carrier(service, store, captured):
    row = store.rows.inference("flights", "r3")
    request = ask(service, cohort="carrier")
    usual = request.background.columns
    assert set(usual["carrier"].tolist()) == {row["carrier"]}
    assert request.background.source.startswith("reference of version 1, ")
    assert "rows with carrier like this one's" in request.background.source
    alone = ask(service)
    assert len(set(alone.background.columns["carrier"].tolist())) > 1
    assert request.fingerprint != alone.fingerprint
    assert request.background.hash == ask(service, cohort="carrier").background.hash, "the same rows every time"


def test_what_makes_rows_alike_adds_nothing_to_the_explanation(service, captured):
    found = service.explain("flights", "r3", "shapley", cohort="carrier")
    assert found.attributions["carrier"] == 0.0
    assert found.base_value + sum(found.attributions.values()) == pytest.approx(found.prediction, abs=1e-6)
    assert "carrier like this one's" in found.quality["background_source"]


@pytest.mark.parametrize("value", [-5.0, 0.0, 0.3, 5.0])
def test_numbers_are_alike_in_the_same_tenth(schema, value):
    rng = np.random.default_rng(0)
    rows = pa.table({"delay": [*rng.normal(size=1_000), *[None] * 50]})
    kept = alike(rows, schema, Cohort("delay", value))["delay"].to_pylist()
    assert None not in kept
    assert len(kept) == 100
    assert abs(np.median(kept) - np.clip(value, -1.75, 1.75)) < 0.3
    assert alike(rows, schema, Cohort("delay", None)).num_rows == 50


def test_a_truth_value_is_alike_itself_and_null_null(schema):
    rows = pa.table({"spare": [True, False, None, True]})
    assert [alike(rows, schema, Cohort("spare", value)).num_rows for value in (True, False, None)] == [2, 1, 1]


def test_too_few_rows_alike_and_unknown_columns_say_so(service, store, captured, schema):
    with pytest.raises(InvalidInput, match="rows cannot be alike in 'moon'; a cohort is by one of: carrier, delay"):
        ask(service, cohort="moon")
    model, version = store.catalog.model("flights"), store.catalog.version("flights", "1")
    until = store.rows.inference("flights", "r3")["_time"] + timedelta(days=1)
    with pytest.raises(InvalidInput, match="only 0 rows have carrier like this one's, and 10 are needed"):
        background(store, model, version, until, cohort=cohort("carrier", {"carrier": "ZZ"}, schema))


def test_the_cost_is_said_before_anything_is_asked(service, store, captured, register, v2_server):
    register(endpoint={"url": v2_server.url, "rows_per_request": 100, "concurrency": 2})
    told = cost(ask(service, target="endpoint"), store)
    assert (told.rows, told.requests, told.concurrency) == (20_000 + CARD_ROWS, 218, 2)
    assert told.target == "endpoint"
    assert not told.cached
    assert v2_server.requests == []
    own = cost(ask(service), store)
    assert (own.rows, own.requests) == (100_000 + CARD_ROWS, 0)
    service.explain("flights", "r3", "shapley")
    after = cost(ask(service), store)
    assert (after.cached, after.rows) == (True, 0)

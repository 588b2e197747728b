"""Explaining beside a model that serves: a small edition of what the benchmark ``explain`` does over real processes."""

import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import urllib3
from zoo_rows import columns, make_rows

from explain.models.torch import TorchAdapter
from explain.request import Asked
from explain.service import ExplainService
from explain.worker import Limits, Worker
from monitor.clock import ManualClock
from monitor.config import Config
from monitor.errors import Unavailable
from tests.waiting import until

START = datetime(2013, 5, 1, tzinfo=UTC)
AT_ONCE = 20
SENT = json.dumps({"id": "same", "inputs": [{"name": "delay", "shape": [2, 1], "datatype": "FP64", "data": [1, 2]}]})


def test_twenty_explanations_at_once_are_all_right_and_what_is_served_stays_byte_identical(
    service, store, register, capture, reference, v2_server, schema, allowed
):
    """Ten rows are explained from the model file and ten through the endpoint, while both are asked by others."""
    spec = register(endpoint={"url": v2_server.url, "dialect": "v2"})
    reference()
    capture(AT_ONCE)
    rows = columns(make_rows(AT_ONCE, 5), schema)
    served, http, done = TorchAdapter.load(spec, schema, allowed), urllib3.PoolManager(maxsize=4), threading.Event()

    def answer():
        own = served.predict(rows).tobytes()
        return own, http.request("POST", v2_server.url, body=SENT, headers={"content-type": "application/json"}).data

    def traffic():
        answers = {answer()}
        while not done.is_set():
            answers.add(answer())
        return answers

    def explain(at):
        target, method = ("artifact", "shapley") if at % 2 else ("endpoint", "lime")
        settings = {"rows": 2_000 if at % 2 else 200}
        return service.explain("flights", f"r{at}", method, seed=7, target=target, settings=settings)

    usual, before = answer(), store.ledger.lines("flights")
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        serving = pool.submit(traffic)
        try:
            found = list(pool.map(explain, range(AT_ONCE)))
        finally:
            done.set()
        assert serving.result() == {usual}
    truth = served.predict(rows)
    for told, expected in zip(found[1::2], truth[1::2], strict=True):
        assert told.prediction == pytest.approx(float(expected), abs=1e-6)
        assert told.base_value + sum(told.attributions.values()) == pytest.approx(told.prediction, abs=1e-9)
    for told, delay in zip(found[::2], rows["delay"][::2], strict=True):
        assert told.prediction == pytest.approx(0.25 if delay != delay else 0.5 + delay / 100, abs=1e-6)
    assert store.ledger.lines("flights") == before, "what explanations ask is not captured"
    assert explain(3) == found[3], "asked again, it is the same"


def test_a_worker_that_is_killed_mid_way_is_a_clear_error_and_the_next_explanation_works(
    store, register, capture, reference, allowed
):
    register("1")
    register("2", name="Hangs")
    reference()
    capture(3, version="1")
    capture(1, version="2")
    worker = Worker(allowed, Limits(threads=1))
    service = ExplainService(store, Config(), ManualClock(START + timedelta(days=30)), [worker])
    try:
        first = service.explain("flights", "r1", "shapley", version="1")
        asked = Asked(model="flights", inference_id="r0", method="shapley", version="2")
        pending, task = service.ask(asked)
        assert task.ticket is not None
        until(lambda: worker.begun)
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(Unavailable, match=r"worker died \(ended by SIGKILL.*ask again"):
            pending.result(120)
        assert service.tasks.view(task).state == "failed"
        following = service.explain("flights", "r2", "shapley", version="1")
        assert following.base_value + sum(following.attributions.values()) == pytest.approx(following.prediction)
        assert following.model_hash == first.model_hash
    finally:
        service.close()

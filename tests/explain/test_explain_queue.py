"""The queue: one job per model at a time, places that count down, cancelling, and many who ask at once."""

import os
import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from explain.explainers import Attribution
from explain.queue import MOST_WAITING, Queue
from explain.service import ExplainService
from explain.worker import Limits, Worker
from monitor.config import Config
from monitor.errors import Conflict, NotFound, Overloaded, Unavailable
from monitor.types import Window
from tests.waiting import until

DEADLINE = 120
START = datetime(2013, 5, 1, tzinfo=UTC)


class Held:
    """A worker whose jobs end when they are let go."""

    def __init__(self):
        self.running, self.most, self.begun = [], 0, []
        self._go = threading.Semaphore(0)
        self._broken = False

    def run(self, job):
        self.begun.append(job.method)
        self._go.acquire(timeout=DEADLINE)
        if self._broken:
            self._broken = False
            raise Unavailable("the explanation worker died")
        return Attribution(0.0, 0.0, {"job": float(job.method)}, {})

    def let(self, count=1):
        self._go.release(count)

    def interrupt(self):
        self._broken = True
        self._go.release()

    def close(self):
        self._go.release(100)


class Answering(Held):
    """The same for jobs of a service: nothing contributes anything."""

    def run(self, job):
        super().run(replace(job, method="0"))
        return Attribution(0.0, 0.0, dict.fromkeys(job.row, 0.0), {})


@pytest.fixture
def slow(store, register, capture, reference):
    """A service whose only worker is at a first row until it is let go, and that worker."""
    register()
    reference()
    capture()
    worker = Answering()
    made = ExplainService(store, Config(), workers=[worker])
    made.submit(_asked("r1", "lime"))
    yield made, worker
    made.close()


class Job:
    many = False

    def __init__(self, method):
        self.method = method


def test_jobs_of_a_model_come_one_after_the_other_and_their_places_count_down():
    worker, other = Held(), Held()
    queue = Queue([worker, other])
    tickets = [queue.put("flights", Job(str(number))) for number in range(3)]
    assert [queue.position(ticket) for ticket in tickets] == [0, 1, 2]
    elsewhere = queue.put("parcels", Job("9"))
    assert queue.position(elsewhere) == 0, "another model does not wait for this one"
    other.let(4)
    for number, ticket in enumerate(tickets):
        assert ticket.found.result(DEADLINE).attributions == {"job": float(number)}
    worker.let(4)
    elsewhere.found.result(DEADLINE)
    assert [queue.position(ticket) for ticket in tickets] == [0, 0, 0]


def test_a_place_that_is_given_up_is_a_conflict_and_those_behind_move_up():
    worker = Held()
    queue = Queue([worker])
    first, second, third = (queue.put("flights", Job(str(number))) for number in range(3))
    queue.cancel(second)
    with pytest.raises(Conflict, match="cancelled"):
        second.found.result(DEADLINE)
    assert queue.position(third) == 1
    queue.cancel(first)
    with pytest.raises(Conflict, match="cancelled"):
        first.found.result(DEADLINE)
    worker.let()
    assert third.found.result(DEADLINE).attributions == {"job": 2.0}
    queue.cancel(third)
    assert third.found.result().attributions == {"job": 2.0}, "what is done stays done"
    assert worker.begun == ["0", "2"]


def test_too_many_are_told_to_come_again_and_closing_fails_all_who_wait():
    worker = Held()
    queue = Queue([worker])
    tickets = [queue.put("flights", Job("0")) for _ in range(MOST_WAITING + 1)]
    with pytest.raises(Overloaded, match="waiting already"):
        queue.put("flights", Job("0"))
    queue.close()
    for ticket in tickets[1:]:
        with pytest.raises(Unavailable, match="shut down"):
            ticket.found.result(DEADLINE)
    with pytest.raises(Unavailable, match="shut down"):
        queue.put("flights", Job("0"))


def test_twenty_at_once_are_all_answered_as_one_alone_is(service, register, capture, reference):
    register()
    reference()
    capture()
    ids = [f"r{index}" for index in range(10, 30)]
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda id_: service.explain("flights", id_, "shapley"), ids))
    assert [each.inference_id for each in found] == ids
    for each in found:
        assert each.base_value + sum(each.attributions.values()) == pytest.approx(each.prediction, abs=1e-9)
    assert len({each.id for each in found}) == 20
    assert len({each.prediction for each in found}) > 10


def test_a_worker_that_is_killed_midway_is_a_clear_error_and_the_next_works(
    service, worker, register, capture, reference
):
    register()
    reference()
    capture()
    service.explain("flights", "r3", "shapley")
    found, _ = service.ask(_asked("r4", "shap", {"rows": 5_000_000}))
    until(lambda: worker.begun or found.done())
    killed = worker.pid
    if killed:
        os.kill(killed, signal.SIGKILL)
    error = found.exception(DEADLINE)
    assert error is None or (isinstance(error, Unavailable) and "ask again" in str(error))
    until(lambda: worker.pid is None or worker.pid != killed)  # the answer may have come just before the signal
    assert service.explain("flights", "r5", "shapley").attributions


def test_a_task_tells_its_place_and_what_came_of_it(service, register, capture, reference):
    register()
    reference()
    capture()
    found, task = service.ask(_asked("r6", "shapley"))
    explanation = found.result(DEADLINE)
    until(task.over.done)
    seen = service.tasks.view(task)
    assert (seen.state, seen.done, seen.explanation) == ("done", 1, explanation.id)
    assert service.tasks.listed("flights")[0] == seen
    assert service.tasks.listed("nobody") == []
    assert service.tasks.view(service.tasks.cancel(seen.id)).state == "done"


def test_one_of_many_who_ask_the_same_gives_up_and_the_others_get_their_answer(slow):
    service, worker = slow
    asked = _asked("r8", "lime")
    (found, first), (_, second), (_, third) = (service.ask(asked) for _ in range(3))
    seen = service.tasks.view(service.tasks.cancel(first.id))
    assert (seen.state, seen.error) == (
        "cancelled",
        "it was cancelled; others wait for the same explanation, which goes on",
    )
    assert service.tasks.view(second).state == "queued"
    service.tasks.cancel(second.id)
    worker.let(2)
    assert found.result(DEADLINE).attributions
    until(third.over.done)
    assert [service.tasks.view(task).state for task in (first, second, third)] == ["cancelled", "cancelled", "done"]


def test_what_runs_is_being_cancelled_until_its_worker_has_ended(slow, monkeypatch):
    service, worker = slow
    _, task = service.ask(_asked("r1", "lime"))
    until(lambda: service.tasks.view(task).state == "running")
    with monkeypatch.context() as ending:
        ending.setattr(worker, "interrupt", lambda: None)  # it takes its time
        seen = service.tasks.view(service.tasks.cancel(task.id))
    assert (seen.state, seen.position) == ("cancelling", 0)
    worker.interrupt()
    until(task.over.done)
    assert service.tasks.view(task).state == "cancelled"


def test_what_all_who_asked_gave_up_is_not_computed(slow):
    service, worker = slow
    found, first = service.ask(_asked("r9", "lime"))
    _, second = service.ask(_asked("r9", "lime"))
    service.tasks.cancel(first.id)
    service.tasks.cancel(second.id)
    with pytest.raises(Conflict, match="cancelled"):
        found.result(DEADLINE)
    until(second.over.done)
    assert [service.tasks.view(task).state for task in (first, second)] == ["cancelled", "cancelled"]
    worker.let(2)
    assert service.explain("flights", "r9", "lime").attributions, "the next one works"
    assert len(worker.begun) == 2


def test_many_who_ask_for_one_row_at_once_cost_one_computation(service, register, capture, reference, monkeypatch):
    register()
    reference()
    capture()
    jobs, put = [], service.queue.put
    monkeypatch.setattr(service.queue, "put", lambda model, job: jobs.append(job) or put(model, job))
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: service.explain("flights", "r11", "shapley"), range(20)))
    assert len(jobs) == 1
    assert {each.id for each in found} == {found[0].id}


def test_a_row_that_a_window_chose_while_somebody_waited_for_it_stands_for_others(slow, store):
    service, worker = slow
    picked = service.submit(_asked("r12", "lime"))
    chosen = service.submit(_asked("r12", "lime"), sampled=True)
    assert chosen is picked
    worker.let(2)
    made = chosen.found.result(DEADLINE)
    found = store.explanations.sample("flights", Window(START, START + timedelta(days=9)))
    assert [each.id for each in found] == [made.id]


def test_who_waits_gets_the_answer_even_where_a_window_can_not_be_told_of_it(slow, store, monkeypatch):
    """Chance chooses the row while it is being stored, and the store fails just then."""
    service, worker = slow
    picked = service.submit(_asked("r12", "lime"))
    put = store.explanations.put

    def put_and_choose(*given, **how):
        put(*given, **how)
        service.submit(_asked("r12", "lime"), sampled=True)

    def full(_):
        raise Unavailable("the disk is full")

    monkeypatch.setattr(store.explanations, "put", put_and_choose)
    monkeypatch.setattr(store.explanations, "mark_sampled", full)
    worker.let(2)
    assert picked.found.result(120).attributions


def test_what_waited_when_the_server_stopped_can_be_asked_again_after_the_next_start(
    service, store, allowed, register, capture, reference
):
    register()
    reference()
    capture()
    first = ExplainService(store, Config(), workers=[Worker(allowed, Limits(threads=1))])
    asked = [first.ask(_asked(f"r{at}", "shap", {"rows": 5_000_000})) for at in (13, 14)]
    first.close()
    for found, _ in asked:
        with pytest.raises(Unavailable, match="shut down"):
            found.result(DEADLINE)
    with pytest.raises(Unavailable, match="shut down"):
        first.explain("flights", "r13", "lime")
    with pytest.raises(NotFound, match="no explanation under way"):
        service.tasks.get(asked[1][1].id)
    assert service.explain("flights", "r14", "lime").attributions


def test_explained_in_the_queue_is_the_same_future_for_all_who_ask(service, register, capture, reference):
    register()
    reference()
    capture()
    first, second = (service.submit(_asked("r7", "lime")) for _ in range(2))
    assert first.found is second.found or second.found.done()
    assert isinstance(first.found, Future)
    assert first.found.result(DEADLINE) == second.found.result(DEADLINE)


def _asked(row, method, settings=None):
    from explain.request import Asked

    return Asked(model="flights", inference_id=row, method=method, settings=settings)

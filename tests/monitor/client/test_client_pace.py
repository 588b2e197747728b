"""The client's thread leaves the interpreter to the served model, and hurries only where rows would be lost."""

import threading

import pytest

from monitor.client import pace
from monitor.client.items import new_identity
from monitor.client.pace import BRIEFEST_REST, REST, SLICE, Pace, UnderWay
from monitor.client.queue import Queue


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping moves; gives the rests that were taken."""

    class Clock:
        def __init__(self):
            self.now = 0.0
            self.rests = []

        def perf_counter(self):
            return self.now

        def sleep(self, seconds):
            self.rests.append(seconds)
            self.now += seconds

    made = Clock()
    monkeypatch.setattr(pace, "time", made)
    return made


def test_it_rests_many_times_as_long_as_it_worked(clock):
    """With little queued and nobody waiting."""
    paced = Pace(Queue(1000), UnderWay())
    paced.begin()
    clock.now += 2 * SLICE
    paced.give_way()
    assert clock.rests == [pytest.approx(2 * SLICE * REST)]


def test_it_goes_on_within_a_slice(clock):
    """Sleeping costs too."""
    paced = Pace(Queue(1000), UnderWay())
    paced.begin()
    clock.now += SLICE / 2
    paced.give_way()
    assert clock.rests == []


def test_rests_grow_shorter_as_the_queue_fills(clock):
    """Down to hardly any at half: what is captured must not be lost for want of time."""
    queue = Queue(1000)
    paced = Pace(queue, UnderWay())
    rests = []
    for queue.bytes in (0, 100, 250, 400, 500, 1000):
        rests.append(paced.rest(SLICE))
    assert rests == sorted(rests, reverse=True)
    assert rests[:3] == [pytest.approx(SLICE * REST * room) for room in (1, 0.8, 0.5)]
    assert rests[-2:] == [BRIEFEST_REST] * 2


def test_it_hurries_while_someone_waits_for_the_queue_to_be_emptied(clock):
    """As `Client.flush` does."""
    queue = Queue(1000)
    paced = Pace(queue, UnderWay())
    with queue._changed:
        queue.waiting += 1
    assert paced.rest(SLICE) == BRIEFEST_REST


def test_it_waits_for_a_lull_but_not_for_ever(clock):
    """A server that always has a prediction under way is captured all the same."""
    under_way = UnderWay()
    paced = Pace(Queue(1000), under_way)
    with under_way:
        paced.begin()
        clock.now += SLICE
        paced.give_way()
    assert pace.LONGEST_REST < clock.now < 2 * pace.LONGEST_REST
    clock.rests.clear()
    paced.begin()
    assert clock.rests == []


def test_predictions_under_way_are_counted_from_any_thread():
    """Those that raise too."""
    under_way = UnderWay()

    def predict():
        for _ in range(2000):
            with under_way:
                pass

    threads = [threading.Thread(target=predict) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert under_way.count == 0
    with pytest.raises(ZeroDivisionError), under_way:
        _ = 1 / 0
    assert under_way.count == 0


def test_a_backlog_that_someone_waits_for_is_sent_without_rests(receiver, make, monkeypatch):
    """Resting as beside a quiet model, these rows would take minutes."""
    monkeypatch.setattr(pace, "REST", 10_000.0)
    monkeypatch.setattr(pace, "LONGEST_REST", 10.0)
    client = make(flush_interval=60, max_bytes=64 * 2**20)
    client.log({"x": list(range(5_000))}, [0.5] * 5_000)
    assert client.flush(60)
    assert len(receiver.rows()) == 5_000


def test_identities_differ_and_ask_the_system_for_nothing(monkeypatch):
    """A call to the system lets go of the interpreter, in the middle of a request."""
    monkeypatch.setattr("os.urandom", None)
    assert len({new_identity() for _ in range(10_000)}) == 10_000
    assert len(new_identity()) == 32

"""What the client does while the server is up, refusing, hanging and overloaded."""

import socket
import threading
import time

import numpy as np
import pytest

from monitor.client import Client, sender
from monitor.client import client as module


@pytest.fixture
def make(receiver):
    """Make clients that are closed afterwards."""
    made = []

    def build(url=None, **options):
        found = Client(url or receiver.url, "flights", **{"flush_interval": 0.01, **options})
        made.append(found)
        return found

    yield build
    for one in made:
        one.close(timeout=0)


def test_rows_arrive_with_ids_times_and_answers(receiver, make):
    """A batch of columns becomes one row per inference."""
    client = make(version="2")
    client.log(
        {"temp": [20.5, None], "carrier": ["AA", "UA"]}, {"scores": [0.25, 0.75]}, ids=["a", "b"], latency_ms=1.5
    )
    assert client.flush(10)
    first, second = receiver.rows()
    assert first["id"] == "a"
    assert first["features"] == {"temp": 20.5, "carrier": "AA"}
    assert first["scores"] == [0.25]
    assert first["version"] == "2"
    assert first["latency_ms"] == 1.5
    assert first["batch_size"] == 2
    assert first["time"].endswith("Z")
    assert second["features"]["temp"] is None


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"x": 1.5, "y": "a"}, [{"x": 1.5, "y": "a"}]),
        ([{"x": 1}, {"x": 2}], [{"x": 1}, {"x": 2}]),
        (np.array([[1.0, 2.0]]), [{"input-0": 1.0, "input-1": 2.0}]),
        ([[1, 2], [3, 4]], [{"input-0": 1, "input-1": 2}, {"input-0": 3, "input-1": 4}]),
        ({"x": np.array([1, 2], np.int32), "e": np.ones((2, 3))}, [{"x": 1, "e": [1.0] * 3}, {"x": 2, "e": [1.0] * 3}]),
    ],
)
def test_inputs_of_every_form_become_the_same_rows(receiver, make, inputs, expected):
    """One row, records, matrices and columns of lists or arrays are understood."""
    client = make()
    client.log(inputs, [0.5] * len(expected))
    assert client.flush(10)
    assert [row["features"] for row in receiver.rows()] == expected


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        (np.array([0.25, 0.75], np.float32), {"scores": [0.25]}),
        (np.array([[0.25, 0.75], [0.5, 0.5]]), {"scores": [0.25, 0.75]}),
        (["late", "on time"], {"prediction": "late"}),
        (np.array([1, 0]), {"prediction": 1}),
        ({"scores": [[0.25, 0.75], [0.5, 0.5]], "prediction": ["b", "a"]}, {"scores": [0.25, 0.75], "prediction": "b"}),
    ],
)
def test_floats_are_scores_and_texts_and_integers_are_predictions(receiver, make, outputs, expected):
    """Outputs are read by what they hold."""
    client = make()
    client.log({"x": [1, 2]}, outputs)
    assert client.flush(10)
    row = receiver.rows()[0]
    assert {key: row[key] for key in ("scores", "prediction") if key in row} == expected


def test_what_the_caller_changes_afterwards_is_not_captured(receiver, make):
    """Arrays and lists are copied when they are logged."""
    client = make(flush_interval=60)
    array, values = np.array([1.0, 2.0]), ["a", "b"]
    client.log({"x": array, "y": values}, array)
    array[:] = 99
    values[:] = ["z", "z"]
    assert client.flush(10)
    assert [row["features"] for row in receiver.rows()] == [{"x": 1.0, "y": "a"}, {"x": 2.0, "y": "b"}]


def test_nan_and_infinity_survive_the_wire(receiver, make):
    """JSON writers turn NaN to null; ours says NaN."""
    client = make()
    client.log({"x": [float("nan"), float("inf"), None]}, [0.1, 0.2, 0.3])
    assert client.flush(10)
    first, second, third = (row["features"]["x"] for row in receiver.rows())
    assert first != first
    assert second == float("inf")
    assert third is None


def test_lone_surrogates_reach_the_server(receiver, make):
    """It replaces and flags them; the row is not lost."""
    client = make()
    client.log({"x": ["\ud800a"]}, [0.5])
    assert client.flush(10)
    assert receiver.rows()[0]["features"] == {"x": "\ud800a"}


def test_threads_log_at_once_and_every_row_is_counted_and_sent(receiver, make):
    """One sender, however many callers."""
    client = make()
    threads = [threading.Thread(target=lambda: [client.log({"x": 1.0}, 0.5) for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(10)
    assert client.stats()["logged"] == client.stats()["sent"] == len({row["id"] for row in receiver.rows()}) == 1_600
    assert sum(thread.name == "watchglass-client" for thread in threading.enumerate()) == 1


def test_labels_go_to_their_own_address(receiver, make):
    """Labels carry id and value."""
    client = make()
    client.label(["a", "b"], np.array([1, 0]))
    client.label("c", "late")
    assert client.flush(10)
    assert receiver.rows("labels") == [{"id": "a", "value": 1}, {"id": "b", "value": 0}, {"id": "c", "value": "late"}]


def test_rows_are_sent_again_under_the_same_ids_after_503(receiver, make):
    """A refused batch is repeated, byte for byte the same rows, when the server takes it."""
    receiver.status, receiver.retry_after = 503, "0"
    client = make()
    client.log({"x": [1.0]}, [0.5])
    assert receiver.wait_requests(2)
    receiver.status = 200
    assert client.flush(10)
    assert len(receiver.rows()) == 1
    assert client.stats()["sent"] == 1
    assert client.stats()["retries"] >= 2
    assert client.stats()["dropped"] == {}


def test_retry_after_is_honoured(receiver, make, monkeypatch):
    """The pause between attempts is at least what the server asks for."""
    pauses = []
    receiver.status, receiver.retry_after = 503, "7"
    client = make(flush_interval=60)
    client.log({"x": [1.0]}, [0.5])
    wait = client._sender._hurry.wait
    monkeypatch.setattr(client._sender._hurry, "wait", lambda pause: pauses.append(pause) or wait(0.001))
    client._sender.wake()
    assert receiver.wait_requests(2)
    receiver.status = 200
    assert client.flush(10)
    assert pauses[0] == 7


def test_rows_refused_for_good_are_counted_and_told_with_the_next_batch(receiver, make):
    """A 422 is not repeated; the next batch carries the cumulative count and the client's id."""
    receiver.status = 422
    client = make()
    client.log({"x": [1.0, 2.0]}, [0.5, 0.5])
    assert client.flush(10)
    assert client.stats()["dropped"] == {"rejected_by_server": 2}
    assert "422" in client.stats()["last_error"]
    receiver.status = 200
    client.log({"x": [3.0]}, [0.5])
    assert client.flush(10)
    path, headers, _ = next(found for found in receiver.bodies if found[2])
    assert path == "/v1/models/flights/inferences"
    assert headers["watchglass-dropped"] == "rejected_by_server=2"
    assert headers["watchglass-client"] == client.identity


def test_a_batch_too_large_for_the_server_is_halved(receiver, make, monkeypatch):
    """On 413 the rows go in smaller parts; a single row that is too large is dropped."""
    post = sender.Sender._post

    def picky(self, model, kind, body):
        return (413, {}, b"") if body.count(b'"id"') > 2 or b"huge" in body else post(self, model, kind, body)

    monkeypatch.setattr(sender.Sender, "_post", picky)
    client = make()
    client.log({"x": ["a", "b", "huge", "d", "e"]}, [0.5] * 5)
    assert client.flush(10)
    assert [row["features"]["x"] for row in receiver.rows()] == ["a", "b", "d", "e"]
    assert client.stats()["dropped"] == {"rejected_by_server": 1}


def test_a_refusing_server_costs_the_caller_nothing_but_bounded_memory(make):
    """With nobody listening, calls return at once, the queue stays within its bytes, and the rest is counted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = make(url, max_bytes=200_000)
    slowest = 0.0
    for place in range(3_000):
        begun = time.perf_counter()
        client.log({"x": [float(place)] * 10}, [0.5] * 10)
        slowest = max(slowest, time.perf_counter() - begun)
    stats = client.stats()
    assert stats["queued_bytes"] <= 200_000
    assert stats["dropped"]["queue_full"] + stats["queued"] == stats["logged"] == 30_000
    assert slowest < 0.5  # never a connection's timeout
    begun = time.perf_counter()
    client.close(timeout=2)
    assert time.perf_counter() - begun < 2.5
    stats = client.stats()
    assert sum(stats["dropped"].values()) + stats["queued"] == 30_000


def test_a_hanging_server_does_not_hold_up_the_caller_or_the_end(receiver, make):
    """A server that takes a request and never answers costs one timeout at most, on our thread."""
    receiver.hang.set()
    client = make(timeout=0.2)
    begun = time.perf_counter()
    for _ in range(1_000):
        client.log({"x": [1.0]}, [0.5])
    assert time.perf_counter() - begun < 1
    assert not client.flush(0.1)
    begun = time.perf_counter()
    client.close(timeout=1)
    assert time.perf_counter() - begun < 1.5
    stats = client.stats()
    assert sum(stats["dropped"].values()) + stats["queued"] + stats["sent"] == 1_000


def test_a_batch_is_given_up_after_a_while_for_newer_ones(receiver, make, monkeypatch):
    """Nothing is tried for ever."""
    monkeypatch.setattr(sender, "GIVE_UP", 0.05)
    receiver.status = 500
    client = make()
    client.log({"x": [1.0]}, [0.5])
    assert client.flush(10)
    assert client.stats()["dropped"] == {"gave_up": 1}


class Hostile:
    """Raises whatever is asked of it."""

    def __len__(self):
        raise RuntimeError("no")

    def __iter__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("inputs", "outputs", "options"),
    [
        (Hostile(), [0.5], {}),
        ({"x": [1.0]}, Hostile(), {}),
        ({"x": [object()]}, [0.5], {}),
        ({"x": [1.0, 2.0], "y": [1.0]}, [0.5], {}),
        ({"x": [1.0]}, [0.5, 0.5], {}),
        ({"x": [1.0]}, [0.5], {"ids": ["a", "b"]}),
        ({"x": [1.0]}, [0.5], {"ids": 5}),
        ({"x": [1.0]}, {"probability": [0.5]}, {}),
        (None, None, {}),
    ],
)
def test_nothing_raises_into_the_caller_and_nothing_is_lost_uncounted(receiver, make, inputs, outputs, options):
    """What cannot be captured is counted, with the reason said."""
    client = make()
    client.log(inputs, outputs, **options)
    assert client.flush(10)
    stats = client.stats()
    assert stats["dropped"]["unserialisable"] == stats["logged"] == 1 or stats["logged"] == 2
    assert stats["sent"] == 0
    assert stats["last_error"].startswith("unserialisable: ")


def test_a_bad_row_does_not_take_its_batch_with_it(receiver, make):
    """Rows logged beside one that cannot be written arrive."""
    client = make(flush_interval=60)
    client.log({"x": [1.0]}, [0.5])
    client.log({"x": [object()]}, [0.5])
    client.log({"x": [2.0]}, [0.5])
    assert client.flush(10)
    assert [row["features"]["x"] for row in receiver.rows()] == [1.0, 2.0]
    assert client.stats()["dropped"] == {"unserialisable": 1}


def test_after_close_rows_are_counted_as_closed(make):
    """Nothing is captured any more, and it shows."""
    client = make()
    client.close()
    client.log({"x": [1.0]}, [0.5])
    assert client.stats()["dropped"] == {"closed": 1}


def test_drops_are_told_even_when_no_batch_follows(receiver, make, monkeypatch):
    """An empty batch carries the count."""
    client = make()
    client.log({"x": [object()]}, [0.5])
    assert client.flush(10)
    client.close(timeout=2)
    assert any(headers.get("watchglass-dropped") == "unserialisable=1" for _, headers, _ in receiver.bodies)


def test_exit_seconds_are_the_promised_two():
    """An exiting process is held up for two seconds at most."""
    assert module.EXIT_SECONDS == 2.0

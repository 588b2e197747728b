"""What the client does while the server refuses, hangs, is overloaded or says no, and with what cannot be sent."""

import socket
import time

import pytest

from monitor.client import client as module
from monitor.client import sender

LONG = 200.0
"""Seconds that a server would be waited for; who does not is done long before, on a busy machine too."""


@pytest.mark.parametrize("status", [429, 503, 507])
def test_rows_are_sent_again_under_the_same_ids_after_a_refusal(receiver, make, status):
    """A refused batch is repeated, byte for byte the same rows, when the server takes it."""
    receiver.status, receiver.retry_after = status, "0"
    client = make()
    client.log({"x": [1.0]}, [0.5])
    assert receiver.wait_requests(2)
    receiver.status = 200
    assert client.flush(60)
    assert len(receiver.rows()) == 1
    assert client.stats()["sent"] == 1
    assert client.stats()["retries"] >= 2
    assert client.stats()["dropped"] == {}


@pytest.mark.parametrize(("status", "asked", "pause"), [(429, "7", 7), (503, "7", 7), (507, "3600", 60)])
def test_retry_after_is_honoured_up_to_a_minute(receiver, make, monkeypatch, status, asked, pause):
    """The pause between attempts is at least what the server asks for."""
    pauses = []
    receiver.status, receiver.retry_after = status, asked
    client = make(flush_interval=60)
    client.log({"x": [1.0]}, [0.5])
    wait = client._sender._hurry.wait
    monkeypatch.setattr(client._sender._hurry, "wait", lambda pause: pauses.append(pause) or wait(0.001))
    client._sender.wake()
    assert receiver.wait_requests(2)
    receiver.status = 200
    assert client.flush(60)
    assert pauses[0] == pause


def test_rows_refused_for_good_are_counted_and_told_with_the_next_batch(receiver, make):
    """A 422 is not repeated; the next batch carries the cumulative count and the client's id."""
    receiver.status = 422
    client = make()
    client.log({"x": [1.0, 2.0]}, [0.5, 0.5])
    assert client.flush(60)
    assert client.stats()["dropped"] == {"rejected_by_server": 2}
    assert "422" in client.stats()["last_error"]
    receiver.status = 200
    client.log({"x": [3.0]}, [0.5])
    assert client.flush(60)
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
    assert client.flush(60)
    assert [row["features"]["x"] for row in receiver.rows()] == ["a", "b", "d", "e"]
    assert client.stats()["dropped"] == {"rejected_by_server": 1}


def test_a_refusing_server_costs_the_caller_nothing_but_bounded_memory(make):
    """With nobody listening, calls return at once, the queue stays within its bytes, and the rest is counted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = make(url, max_bytes=200_000)
    for place in range(3_000):
        client.log({"x": [float(place)] * 10}, [0.5] * 10)
    stats = client.stats()
    assert stats["queued_bytes"] <= 200_000
    assert stats["dropped"]["queue_full"] + stats["queued"] == stats["logged"] == 30_000
    client.close(timeout=2)
    stats = client.stats()
    assert sum(stats["dropped"].values()) + stats["queued"] == 30_000


def test_a_hanging_server_does_not_hold_up_the_caller_or_the_end(receiver, make):
    """A server that takes a request and never answers is waited for on our thread alone, and not at the end."""
    receiver.hang.set()
    client = make(timeout=LONG)
    begun = time.monotonic()
    for _ in range(1_000):
        client.log({"x": [1.0]}, [0.5])
    assert not client.flush(0.1)
    client.close(timeout=1)
    assert time.monotonic() - begun < LONG
    assert receiver.requests == 0, "nothing was answered"
    stats = client.stats()
    assert sum(stats["dropped"].values()) + stats["queued"] + stats["sent"] == 1_000


def test_a_batch_is_given_up_after_a_while_for_newer_ones(receiver, make, monkeypatch):
    """Nothing is tried for ever."""
    monkeypatch.setattr(sender, "GIVE_UP", 0.05)
    receiver.status = 500
    client = make()
    client.log({"x": [1.0]}, [0.5])
    assert client.flush(60)
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
    assert client.flush(60)
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
    assert client.flush(60)
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
    assert client.flush(60)
    client.close(timeout=2)
    assert any(headers.get("watchglass-dropped") == "unserialisable=1" for _, headers, _ in receiver.bodies)


def test_exit_seconds_are_within_the_promised_two():
    """An exiting process is held up for two seconds at most, the time around the last flush included."""
    assert 0 < module.EXIT_SECONDS < 2.0


def test_closing_twice_waits_once(make, receiver):
    """As at the end of a process that closed its client itself, while the server hangs."""
    receiver.hang.set()
    client = make(timeout=LONG)
    client.log({"x": [1.0]}, [0.5])
    client.flush(0.3)
    client.close(timeout=0.1)
    begun = time.monotonic()
    client.close(timeout=LONG)
    assert time.monotonic() - begun < LONG

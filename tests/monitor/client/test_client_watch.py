"""The decorator passes everything through unchanged, and captures it."""

import asyncio

import numpy as np
import pytest

from monitor.client import Client


@pytest.fixture
def client(receiver):
    found = Client(receiver.url, "flights", flush_interval=0.01, timeout=60)
    yield found
    found.close(timeout=0)


def test_a_watched_function_returns_the_very_same_object(client, receiver):
    """Inputs, outputs and latency are captured; the result is not touched."""
    result = np.array([0.25, 0.75])

    @client.watch
    def predict(rows):
        """Say how likely."""
        return result

    assert predict({"x": [1.0, 2.0]}) is result
    assert predict.__doc__ == "Say how likely."
    assert client.flush(60)
    rows = receiver.rows()
    assert [row["features"] for row in rows] == [{"x": 1.0}, {"x": 2.0}]
    assert [row["scores"] for row in rows] == [[0.25], [0.75]]
    assert rows[0]["latency_ms"] >= 0


def test_inputs_are_captured_as_they_were_given(client, receiver):
    """A function that scales its input in place is captured with what came in."""

    @client.watch
    def predict(array):
        array *= 100
        return array[:, 0]

    predict(np.array([[1.0, 2.0]]))
    assert client.flush(60)
    assert receiver.rows()[0]["features"] == {"input-0": 1.0, "input-1": 2.0}


def test_methods_and_keywords_and_ids(client, receiver):
    """The first argument after self is the input; ids may be made of it."""

    class Model:
        @client.watch(ids=lambda rows: rows["id"])
        def predict(self, rows, scale=1):
            return [0.5 * scale] * len(rows["x"])

    assert Model().predict({"x": [1.0], "id": ["a"]}, scale=1) == [0.5]
    assert Model().predict(rows={"x": [1.0], "id": ["b"]}) == [0.5]
    assert client.flush(60)
    assert [row["id"] for row in receiver.rows()] == ["a", "b"]


def test_coroutines_are_watched_too(client, receiver):
    """An async function stays one."""

    @client.watch
    async def predict(rows):
        await asyncio.sleep(0)
        return ["late"]

    assert asyncio.run(predict({"x": [1.0]})) == ["late"]
    assert client.flush(60)
    assert receiver.rows()[0]["prediction"] == "late"


def test_exceptions_pass_and_are_counted(client, receiver):
    """A failing model fails as it would without us."""

    @client.watch
    def predict(rows):
        raise KeyError("temp")

    with pytest.raises(KeyError, match="temp"):
        predict({"x": [1.0]})
    assert client.stats()["errors"] == 1
    assert client.flush(1)
    assert receiver.rows() == []


def test_a_failing_id_function_does_not_reach_the_caller(client):
    """It is counted."""

    @client.watch(ids=lambda rows: rows["nothing"])
    def predict(rows):
        return [0.5]

    assert predict({"x": [1.0]}) == [0.5]
    assert client.stats()["dropped"] == {"unserialisable": 1}

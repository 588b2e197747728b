"""What is logged arrives, in whatever form it was given."""

import threading

import numpy as np
import pytest


def test_rows_arrive_with_ids_times_and_answers(receiver, make):
    """A batch of columns becomes one row per inference."""
    client = make(version="2")
    client.log(
        {"temp": [20.5, None], "carrier": ["AA", "UA"]}, {"scores": [0.25, 0.75]}, ids=["a", "b"], latency_ms=1.5
    )
    assert client.flush(60)
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
    assert client.flush(60)
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
    assert client.flush(60)
    row = receiver.rows()[0]
    assert {key: row[key] for key in ("scores", "prediction") if key in row} == expected


def test_what_the_caller_changes_afterwards_is_not_captured(receiver, make):
    """Arrays and lists are copied when they are logged."""
    client = make(flush_interval=60)
    array, values = np.array([1.0, 2.0]), ["a", "b"]
    client.log({"x": array, "y": values}, array)
    array[:] = 99
    values[:] = ["z", "z"]
    assert client.flush(60)
    assert [row["features"] for row in receiver.rows()] == [{"x": 1.0, "y": "a"}, {"x": 2.0, "y": "b"}]


def test_nan_and_infinity_survive_the_wire(receiver, make):
    """JSON writers turn NaN to null; ours says NaN."""
    client = make()
    client.log({"x": [float("nan"), float("inf"), None]}, [0.1, 0.2, 0.3])
    assert client.flush(60)
    first, second, third = (row["features"]["x"] for row in receiver.rows())
    assert first != first
    assert second == float("inf")
    assert third is None


def test_lone_surrogates_reach_the_server(receiver, make):
    """It replaces and flags them; the row is not lost."""
    client = make()
    client.log({"x": ["\ud800a"]}, [0.5])
    assert client.flush(60)
    assert receiver.rows()[0]["features"] == {"x": "\ud800a"}


def test_threads_log_at_once_and_every_row_is_counted_and_sent(receiver, make):
    """One sender, however many callers."""
    client = make()
    threads = [threading.Thread(target=lambda: [client.log({"x": 1.0}, 0.5) for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(60)
    assert client.stats()["logged"] == client.stats()["sent"] == len({row["id"] for row in receiver.rows()}) == 1_600
    assert sum(thread.name == "watchglass-client" for thread in threading.enumerate()) == 1


def test_labels_go_to_their_own_address(receiver, make):
    """Labels carry id and value."""
    client = make()
    client.label(["a", "b"], np.array([1, 0]))
    client.label("c", "late")
    assert client.flush(60)
    assert receiver.rows("labels") == [{"id": "a", "value": 1}, {"id": "b", "value": 0}, {"id": "c", "value": "late"}]


def test_what_computed_a_row_is_sent_where_it_is_known(receiver, make):
    """The device, its time and its memory; nothing where nothing was said."""
    client = make()
    client.log({"x": 1}, 0.5, device="cuda:0", device_ms=1.25, memory_mb=812)
    client.log({"x": 1}, 0.5, device="cpu")
    client.log({"x": 1}, 0.5)
    assert client.flush(60)
    said = [
        {name: row[name] for name in ("device", "device_ms", "memory_mb") if name in row} for row in receiver.rows()
    ]
    assert said == [{"device": "cuda:0", "device_ms": 1.25, "memory_mb": 812}, {"device": "cpu"}, {}]

"""A watched onnxruntime session answers just as the bare one, and its calls arrive."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from monitor.client.onnx import request_id, watch
from monitor.client.probe import probing
from monitor.errors import InvalidInput

WEIGHT = np.array([[1.0, -1.0], [0.5, 0.25], [-2.0, 2.0]], np.float32)


def session(nodes, inputs, outputs, weights=()):
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def classifier():
    """Answers a label and probabilities of a matrix [n, 3], as converted classifiers do."""
    nodes = [
        helper.make_node("MatMul", ["x", "weight"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["probabilities"], ["label"], axis=1, keepdims=0),
    ]
    return session(
        nodes,
        [("x", TensorProto.FLOAT, ["n", 3])],
        [("label", TensorProto.INT64, ["n"]), ("probabilities", TensorProto.FLOAT, ["n", 2])],
        [("weight", WEIGHT)],
    )


@pytest.fixture(scope="module")
def adder():
    """Adds two named columns [n, 1]: a regression."""
    nodes = [helper.make_node("Add", ["temp", "wind"], ["sum"])]
    columns = [(name, TensorProto.FLOAT, ["n", 1]) for name in ("temp", "wind")]
    return session(nodes, columns, [("sum", TensorProto.FLOAT, ["n", 1])])


@pytest.fixture
def client(make):
    return make(version="4")


GIVEN = np.array([[1, 2, 3], [0.5, -1, 2]], np.float32)


def test_answers_are_byte_identical_and_the_rows_hold_them(classifier, client, receiver):
    watched = watch(classifier, client, columns=["a", "b", "c"])
    token = request_id.set(["p", "q"])
    plain, seen = classifier.run(None, {"x": GIVEN}), watched.run(None, {"x": GIVEN})
    request_id.reset(token)
    assert [one.tobytes() for one in plain] == [one.tobytes() for one in seen]
    assert [one.dtype for one in plain] == [one.dtype for one in seen]
    assert client.flush(60)
    rows = receiver.rows()
    assert [row["id"] for row in rows] == ["p", "q"]
    assert [list(row["features"].values()) for row in rows] == GIVEN.tolist()
    assert rows[0]["features"].keys() == {"a", "b", "c"}
    assert [row["scores"] for row in rows] == plain[1].tolist()  # the first output of floats, not the label
    assert all(row["device"] == "cpu" and row["device_ms"] > 0 and row["batch_size"] == 2 for row in rows)


def test_inputs_are_named_as_the_model_names_them(adder, classifier, client, receiver):
    column = np.array([[1.0], [2.0]], np.float32)
    watch(adder, client, output="prediction").run(["sum"], {"temp": column, "wind": column})
    watch(classifier, client).run(["probabilities"], {"x": GIVEN})
    assert client.flush(60)
    rows = receiver.rows()
    assert rows[1]["features"] == {"temp": 2.0, "wind": 2.0}
    assert rows[1]["prediction"] == 4.0
    assert rows[2]["features"] == {"x-0": 1.0, "x-1": 2.0, "x-2": 3.0}


def test_functions_read_what_the_names_do_not_say(classifier, client, receiver):
    watched = watch(
        classifier,
        client,
        features=lambda inputs: {"mean": inputs["x"].mean(axis=1)},
        output=lambda outputs: {"prediction": outputs["label"], "scores": outputs["probabilities"]},
    )
    label, scores = watched.run(None, {"x": GIVEN})
    assert client.flush(60)
    rows = receiver.rows()
    assert [row["prediction"] for row in rows] == label.tolist()
    assert [row["scores"] for row in rows] == scores.tolist()
    assert [row["features"]["mean"] for row in rows] == GIVEN.mean(axis=1).tolist()


def test_the_sessions_own_values_are_captured_too(classifier, client, receiver):
    watched = watch(classifier, client)
    given = onnxruntime.OrtValue.ortvalue_from_numpy(GIVEN)
    found = watched.run_with_ort_values(["probabilities"], {"x": given})
    assert found[0].numpy().tobytes() == classifier.run(["probabilities"], {"x": GIVEN})[0].tobytes()
    assert client.flush(60)
    assert len(receiver.rows()) == 2


def test_the_callers_later_changes_are_not_captured(classifier, client, receiver):
    given = GIVEN.copy()
    _, scores = watch(classifier, client).run(None, {"x": given})
    expected = scores.tolist()
    given[:], scores[:] = 0, 0
    assert client.flush(60)
    assert [row["features"]["x-0"] for row in receiver.rows()] == [1.0, 0.5]
    assert [row["scores"] for row in receiver.rows()] == expected


def test_exceptions_are_the_sessions_own_and_counted(classifier, client):
    watched = watch(classifier, client)
    with pytest.raises(Exception, match="Got invalid dimensions") as watched_error:
        watched.run(None, {"x": np.zeros((1, 9), np.float32)})
    with pytest.raises(type(watched_error.value)):
        classifier.run(None, {"x": np.zeros((1, 9), np.float32)})
    assert client.stats()["errors"] == 1
    assert client.stats()["logged"] == 0


def test_what_cannot_be_captured_is_counted_and_never_raised(classifier, client):
    large = np.zeros((3, 3), np.float32)
    watch(classifier, client, max_bytes=20).run(None, {"x": large})
    broken = watch(classifier, client, output=lambda _outputs: 1 / 0)
    broken.run(None, {"x": large})
    assert client.flush(60)
    assert client.stats()["dropped"] == {"too_large": 3, "unserialisable": 3}


def test_probes_are_left_out_and_the_rest_is_the_sessions_own(classifier, client):
    watched = watch(classifier, client)
    with probing():
        watched.run(None, {"x": GIVEN})
    assert client.stats()["logged"] == 0
    assert watched.get_providers() == classifier.get_providers()
    assert [each.name for each in watched.get_inputs()] == ["x"]


def test_what_is_not_known_is_refused(classifier, client):
    with pytest.raises(InvalidInput, match="probability, logit"):
        watch(classifier, client, output="softmax")
    with pytest.raises(InvalidInput, match="label, probabilities"):
        watch(classifier, client, answer="scores")

"""What one model does to the process is not felt by the next, and no missing value becomes a number by itself."""

import warnings

import numpy as np
import pytest

from explain.asking import Asking
from explain.models import ModelAdapter, adapter
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task

SCHEMA = ModelSchema(
    model="m", task=Task.REGRESSION, features=(Feature(name="age", kind=Kind.INTEGER),), target="price"
)


class Strict(ModelAdapter):
    """A model that turns warnings and floating-point errors into exceptions, for the whole process."""

    name = "strict"

    @classmethod
    def load(cls, spec, schema, allowed):
        return cls()

    @classmethod
    def fingerprint(cls, spec):
        return "strict"

    def predict(self, columns):
        np.seterr(all="raise")
        warnings.simplefilter("error")
        return columns["age"] * 2


def test_a_models_ways_with_warnings_and_floating_point_end_with_its_answer():
    errors, filters = np.geterr(), list(warnings.filters)
    assert Asking(Strict(), None)({"age": np.array([1.0, 2.0])}).tolist() == [2.0, 4.0]
    assert (np.geterr(), list(warnings.filters)) == (errors, filters)


@pytest.fixture
def whole_numbers(tmp_path):
    """An ONNX model with one input of whole numbers, that answers their half."""
    onnx = pytest.importorskip("onnx")
    kind = onnx.TensorProto
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Cast", ["age"], ["number"], to=kind.FLOAT),
            onnx.helper.make_node("Mul", ["number", "half"], ["price"]),
        ],
        "half",
        [onnx.helper.make_tensor_value_info("age", kind.INT64, ["n", 1])],
        [onnx.helper.make_tensor_value_info("price", kind.FLOAT, ["n", 1])],
        [onnx.helper.make_tensor("half", kind.FLOAT, [1], [0.5])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 8
    path = tmp_path / "half.onnx"
    path.write_bytes(model.SerializeToString())
    spec = {"adapter": "onnx", "model": str(path)}
    return adapter(spec).load(spec, SCHEMA, None)


def test_an_input_of_whole_numbers_is_given_no_missing_value(whole_numbers):
    """Cast, it would be −9,223,372,036,854,775,808, and the explanation would be of that."""
    assert whole_numbers.predict({"age": np.array([30.0, 40.0])}).tolist() == [15.0, 20.0]
    with pytest.raises(InvalidInput, match="'age' takes int64, which has no missing value"):
        whole_numbers.predict({"age": np.array([30.0, np.nan])})

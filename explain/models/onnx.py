"""An ONNX model, run by onnxruntime. One file: a model whose weights are in others is refused.

The specification of a version's artifact::

    {"adapter": "onnx", "model": "/models/late.onnx",
     "output": "probabilities",   # optional: the output to explain; else the last of floats
     "link": "softmax"}           # optional: "sigmoid" or "softmax" of what it answers

A model with one input for each feature, by its name, is asked so: [n, 1], strings as strings. One with a single input
is asked with the schema's only image, embedding or sequence, [n, …], or with a matrix of numbers (``columns`` and
``categories``: see :mod:`explain.encoding`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.encoding import Encoding
from explain.files import Specification, file_digest, identity, read, text
from explain.models import Allowed, ModelAdapter, as_type, checked, linked
from explain.protobuf import external
from monitor.client.probe import probing
from monitor.errors import InvalidInput, Unavailable
from monitor.schema.held import ARRAYS
from monitor.types import ModelSchema

DTYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(uint8)": "uint8", "tensor(bool)": "bool",
}  # fmt: skip


class OnnxAdapter(ModelAdapter):
    """An ONNX model."""

    name = "onnx"

    def __init__(
        self, session: Any, encoding: Encoding | str | None, output: str, link: str, schema: ModelSchema
    ) -> None:
        self._session, self._encoding, self._output, self._link, self._schema = session, encoding, output, link, schema
        self.device = "cuda" if "CUDAExecutionProvider" in session.get_providers() else "cpu"

    @classmethod
    def load(cls, spec: Specification, schema: ModelSchema, allowed: Allowed) -> "OnnxAdapter":
        """Load the model.

        Raises:
            InvalidInput: the file is no ONNX model in one file, or its inputs do not fit the schema.
        """
        del allowed
        body = read(text(spec, "model"), "model")
        try:
            elsewhere = external(body)
        except ValueError as error:
            raise InvalidInput(f"{spec['model']!r} is no ONNX model: {error}") from error
        if elsewhere:
            raise InvalidInput(
                f"{spec['model']!r} keeps weights in other files, whose paths it chooses; save it as one file "
                "(onnx.save_model with save_as_external_data=False)"
            )
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(body, options, providers=onnxruntime.get_available_providers())
        except Exception as error:
            raise InvalidInput(f"{spec['model']!r} cannot be run as ONNX: {str(error)[:300]}") from error
        link = str(spec.get("link", "identity"))
        linked(np.zeros((1, 2)), link)
        return cls(session, _encoding(session, spec, schema), _output(session, spec), link, schema)

    @classmethod
    def fingerprint(cls, spec: Specification) -> str:
        """Return the sha256 of the file and of what the specification says of inputs and outputs."""
        return identity(spec, file_digest(text(spec, "model"), "model"))

    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the model's outputs, [n] or [n, classes]."""
        rows = len(next(iter(columns.values())))
        with probing():
            answer = self._session.run([self._output], self._given(columns))[0]
        if not isinstance(answer, np.ndarray):
            raise Unavailable(f"the output {self._output!r} is no tensor; export the model without ZipMap")
        return checked(linked(answer.astype(np.float64), self._link), rows, self._schema.task, self._schema.classes)

    def _given(self, columns: Mapping[str, Column]) -> dict[str, Column]:
        inputs = self._session.get_inputs()
        if self._encoding is None:
            return {each.name: _typed(columns[each.name], each.type, each.name) for each in inputs}
        given = columns[self._encoding] if isinstance(self._encoding, str) else self._encoding.matrix(columns)
        return {inputs[0].name: as_type(np.asarray(given), DTYPES.get(inputs[0].type, "float32"), inputs[0].name)}


def _encoding(session: Any, spec: Specification, schema: ModelSchema) -> Encoding | str | None:
    """Return what the model's inputs are: the matrix's encoding, the one array's name, or None for one a feature."""
    names = [each.name for each in session.get_inputs()]
    features = {feature.name: feature for feature in schema.features}
    if set(names) <= set(features) and (len(names) > 1 or features[names[0]].kind not in ARRAYS):
        return None
    if len(names) > 1:
        raise InvalidInput(
            f"the model's inputs {', '.join(names)[:300]} are no features of {', '.join(features)[:300]}"
        )
    arrays = [feature.name for feature in schema.features if feature.kind in ARRAYS]
    return arrays[0] if len(arrays) == len(features) == 1 else Encoding.of(spec, schema)


def _output(session: Any, spec: Specification) -> str:
    known = {each.name: each.type for each in session.get_outputs()}
    floats = [name for name, kind in known.items() if kind in ("tensor(float)", "tensor(double)", "tensor(float16)")]
    wanted = spec.get("output", floats[-1] if floats else None)
    if wanted not in known:
        raise InvalidInput(f'the model has no output {wanted!r} of floats; set "output" to one of {", ".join(known)}')
    return str(wanted)


def _typed(column: Column, kind: str, name: str) -> Column:
    if kind == "tensor(string)":
        return np.array([["" if value is None else str(value)] for value in column], dtype=object)
    typed = as_type(np.asarray(column), DTYPES.get(kind, "float32"), name)
    return typed[:, None] if typed.ndim == 1 else typed

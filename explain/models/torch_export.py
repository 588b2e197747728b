"""A program exported by ``torch.export`` (.pt2). Loading one can run code of its author's, so it needs explicit trust.

The specification of a version's artifact::

    {"adapter": "torch_export", "model": "/models/late.pt2", "input": "float32", "link": "sigmoid"}

torch reads some such files by unpickling. A file is read only if the administrator lists its sha256 in
``explain.trusted_files``, and only in the worker process; what is loaded are the very bytes that were hashed. The
program takes one tensor: [n, columns] of numbers (see :mod:`explain.encoding`), or, where the schema has one image,
embedding or sequence and nothing else, that, [n, …]. ``link`` ("sigmoid" or "softmax") is applied to what it answers.
"""

import hashlib
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.encoding import Encoding
from explain.files import Specification, file_digest, identity, read, text
from explain.models import Allowed, ModelAdapter, as_type, checked, linked
from explain.models.torch import best_device
from monitor.client.probe import probing
from monitor.errors import InvalidInput
from monitor.schema.held import ARRAYS
from monitor.types import ModelSchema

INPUTS = ("float32", "float64", "int64")


class TorchExportAdapter(ModelAdapter):
    """An exported torch program."""

    name = "torch_export"

    def __init__(self, program: Any, encoding: Encoding | str, dtype: str, link: str, schema: ModelSchema) -> None:
        self.device = best_device()
        self._program = program.to(self.device)
        self._encoding, self._dtype, self._link, self._schema = encoding, dtype, link, schema

    @classmethod
    def load(cls, spec: Specification, schema: ModelSchema, allowed: Allowed) -> "TorchExportAdapter":
        """Load the program.

        Raises:
            InvalidInput: the file is not trusted, or torch cannot read it.
        """
        body = read(text(spec, "model"), "model")
        sha = hashlib.sha256(body).hexdigest()
        if sha not in allowed.files:
            raise InvalidInput(
                f"{spec['model']!r} can run code when it is loaded, and nobody trusts it; if you trust its author, an "
                f"administrator adds its sha256 to explain.trusted_files: {sha}. Weights in safetensors need no trust"
            )
        dtype, link = str(spec.get("input", "float32")), str(spec.get("link", "identity"))
        if dtype not in INPUTS:
            raise InvalidInput(f'"input" must be one of {", ".join(INPUTS)}; got {dtype!r}')
        single = schema.features[0] if len(schema.features) == 1 else None
        whole = single is not None and single.kind in ARRAYS
        encoding = single.name if single is not None and whole else Encoding.of(spec, schema)
        import torch

        try:
            program = torch.export.load(io.BytesIO(body)).module()
        except Exception as error:
            raise InvalidInput(f"torch cannot read {spec['model']!r}: {type(error).__name__}: {error}"[:500]) from error
        linked(np.zeros((1, 2)), link)
        return cls(program, encoding, dtype, link, schema)

    @classmethod
    def fingerprint(cls, spec: Specification) -> str:
        """Return the sha256 of the file and of what the specification says of its inputs."""
        return identity(spec, file_digest(text(spec, "model"), "model"))

    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the program's outputs, [n] or [n, classes]."""
        import torch

        given = columns[self._encoding] if isinstance(self._encoding, str) else self._encoding.matrix(columns)
        typed = as_type(np.ascontiguousarray(given), self._dtype, "input")
        tensor = torch.from_numpy(typed).to(self.device)
        with probing(), torch.inference_mode():
            answer = self._program(tensor).double().cpu().numpy()
        return checked(linked(answer, self._link), len(given), self._schema.task, self._schema.classes)

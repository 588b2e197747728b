"""How explainers ask a model: in chunks that fit, all outputs in one pass, the explained one picked."""

import warnings
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.models import ModelAdapter
from monitor.errors import InvalidInput
from monitor.types import Scalar

LEAST_ROWS = 8
"""A chunk of so few rows that does not fit will not fit at all."""

Matrix = npt.NDArray[np.float64]


class Asking:
    """One model and which of its outputs is explained; a function of columns, as :data:`explain.explainers.Predict`.

    Rows are asked in chunks. One that exhausts the memory of the device or the process is halved, and so is every chunk
    after it; :attr:`said` tells.
    """

    def __init__(self, model: ModelAdapter, output: int | None) -> None:
        """Take the model.

        Args:
            model: what is asked.
            output: which class is explained, of a model that answers one number per class.
        """
        self._model = model
        self._output = output
        self._chunk = model.max_rows
        self._halved = 0

    def __call__(self, columns: Mapping[str, Column]) -> Matrix:
        """Return the explained output of n rows, [n]."""
        return self.chosen(self.outputs(columns))

    def outputs(self, columns: Mapping[str, Column]) -> Matrix:
        """Return every output of n rows, [n] or [n, classes].

        Raises:
            MemoryError: not even `LEAST_ROWS` rows fit.
        """
        rows = len(next(iter(columns.values())))
        found: list[Matrix] = []
        at = 0
        while at < rows:
            # A copy: a model that writes into what it is given must not change what is asked next.
            part = {name: column[at : at + self._chunk].copy() for name, column in columns.items()}
            try:
                # What a model does about warnings and floating-point errors must not hold for those after it.
                with np.errstate(), warnings.catch_warnings():
                    found.append(self._model.predict(part))
            except (MemoryError, RuntimeError) as error:
                if not exhausted(error) or self._chunk <= LEAST_ROWS:
                    raise
                self._chunk = max(LEAST_ROWS, min(self._chunk, rows - at) // 2)
                self._halved += 1
                continue
            at += self._chunk
        return found[0] if len(found) == 1 else np.concatenate(found)

    def chosen(self, outputs: Matrix) -> Matrix:
        """Return the explained output [n] of all of them; see :meth:`place`."""
        return outputs if outputs.ndim == 1 else outputs[:, self.place(outputs.shape[1])]

    def place(self, count: int) -> int:
        """Return which of ``count`` outputs is explained.

        Raises:
            InvalidInput: the model has not that many.
        """
        if self._output is None or self._output >= count:
            raise InvalidInput(
                f"the model answers {count} numbers per row, but class {self._output} is to be explained; "
                "do the schema's classes match the model's?"
            )
        return self._output

    @property
    def said(self) -> dict[str, Scalar]:
        """What people are told: where the model ran, and whether memory ran out on the way."""
        told: dict[str, Scalar] = {"device": self._model.device}
        if self._halved:
            told["memory"] = f"ran out {self._halved} times, so rows were asked {self._chunk:,} at a time"
        return told


def exhausted(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, on the processor or on a GPU.

    >>> exhausted(MemoryError()), exhausted(RuntimeError("CUDA out of memory.")), exhausted(RuntimeError("shape"))
    (True, True, False)
    """
    said = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in said or "allocate memory" in said

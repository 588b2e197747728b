"""Arrays that a model was given and answered, as columns and scores: on the client's thread, of copies."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.collectors.pairing import WIDEST_MATRIX

Array = npt.NDArray[Any]

OUTPUTS = ("probability", "logit", "logits", "prediction")
"""What a model may answer: probabilities; the logit of the positive class; logits of the classes; the values."""


def columns_of(tensors: Mapping[str, Array], names: Sequence[str] | None = None) -> dict[str, Any]:
    """Return columns by name, one value a row, of arrays whose first dimension is the rows.

    An array [n] is the column of its name. A matrix [n, k] of at most 64 columns becomes ``name-0`` … or, where it is
    the only one, has the given ``names``. Wider ones, and those of more dimensions, become one column of flat arrays.

    Raises:
        ValueError: the arrays differ in their first dimension, or there are not as many names as columns.

    >>> columns_of({"input": np.array([[1, 2], [3, 4]])})
    {'input-0': [1, 3], 'input-1': [2, 4]}
    >>> columns_of({"input": np.array([[1, 2], [3, 4]])}, ["a", "b"])
    {'a': [1, 3], 'b': [2, 4]}
    """
    if names is not None:
        tensors = {"input": _named(tensors, names)}
    rows = {array.shape[0] if array.ndim else -1 for array in tensors.values()}
    if len(rows) != 1 or -1 in rows:
        shapes = ", ".join(f"{name} {list(array.shape)}" for name, array in tensors.items()) or "no tensor"
        raise ValueError(f"inputs: got {shapes}; every tensor must have the rows first, or give features=")
    found: dict[str, Any] = {}
    for name, array in tensors.items():
        if array.ndim == 2 and array.shape[1] <= (WIDEST_MATRIX if names is None else array.shape[1]):
            for place, column in enumerate(array.T):
                found[names[place] if names is not None else f"{name}-{place}"] = column.tolist()
        elif array.ndim == 1:
            found[name] = array.tolist()
        else:
            found[name] = list(array.reshape(array.shape[0], -1))  # made lists of row by row, when it is sent
    return found


def _named(tensors: Mapping[str, Array], names: Sequence[str]) -> Array:
    """Return the one matrix that ``names`` are for; a bare row becomes a matrix of one."""
    first = next(iter(tensors.values()), np.empty(0))
    if first.ndim == 1 and len(first) == len(names):
        first = first[None, :]
    if len(tensors) != 1 or first.ndim != 2 or first.shape[1] != len(names):
        shapes = ", ".join(str(list(array.shape)) for array in tensors.values()) or "no tensor"
        raise ValueError(f"columns: got {len(names)} names for {shapes}; one matrix [rows, {len(names)}] is needed")
    return first


def answers_of(array: Array, output: str) -> dict[str, list[Any]]:
    """Return ``{"scores": …}`` or ``{"prediction": …}``, a value a row, of what a model answered.

    Args:
        array: [n], [n, 1] or [n, k].
        output: one of `OUTPUTS`.

    Raises:
        ValueError: the array has another shape.

    >>> answers_of(np.array([[0.0, 0.0]]), "logits"), answers_of(np.array([3.5]), "prediction")
    ({'scores': [[0.5, 0.5]]}, {'prediction': [3.5]})
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 0:
        array = array[None]
    if array.ndim > 2 or (array.ndim == 2 and output in ("logit", "prediction")):
        raise ValueError(f"outputs: got shape {list(array.shape)} for output={output!r}; give a function instead")
    if output == "prediction":
        return {"prediction": array.tolist()}
    if output in ("logit", "logits"):
        array = softmax(array) if array.ndim == 2 else sigmoid(array)
    return {"scores": array.tolist() if array.ndim == 2 else [[value] for value in array.tolist()]}


def softmax(logits: Array) -> Array:
    """Return probabilities over the last dimension, in float64; exact where logits are large."""
    wide = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):  # a row with an infinity: NaN, which is flagged on capture
        powers = np.exp(wide - wide.max(axis=-1, keepdims=True))
        shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


def sigmoid(logits: Array) -> Array:
    """Return probabilities of the positive class, in float64; never overflows.

    >>> sigmoid(np.array([-1e4, 0.0, 1e4])).tolist()
    [0.0, 0.5, 1.0]
    """
    wide = logits.astype(np.float64)
    small = np.exp(-np.abs(wide))
    return np.where(wide >= 0, 1 / (1 + small), small / (1 + small))

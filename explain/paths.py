"""Gradients along the straight line from one row to another, which is what gradient methods add up.

Everything is done in the model's input space (numbers as it reads them, embeddings of tokens), by ``autograd.grad``
with respect to these inputs only: no ``backward``, no hooks, and nothing of the module's own is changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from explain.models import Gradients
from monitor.client.probe import probing
from monitor.errors import InvalidInput

if TYPE_CHECKING:
    from torch import Tensor

Matrix = npt.NDArray[np.float64]
Inputs = Mapping[str, Any]
"""One floating tensor for each feature, [n, …]."""

CHUNK = 256
"""Rows that are differentiated at once."""


@dataclass(frozen=True, slots=True)
class Slopes:
    """A model's answers along lines, and what each number of the inputs contributes there.

    ``contributions`` are gradient × distance by feature, [n, …]; ``answers`` are [n].
    """

    contributions: dict[str, Matrix]
    answers: Matrix


def slopes(model: Gradients, output: int | None, own: Inputs, others: Inputs, shares: Matrix) -> Slopes:
    """Return gradient × (own − other) at ``other + share · (own − other)``.

    Args:
        model: it.
        output: the explained class of a model with one output per class.
        own: the explained row, [1, …] by feature.
        others: where the lines begin, [n, …] by feature.
        shares: how far along its line each point lies, [n] in [0, 1].
    """
    import torch

    found: dict[str, list[Matrix]] = {name: [] for name in own}
    answers: list[Matrix] = []
    with probing():
        for at in range(0, len(shares), CHUNK):
            part = slice(at, at + CHUNK)
            share = torch.from_numpy(shares[part])
            apart = {name: own[name].detach() - others[name][part].detach() for name in own}
            points = {
                name: (others[name][part].detach() + _shaped(share, each) * each).requires_grad_(True)
                for name, each in apart.items()
            }
            with torch.enable_grad():
                answer = explained(model.outputs(points), output)
                gradients = torch.autograd.grad(
                    answer.sum(), list(points.values()), allow_unused=True, materialize_grads=True
                )
            for name, gradient in zip(points, gradients, strict=True):
                found[name].append((gradient * apart[name]).detach().double().numpy())
            answers.append(answer.detach().double().numpy())
    return Slopes({name: np.concatenate(parts) for name, parts in found.items()}, np.concatenate(answers))


def explained(answers: "Tensor", output: int | None) -> "Tensor":
    """Return the explained number of each row, [n], of outputs [n], [n, 1] or [n, classes]; binary: the last."""
    if answers.ndim == 1:
        return answers
    return answers[:, -1 if output is None else output]


def prepared(model: Gradients, row: Mapping[str, Any], background: Mapping[str, Any]) -> tuple[Inputs, Inputs]:
    """Return row and background in the model's input space.

    Raises:
        InvalidInput: the two have other shapes, as texts do that are not padded to one length, or are no floats.
    """
    import torch

    with torch.no_grad(), probing():
        own, others = model.inputs(row), model.inputs(background)
    for name, tensor in own.items():
        if not tensor.is_floating_point():
            raise InvalidInput(f"explain_inputs gave {name!r} as {tensor.dtype}; gradients need floating numbers")
        if tensor.shape[1:] != others[name].shape[1:]:
            raise InvalidInput(
                f"explain_inputs gave {name!r} as {tuple(tensor.shape[1:])} for the row and "
                f"{tuple(others[name].shape[1:])} for the background; pad them to one shape, or use shapley"
            )
    return own, others


def _shaped(share: "Tensor", like: "Tensor") -> "Tensor":
    return share.to(like.dtype).reshape(-1, *[1] * (like.ndim - 1))

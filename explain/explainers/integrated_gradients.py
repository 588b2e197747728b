"""Integrated gradients (Sundararajan, Taly and Yan 2017, arXiv 1703.01365) from the background's mean to the row.

The gradient is averaged along the straight line between them, by Gauss–Legendre points, and multiplied by the distance.
The attributions add up to the row's answer less the mean's ("completeness") as far as the points suffice; how far they
miss it is in ``quality``.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np

from explain.explainers import Setting
from explain.following import Followed, Following
from explain.models import Gradients
from explain.paths import Inputs, explained, slopes


class IntegratedGradients(Following):
    """Integrated gradients of a torch model."""

    name = "integrated_gradients"
    title = "Integrated gradients"
    by_chance = False
    settings: ClassVar[Mapping[str, Setting]] = {"rows": Setting(64, 8, 2_000, "points along the line")}

    def followed(
        self, model: Gradients, own: Inputs, others: Inputs, usual: Callable[[], float], points: int, seed: int
    ) -> Followed:
        """Return what the inputs contribute; see `Following.followed`. Nothing is left to chance."""
        import torch

        del usual, seed
        mean = {name: tensor.mean(dim=0, keepdim=True) for name, tensor in others.items()}
        places, weights = np.polynomial.legendre.leggauss(points)
        starts = {name: tensor.expand(points, *tensor.shape[1:]) for name, tensor in mean.items()}
        found = slopes(model, self._output, own, starts, (places + 1) / 2)
        values = {name: np.tensordot(weights / 2, each, axes=1) for name, each in found.contributions.items()}
        with torch.no_grad():
            base = float(explained(model.outputs(mean), self._output)[0])
        return Followed(values, base, points + 2)

"""The demo's model: embeddings for categories, standardised numbers with a sign for "missing", and a small MLP."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

CLIP = 8.0
"""Standardised numbers are held within ± this many standard deviations, so that no input makes the logits overflow."""


class FlightModel(nn.Module):
    """P(late) of a flight, from columns by name.

    The configuration (JSON) holds what is not a weight: the known values of each category, each number's mean and
    standard deviation in the training data, and the width of the hidden layers. A value not seen in training shares
    one embedding per column with null.
    """

    def __init__(
        self, *, categories: Mapping[str, list[str]], numbers: Mapping[str, tuple[float, float]], width: int
    ) -> None:
        super().__init__()
        self._codes = {name: {value: i + 1 for i, value in enumerate(values)} for name, values in categories.items()}
        self._numbers = {name: (float(mean), float(scale)) for name, (mean, scale) in numbers.items()}
        sizes = {name: min(8, 2 + len(values) // 8) for name, values in categories.items()}
        self.embeddings = nn.ModuleDict(
            {name: nn.Embedding(len(values) + 1, sizes[name]) for name, values in categories.items()}
        )
        inputs = sum(sizes.values()) + 2 * len(numbers)
        self.layers = nn.Sequential(
            nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width // 2), nn.SiLU(), nn.Linear(width // 2, 1)
        )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the module that ``config`` describes, with weights yet to be loaded."""
        return cls(categories=config["categories"], numbers=config["numbers"], width=config["width"])

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns it takes."""
        return (*self._codes, *self._numbers)

    def encode(self, columns: Mapping[str, np.ndarray]) -> tuple[Tensor, Tensor]:
        """Return codes (int64 [n, categories]; 0 is unknown or null) and numbers (float32 [n, 2 × numbers]).

        Numbers are float64 with NaN for null; categories are objects, str or None. A null number becomes the mean,
        with its sign set.
        """
        codes = [
            np.fromiter((code.get(value, 0) for value in columns[name]), np.int64, len(columns[name]))
            for name, code in self._codes.items()
        ]
        numbers = []
        for name, (mean, scale) in self._numbers.items():
            values = np.asarray(columns[name], dtype=np.float64)
            missing = np.isnan(values)
            numbers += [np.where(missing, 0.0, np.clip((values - mean) / scale, -CLIP, CLIP)), missing]
        return (
            torch.from_numpy(np.stack(codes, axis=1)),
            torch.from_numpy(np.stack(numbers, axis=1).astype(np.float32)),
        )

    def forward(self, codes: Tensor, numbers: Tensor) -> Tensor:
        """Return the logits of P(late), [n], of what `encode` returns."""
        embedded = [embedding(codes[:, i]) for i, embedding in enumerate(self.embeddings.values())]
        logits: Tensor = self.layers(torch.cat([*embedded, numbers], dim=1))
        return logits.squeeze(1)

    def predict(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return P(late), float64 [n], of the rows in ``columns``."""
        with torch.inference_mode():
            return torch.sigmoid(self.forward(*self.encode(columns)).double()).numpy()

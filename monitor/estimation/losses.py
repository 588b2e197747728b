"""Losses before labels come: how far predictions like these were off on the reference."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from monitor.profile.residuals import Residuals
from monitor.profile.values import Floats

KNOWN: Final = frozenset({"mae", "rmse", "bias", "accuracy", "ndcg"})
"""What residuals by score give; for a multiclass task accuracy alone, for a ranking nDCG."""


@np.errstate(over="ignore", invalid="ignore")
def losses(reference: Residuals, scores: Floats, names: Sequence[str]) -> list[tuple[float, float] | None]:
    """Return each measure that scores promise and how far chance scatters it; None for what residuals do not give.

    Nor do they where either is beyond all numbers, as of targets near 1e300, whose squares are.

    The scatter of a squared error is taken as that of a normal one, √2 times its mean.

    Args:
        reference: residuals of the reference's labelled rows; groups without rows lend from all.
        scores: the window's rows by group of scores.
        names: of the measures.
    """
    rows, total = scores.sum(), reference.rows.sum()
    if not rows or not total:
        return [None] * len(names)

    def by_group(sums: Floats) -> Floats:
        return np.where(reference.rows > 0, sums / np.maximum(reference.rows, 1), sums.sum() / total)

    absolute, plain, squared = map(by_group, (reference.absolute, reference.plain, reference.squared))

    def mean(values: Floats) -> float:
        return float(scores @ values / rows)

    def error(variance: Floats) -> float:
        return float(np.sqrt(scores @ np.maximum(variance, 0.0)) / rows)

    root = float(np.sqrt(mean(squared)))
    known: dict[str, Callable[[], tuple[float, float]]] = {
        "mae": lambda: (mean(absolute), error(squared - absolute**2)),
        "bias": lambda: (mean(plain), error(squared - plain**2)),
        "rmse": lambda: (root, error(2 * squared**2) / max(2 * root, 1e-300)),
        "accuracy": lambda: (1 - mean(absolute), error(absolute * (1 - absolute))),
        "ndcg": lambda: (1 - mean(absolute), error(squared - absolute**2)),
    }
    found = [known[name]() if name in known else None for name in names]
    return [each if each is not None and np.isfinite(each).all() else None for each in found]


def realised(chunk: Residuals) -> dict[str, float]:
    """Return the measures of labelled rows themselves."""
    rows = chunk.rows.sum()
    absolute = float(chunk.absolute.sum() / rows)
    return {
        "mae": absolute,
        "bias": float(chunk.plain.sum() / rows),
        "rmse": float(np.sqrt(chunk.squared.sum() / rows)),
        "accuracy": 1 - absolute,
        "ndcg": 1 - absolute,
    }

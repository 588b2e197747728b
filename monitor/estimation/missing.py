"""Whether labels are missing by chance: the scores of predictions with a label against those without one."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from monitor.profile.values import Floats

GROUPS = 20
FEWEST = 5.0
"""Expected rows a group needs on both sides; groups are joined until they have them."""
SURE, LARGE = 1e-3, 0.05
"""Called different below this p-value and beyond this total variation: 5 % of the rows would have to change sides."""
NEAR = 0.05
"""How far from a label, as a part of all bins, scores still are like it."""


@dataclass(frozen=True)
class Missing:
    """How labelled and unlabelled predictions differ.

    Attributes:
        p_value: of the hypothesis that labels are missing by chance.
        distance: the total variation distance of the two score histograms, 0 to 1.
        labelled_mean: the mean score of predictions with a label.
        unlabelled_mean: that of those without one.
        shares: whether scores are probabilities; else the means are places among the reference's scores.
        anywhere: whether nearly all predictions have a score like that of some label, so that labels can be weighted;
            where whole stretches of scores have none, nothing says how accurate predictions there are.
    """

    p_value: float
    distance: float
    labelled_mean: float
    unlabelled_mean: float
    shares: bool = True
    anywhere: bool = True

    @property
    def differs(self) -> bool:
        """Whether the labels that came are not typical."""
        return self.p_value < SURE and self.distance > LARGE

    def __str__(self) -> str:
        """Say it in a sentence."""
        if not self.differs:
            return "Labels look missing by chance: scores with and without a label are alike."
        way = "higher" if self.labelled_mean > self.unlabelled_mean else "lower"
        rest = "" if self.anywhere else " Of some scores there is no label at all, so nothing makes up for it."
        if not self.shares:
            return (
                f"Labels are not missing by chance: scores with a label are {way} than without one, so realised "
                f"accuracy is of untypical predictions.{rest}"
            )
        with_label, without = (f"{mean * 100:.1f} %" for mean in (self.labelled_mean, self.unlabelled_mean))
        return (
            f"Labels are not missing by chance: scores with a label are {way} (mean {with_label}) than without one "
            f"({without}), so realised accuracy is of untypical predictions.{rest}"
        )


def missing(labelled: Floats, all_rows: Floats, *, shares: bool = True) -> Missing | None:
    """Compare the scores of predictions with a label with those without, by Pearson's test of homogeneity.

    Args:
        labelled: labelled rows by score bin of [0, 1], [B], or by any bins in the order of scores.
        all_rows: all rows by score bin, [B].
        shares: whether the bins are of [0, 1].

    Returns:
        None where either side is too small to be compared.
    """
    without = np.maximum(all_rows - labelled, 0.0)
    table = _grouped(np.stack([labelled, without]))
    if table.shape[1] < 2 or table.sum(axis=1).min() < FEWEST * 2:
        return None
    sizes, total = table.sum(axis=1, keepdims=True), table.sum()
    expected = sizes * table.sum(axis=0) / total
    statistic = float(((table - expected) ** 2 / expected).sum())
    divided = table / sizes
    middle = (np.arange(len(labelled)) + 0.5) / len(labelled)
    return Missing(
        _upper_tail(statistic, table.shape[1] - 1),
        float(np.abs(divided[0] - divided[1]).sum() / 2),
        float(labelled @ middle / labelled.sum()),
        float(without @ middle / without.sum()),
        shares,
        _anywhere(labelled, all_rows),
    )


def _anywhere(labelled: Floats, all_rows: Floats) -> bool:
    held, places = np.flatnonzero(labelled > 0), np.arange(len(all_rows))
    after = np.searchsorted(held, places).clip(max=len(held) - 1)
    distance = np.minimum(np.abs(held[after] - places), np.abs(places - held[np.maximum(after - 1, 0)]))
    return bool(all_rows[distance > NEAR * len(all_rows)].sum() <= LARGE * all_rows.sum())


def _grouped(table: Floats) -> Floats:
    """Join neighbouring bins into at most `GROUPS` of about equal mass, each with enough expected rows."""
    mass = table.sum(axis=0)
    total = mass.sum()
    if not total:
        return np.empty((2, 0))
    need = max(total / GROUPS, FEWEST * total / max(1.0, float(table.sum(axis=1).min())))
    group = np.floor((np.cumsum(mass) - mass / 2) / need).astype(np.int64)
    group = np.minimum(group, max(0, int(total / need) - 1))
    joined: Floats = np.stack([np.bincount(group, side).astype(np.float64) for side in table])
    return joined[:, joined.sum(axis=0) > 0]


def _upper_tail(statistic: float, freedom: int) -> float:
    """Return the upper tail of chi² by Wilson and Hilferty's cube root, good to about 0.001."""
    spread = 2 / (9 * freedom)
    return 1 - NormalDist().cdf(((statistic / freedom) ** (1 / 3) - (1 - spread)) / spread**0.5)

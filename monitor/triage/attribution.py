"""Whether what a model goes by has changed: mean sizes of contributions in a window beside the reference.

Two samples of explained rows are compared, by input and as a ranking. Days differ without anything being wrong, and so
do samples: what is usual is found by resampling the reference. Its windows vary around their mean by a variance between
them, which is estimated, and rows around their window's mean; a window drawn anew from both has a greatest change (in
standard errors) and a ranking of its own, and only what hardly one in a hundred of these reaches is a change.

The agreement of rankings is the normalised discounted cumulative gain: the reference's mean sizes, each over the
logarithm of its place in the window's ranking, as a share of what they add up to in their own (Järvelin and Kekäläinen
2002). 1 is the same ranking; inputs that hardly matter hardly count.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from monitor.profile.values import Floats

FEWEST = 10
"""A sample of fewer rows says nothing."""

LEAST_WINDOWS = 5
"""With fewer windows in the reference nothing is known of how windows vary."""

LEAST_SHARE = 0.02
"""Of all inputs' mean sizes together: what changes by less is no change that matters."""

FAITHFUL = 0.9
"""A ranking that agrees better is never a change, however sure."""

RESAMPLES = 1_000
CHANCE = 0.01
NORMAL = 1.96

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One input's mean size of contributions: in the reference, in the window, and how it changed.

    ``interval`` holds the change in 95 of 100 windows and samples; ``threshold`` is what its size has to exceed to be
    ``clear``. ``low`` and ``high`` of either mean are its own 95 % interval.
    """

    feature: str
    reference: float
    reference_low: float
    reference_high: float
    current: float
    current_low: float
    current_high: float
    change: float
    interval: tuple[float, float]
    threshold: float
    clear: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """What two samples come to: changes by input, and how rankings agree.

    ``ndcg`` below ``usual_ndcg`` is a clear change of the ranking; ``rank`` is Spearman's correlation of the two, None
    where one ranks nothing. ``rows`` of the window were compared; ``unusable`` rows, of it and of the reference, have a
    contribution that is no finite number, and were not.
    """

    changes: tuple[Change, ...]
    ndcg: float
    usual_ndcg: float
    rank: float | None
    clear: bool
    rows: int
    unusable: int


def ndcg(reference: Floats, current: Floats) -> Floats:
    """Return the agreement of rankings, [...]; 1 where the reference gives nothing to rank.

    Args:
        reference: mean sizes, [..., inputs], at least 0.
        current: the same of what is compared.

    >>> ndcg(np.array([3.0, 2.0, 1.0]), np.array([30.0, 20.0, 10.0])).item()
    1.0
    >>> round(ndcg(np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0, 3.0])).item(), 3)
    0.79
    """
    discount = 1 / np.log2(np.arange(2, reference.shape[-1] + 2))
    own = np.sort(reference, axis=-1)[..., ::-1] @ discount
    order = np.argsort(-current, axis=-1, kind="stable")
    gained = np.take_along_axis(reference, order, axis=-1) @ discount
    return np.asarray(np.divide(gained, own, out=np.ones_like(own), where=own > 0))


def drift(
    features: tuple[str, ...], reference: Floats, windows: Ints, current: Floats, *, seed: int = 0
) -> Drift | None:
    """Compare two samples; None where one of them is too small.

    Args:
        features: the inputs.
        reference: contributions of rows of the reference, [n, inputs].
        windows: which window each of these rows was in, [n].
        current: contributions of rows of the window that is judged, [m, inputs].
        seed: of the resampling.
    """
    usable, usable_now = (np.isfinite(each).all(axis=1) for each in (reference, current))
    unusable = int((~usable).sum() + (~usable_now).sum())
    reference, windows, current = reference[usable], windows[usable], current[usable_now]
    if min(len(reference), len(current)) < FEWEST or not features:
        return None
    restored, (before, now) = _scaled(np.abs(reference), np.abs(current))
    usual = _Usual.of(before, windows)
    count, mean = len(now), now.mean(axis=0)
    own_error = now.var(axis=0, ddof=1) / count
    expected = usual.between + usual.within / count + usual.error
    greatest, rankings = usual.resampled(count, np.random.default_rng(seed))
    apart = mean - usual.mean
    bound = _bound(usual, float(np.quantile(greatest, 1 - CHANCE)) * np.sqrt(expected), apart)
    spread = NORMAL * np.sqrt(usual.between + own_error + usual.error)
    changes = tuple(
        Change(
            feature=name,
            reference=restored(usual.mean[at]),
            reference_low=restored(usual.mean[at] - NORMAL * np.sqrt(usual.error[at])),
            reference_high=restored(usual.mean[at] + NORMAL * np.sqrt(usual.error[at])),
            current=restored(mean[at]),
            current_low=restored(mean[at] - NORMAL * np.sqrt(own_error[at])),
            current_high=restored(mean[at] + NORMAL * np.sqrt(own_error[at])),
            change=restored(apart[at]),
            interval=(restored(apart[at] - spread[at]), restored(apart[at] + spread[at])),
            threshold=restored(bound[at]),
            clear=bool(abs(apart[at]) > bound[at]),
        )
        for at, name in enumerate(features)
    )
    agrees = float(ndcg(usual.mean, mean))
    least = min(FAITHFUL, float(np.quantile(rankings, CHANCE)))
    rank = spearman(usual.mean, mean)
    return Drift(changes, agrees, least, rank, clear=agrees < least, rows=count, unusable=unusable)


def _scaled(*samples: Floats) -> tuple[Callable[[np.float64], float], list[Floats]]:
    """Return sizes below 1, whose squares neither overflow nor vanish, and what gives a number its size back.

    The scale is a power of two, so that nothing is rounded; what would be beyond all numbers is the greatest of them.
    """
    exponent = math.frexp(max(float(each.max()) for each in samples))[1]

    def restored(number: np.float64) -> float:
        with np.errstate(over="ignore"):
            return float(np.clip(np.ldexp(number, exponent), -np.finfo(np.float64).max, np.finfo(np.float64).max))

    return restored, [np.ldexp(each, -exponent) for each in samples]


def _bound(usual: "_Usual", reach: Floats, apart: Floats) -> Floats:
    """Return what the size of each change has to exceed.

    Mean sizes vary more where they are larger: up, the reach is one of their square roots, whose spread is even for
    gamma laws; down, one of their logarithms, since none falls below 0. Simulated windows of either law, by which
    inputs vary by up to a third from window to window, exceed it in one to four of 100.
    """
    total = float(usual.mean.sum())
    scale = usual.mean + LEAST_SHARE / 2 * total
    ratio = np.divide(reach, scale, out=np.zeros_like(reach), where=scale > 0)
    steps = np.where(apart > 0, ratio + ratio**2 / 4, -np.expm1(-ratio))
    return np.maximum(scale * steps, LEAST_SHARE * total)


@dataclass(frozen=True, slots=True)
class _Usual:
    """The reference in parts, by input: mean, variance between windows and of rows within them, the mean's error.

    ``of_mean`` is what of a window's mean is left to its few rows. ``deviations`` are windows' means from the mean,
    [windows, inputs]; ``residuals`` rows from their window's, where there are several, [rows, inputs].
    """

    mean: Floats
    between: Floats
    within: Floats
    error: Floats
    of_mean: Floats
    deviations: Floats
    residuals: Floats

    @classmethod
    def of(cls, sizes: Floats, windows: Ints) -> "_Usual":
        """Take a sample apart; rows in few windows, or nearly all alone in them, are taken as one window."""
        _, place, count = np.unique(windows, return_inverse=True, return_counts=True)
        several = len(count) >= LEAST_WINDOWS and len(sizes) - len(count) >= FEWEST
        if not several:
            place, count = np.zeros(len(sizes), np.int64), np.array([len(sizes)])
        means = np.stack([sizes[place == each].mean(axis=0) for each in range(len(count))])
        mean, freedom = means.mean(axis=0), len(sizes) - len(count)
        together = count[place] > 1  # a row alone in its window says nothing of how rows differ within one
        residuals = (sizes - means[place])[together] * np.sqrt(together.sum() / freedom)
        within = (residuals**2).mean(axis=0)
        of_mean = within * float((1 / count).mean())
        between = np.zeros_like(mean)
        if several:
            between = np.maximum(means.var(axis=0, ddof=1) - of_mean, 0.0)
        return cls(mean, between, within, (between + of_mean) / len(count), of_mean, means - mean, residuals)

    def resampled(self, count: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Return of windows drawn anew the greatest change in standard errors, and how rankings agree, [RESAMPLES].

        The standard errors are as uncertain as those of a reference of so many windows.

        Args:
            count: how many rows a window's sample has.
            rng: every draw is from it.
        """
        windows, inputs = self.deviations.shape
        drawn = self.residuals[rng.integers(len(self.residuals), size=(RESAMPLES, count))].mean(axis=1)
        between = np.zeros((RESAMPLES, inputs))
        if windows > 1:
            seen = self.between + self.of_mean
            scale = np.sqrt(np.divide(self.between, seen, out=np.zeros_like(seen), where=seen > 0))
            drawn += rng.normal(size=(RESAMPLES, windows)) @ self.deviations * scale / np.sqrt(windows - 1)
            doubt = rng.chisquare(windows - 1, size=(RESAMPLES, inputs)) / (windows - 1)
            between = np.maximum(seen * doubt - self.of_mean, 0.0)
        base = rng.normal(size=(RESAMPLES, inputs)) * np.sqrt(self.error)
        errors = np.sqrt(between * (1 + 1 / windows) + self.within / count + self.of_mean / windows)
        apart = np.abs(drawn - base)
        steps = np.divide(apart, errors, out=np.zeros_like(apart), where=errors > 0)
        return steps.max(axis=1), ndcg(np.maximum(self.mean + base, 0.0), np.maximum(self.mean + drawn, 0.0))


def spearman(one: Floats, other: Floats) -> float | None:
    """Return the rank correlation of two lists; None where one is the same throughout.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([10.0, 30.0, 20.0]))
    0.5
    """
    ranks = [_ranks(each) for each in (one, other)]
    apart = [each - each.mean() for each in ranks]
    scale = float(np.sqrt((apart[0] ** 2).sum() * (apart[1] ** 2).sum()))
    return round(float(apart[0] @ apart[1]) / scale, 12) if scale else None


def _ranks(values: Floats) -> Floats:
    """Return ranks; ties share their mean rank."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    return np.asarray((ends - (count - 1) / 2)[place])

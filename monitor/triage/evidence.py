"""Whether realised loss is beyond tolerance: bets against "this window's mean loss is at most m".

The wealth of a bet, Π(1 + λ(x/m − 1)) over losses x ≥ 0, is on average at most what it began with while the mean is at
most m, after every row: one may look as often as one likes (Waudby-Smith and Ramdas 2024; Podkopaev and Ramdas 2022
for harmful shift). Of losses that are 0 or 1 a window's sums give the product exactly; of others Fan's inequality
log(1 + λy) ≥ λy + (λ + log(1 − λ))y² for y ≥ −1 bounds it from below by Σx and Σx². The bet is the mean of several λ.

Change is looked for from every window on at once: R ← (R + 1) × wealth of the window. Each term is the wealth of a bet
over the rows of all windows since one of them, and wealth is a product, so it does not matter in which order labels
come, or which are there yet. R − windows is on average at most 0, so that pages where nothing is harmful are at least
``period / dial`` windows apart on average (the e-detector of Shin, Ramdas and Rinaldo 2024).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.profile.values import Floats
from monitor.triage.loss import Loss

BETS: Floats = 2.0 ** -np.arange(1.0, 10.0)
"""The stakes λ that are mixed."""

PERIOD = 90
"""Windows that the dial counts pages in."""

CALM = 3
"""Harm is over after so many windows in a row with a mean loss that is tolerated."""

_HALVINGS = 60


@dataclass(frozen=True, slots=True)
class Harm:
    """What is known of harm after one window.

    Attributes:
        reached: evidence in units of the threshold; 1 or more is harm.
        open: whether a harm is open.
        new: whether this window opened it.
        since: the place of the window from which on the evidence is most, which is where a change began; or −1.
        loss: of the windows since then, or of this one.
    """

    reached: float
    open: bool
    new: bool
    since: int
    loss: Loss


def log_wealth(loss: Loss, most: float, bets: Floats = BETS) -> Floats:
    """Return the logarithm of the wealth that one window makes of each bet against a mean loss of at most ``most``.

    Args:
        loss: the window's.
        most: more than 0.
        bets: stakes between 0 and 1.
    """
    if loss.share:
        wins = np.log1p(bets * (1 / most - 1)) if most < 1 else np.zeros_like(bets)
        found: Floats = loss.total * wins + (loss.rows - loss.total) * np.log1p(-bets)
        return found if most < 1 else np.minimum(found, 0.0)
    gains = loss.total / most - loss.rows
    squares = max(0.0, loss.squares / most / most - 2 * loss.total / most + loss.rows)
    bounded: Floats = bets * gains + (bets + np.log1p(-bets)) * squares
    # Of losses whose squares are beyond all numbers it is known that they are none below 0: each row loses the stake.
    return np.where(np.isfinite(bounded), bounded, loss.rows * np.log1p(-bets))


def harm(windows: Sequence[Loss], most: float, dial: float = 1.0) -> list[Harm]:
    """Return what is known after each of some consecutive windows.

    Args:
        windows: their losses, in order of time, with the labels that are there; one without labels says nothing.
        most: the mean loss that is tolerated.
        dial: pages per 90 windows that are accepted where nothing is harmful.
    """
    found: list[Harm] = []
    evidence = np.full(len(BETS), -np.inf)
    drawn, begun = np.zeros(len(BETS)), np.zeros(len(BETS), dtype=np.int64)
    calm, is_open = 0, False
    threshold = math.log(PERIOD / dial)
    for place, loss in enumerate(windows):
        wealth = log_wealth(loss, most)
        evidence = np.logaddexp(evidence, 0.0) + wealth
        total = float(np.logaddexp.reduce(evidence)) - math.log(len(BETS))
        begun = np.where(drawn > 0, begun, place)  # of each bet, the beginning from which on its wealth is most
        drawn = np.maximum(drawn, 0.0) + wealth
        best = int(np.argmax(drawn))
        since = int(begun[best]) if drawn[best] > 0 else -1
        hit = total >= threshold
        new = hit and not is_open
        calm = 0 if not loss.rows or loss.mean > most else calm + 1
        is_open = is_open or hit
        if is_open and calm >= CALM:
            evidence, drawn = np.full(len(BETS), -np.inf), np.zeros(len(BETS))
            is_open, since, calm = False, -1, 0
        span = windows[since if since >= 0 else place : place + 1]
        found.append(Harm(float(np.exp(min(total - threshold, 700.0))), is_open, new, since, _sum(span)))
    return found


def lower_bound(loss: Loss, alpha: float = 0.05) -> float:
    """Return what the mean of losses that are 0 or 1 is at least, whenever one looks, but for a chance of ``alpha``.

    The lower end of the confidence sequence that the bets make: every mean it leaves out has lost to them.

    Args:
        loss: of all rows so far, each 0 or 1.
        alpha: the chance that the bound is ever above the mean.

    >>> 0.15 < lower_bound(Loss(1_000, 200.0, 200.0)) < 0.2
    True
    """
    low, high = 0.0, min(1.0, max(loss.mean, 1e-12))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        wealth = float(np.logaddexp.reduce(log_wealth(loss, max(middle, 1e-300))) - np.log(len(BETS)))
        low, high = (middle, high) if wealth >= -np.log(alpha) else (low, middle)
    return low


def _sum(windows: Sequence[Loss]) -> Loss:
    whole = windows[0]
    for each in windows[1:]:
        whole = whole + each
    return whole

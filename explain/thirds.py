"""How sure an estimate from pairs is, put to the test: does it move as it says when a third is left out?

By its own account an estimate from fewer coalitions is less certain, and what the others add moves it by so much and
no more. Where groups of five and more hang together (a majority decides, the largest counts), which its priors know
nothing of, it moves by more, and is off by more than it says; where groups are few, by less.
"""

import numpy as np

from explain.coalitions import Matrix, Members
from explain.deck import Deck
from explain.mixture import mixture, weighed
from explain.prior import Prior
from explain.regression import Design
from explain.solve import Fit

SPARE = 5
"""So many coalitions more than players are left at least, or nothing is tried."""

LEAST = 0.5
"""No less is returned: it is told by few numbers, and what speaks for being surer counts half."""


def moved(
    members: Members, deck: Deck, odd: Matrix, fit: Fit, priors: list[tuple[float, Prior]] | None = None
) -> float:
    """Return by what the variances of an estimate are multiplied for what it moves by.

    Args:
        members: the coalitions asked, [n, players].
        deck: that they are of.
        odd: what they are worth beyond their complements, halved, and last that of all players, [n + 1].
        fit: the estimate from all of them.
        priors: and the priors; None: they are weighed anew by what each two thirds say.
    """
    count, players = members.shape
    if count * 2 // 3 < players + SPARE:
        return 1.0
    told = float(fit.variances.sum())
    of = np.empty(count, np.intp)  # each third has of every size as many
    of[members.sum(axis=1).argsort(kind="stable")] = np.arange(count) % 3
    by = expected = 0.0
    for third in range(3):
        kept = of != third
        design, heard = Design(members[kept], deck), np.append(odd[:-1][kept], odd[-1])
        part = mixture(priors or weighed(design, heard), design).fit(heard, np.eye(players))
        by += float(((part.values - fit.values) ** 2).sum())
        expected += float(part.variances.sum()) - told
    # Of a mean, two thirds have 3/2 of the variance: an estimate that says it gained less is wrong about one of them.
    expected = max(expected, 3 * told / 2)
    ratio = by / expected if expected > 0 else 1.0
    return ratio if ratio > 1 else LEAST + (1 - LEAST) * ratio

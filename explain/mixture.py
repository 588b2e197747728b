"""An estimate by several priors, each of which counts by how likely it makes what was asked."""

from dataclasses import dataclass

import numpy as np

from explain.coalitions import Matrix
from explain.prior import PRIORS, Prior, likelihood
from explain.regression import Design, Regression, regression
from explain.solve import Fit

TRUSTED = 0.25
"""How much of the likelihood counts. What is left is of groups of five and more, which coalitions share: it tells less
than independent noise would, and the likeliest prior is less certain than it looks (Grünwald and van Ommen 2017)."""

NEGLIGIBLE = 0.03
"""A prior that counts so little beside the one that counts most is left out."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """Regressions on the same coalitions, each with a prior of its own, and how much each counts."""

    regressions: list[tuple[float, Regression]]

    @property
    def freedom(self) -> int:
        """How many coalitions there are more than players."""
        return self.regressions[0][1].freedom

    def fit(self, odd: Matrix, sums: Matrix) -> Fit:
        """Return sums of players' values and their variances: as unsure as the priors are apart.

        Args:
            odd: what the coalitions are worth beyond their complements, halved, [n].
            sums: which players are added up, [players, sums].
        """
        fits = [(share, each.fit(odd, sums)) for share, each in self.regressions]
        values = np.sum([share * fit.values for share, fit in fits], axis=0)
        variances = np.sum([share * (fit.variances + (fit.values - values) ** 2) for share, fit in fits], axis=0)
        return Fit(values, variances)


def mixture(priors: list[tuple[float, Prior]], design: Design) -> Mixture:
    """Regress with each of the priors."""
    return Mixture([(share, regression(prior, design)) for share, prior in priors])


def weighed(design: Design, odd: Matrix) -> list[tuple[float, Prior]]:
    """Return the priors that are likely, and how much each counts."""
    plain = Prior(np.ones(design.players), 0.0)
    values = np.abs(regression(plain, design).values @ odd)
    matter = values / max(float(values.max()), 1e-300)
    priors = [plain]
    priors += [Prior(np.maximum(matter**heredity, 1e-3), strength) for heredity, strength in PRIORS]
    logs = np.array([likelihood(prior, design.signs, design.noise, odd) for prior in priors])
    likely = np.exp(TRUSTED * (logs - logs.max()))
    likely[likely < NEGLIGIBLE] = 0.0
    shares = likely / likely.sum()
    return [(share, prior) for share, prior in zip(shares.tolist(), priors, strict=True) if share]

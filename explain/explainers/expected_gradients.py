"""Expected gradients (Erion et al. 2021, arXiv 1906.10670): integrated gradients, averaged over the background's rows.

Every draw is a background row and a point on the line from it to the explained row; their mean adds up to the row's
answer less the background's mean answer. Points are spread evenly over the lines' length, and rows are dealt in turn,
so that few draws suffice; standard errors come from the means of several groups of draws.
"""

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np

from explain.explainers import Setting
from explain.following import Followed, Following
from explain.models import Gradients
from explain.paths import Inputs, slopes

GROUPS = 10


class ExpectedGradients(Following):
    """Expected gradients of a torch model."""

    name = "expected_gradients"
    title = "Expected gradients"
    settings: ClassVar[Mapping[str, Setting]] = {"rows": Setting(1_000, 100, 100_000, "points on lines")}

    def followed(
        self, model: Gradients, own: Inputs, others: Inputs, usual: Callable[[], float], points: int, seed: int
    ) -> Followed:
        """Return what the inputs contribute; see `Following.followed`."""
        each, count = points // GROUPS, len(next(iter(others.values())))
        rng = np.random.default_rng(seed)
        dealt = np.concatenate([rng.permutation(count) for _ in range(-(-each * GROUPS // count))])[: each * GROUPS]
        # In every group the points are one in each of `each` equal stretches of the line.
        shares = np.concatenate([(rng.permutation(each) + rng.random(each)) / each for _ in range(GROUPS)])
        found = slopes(model, self._output, own, {name: tensor[dealt] for name, tensor in others.items()}, shares)
        values = {name: given.mean(axis=0) for name, given in found.contributions.items()}
        errors = {}
        for name, given in found.contributions.items():
            groups = given.reshape(GROUPS, each, -1).sum(axis=2).mean(axis=1)
            errors[name] = float(groups.std(ddof=1) / np.sqrt(GROUPS))
        return Followed(values, usual(), each * GROUPS + count + 1, errors)

"""How much loss a window may have: the reference's, and what the owner tolerates beyond it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.triage.loss import Loss

FEWEST = 5
"""With fewer reference windows nothing is known of how windows differ, and the least tolerance holds."""

_SPREADS = 2.0
_RELATIVE = 0.1
_ERRORS = 2.0


@dataclass(frozen=True, slots=True)
class Bound:
    """Up to where a window's mean loss is tolerated.

    Attributes:
        metric: what is measured, one of `monitor.triage.loss.LOSSES`.
        usual: mean loss of the reference.
        amount: what is tolerated beyond it, in the measure's unit.
        slack: for what the reference itself does not know: two standard errors of its mean; 0 where they are beyond
            all numbers, as of targets near 1e300: of these no harm is told.
        unit: what people read the measure in; empty for a plain number.
    """

    metric: str
    usual: float
    amount: float
    slack: float
    unit: str = ""

    @property
    def most(self) -> float:
        """The mean loss from which a window is harmful."""
        return self.usual + self.amount + self.slack


def bound(metric: str, reference: Sequence[Loss], amount: float | None = None) -> Bound | None:
    """Return how much loss is tolerated; None without labels in the reference.

    Without an amount of the owner's it is two standard deviations by which the reference's windows differ beyond what
    sampling explains, and at least a tenth of the reference's loss: a window like those before it is no harm.

    Args:
        metric: what is measured.
        reference: loss of the reference's windows.
        amount: the owner's tolerance, in the measure's unit, or None.

    >>> calm = [Loss(1_000, wrong, wrong) for wrong in (95, 105, 100, 98, 102)]
    >>> round(bound("accuracy", calm).amount, 3)
    0.01
    """
    windows = [each for each in reference if each.rows]
    if not windows or not any(each.total for each in windows):
        return None
    whole = windows[0]
    for each in windows[1:]:
        whole = whole + each
    sampling = _mean([whole.variance / each.rows for each in windows])
    spread = _variance([each.mean for each in windows]) if len(windows) >= FEWEST else sampling
    between = math.sqrt(max(0.0, spread - sampling))
    tolerated = max(_SPREADS * between, _RELATIVE * whole.mean) if amount is None else amount
    error = math.sqrt(max(spread, sampling) / len(windows))
    return Bound(metric, whole.mean, tolerated, _ERRORS * error if math.isfinite(error) else 0.0)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _variance(values: Sequence[float]) -> float:
    """Return the variance; infinite, and no error, where squares are beyond all numbers."""
    middle = _mean(values)
    return sum((value - middle) * (value - middle) for value in values) / (len(values) - 1)

"""A fall in parts: what the inputs explain, and what they do not."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fall:
    """The change of a measure since the reference.

    Attributes:
        total: realised − reference.
        covariate: estimated without labels − reference: the inputs are harder or easier than they were.
        concept: the rest, realised − estimated: the same inputs have other answers now.
    """

    total: float
    covariate: float
    concept: float

    def words(self, title: str, unit: str = "pp", *, loss: bool = False) -> str:
        """Return it as a sentence.

        Args:
            title: of the measure.
            unit: of the numbers; "pp" takes shares.
            loss: whether less of it is better.

        >>> decompose(0.9, 0.88, 0.8).words("AUC")
        'AUC fell by 10.0 pp: −2.0 pp because inputs are harder, −8.0 pp because the same inputs have other answers.'
        >>> decompose(4.0, 3.8, 14.1).words("Error", "$", loss=True)
        'Error rose by 10.1 $: −0.2 $ because inputs are easier, +10.3 $ because the same inputs have other answers.'
        """
        factor = 100.0 if unit == "pp" else 1.0
        moved = "fell" if self.total < 0 else "rose"
        inputs = "harder" if (self.covariate > 0) == loss else "easier"
        after = f" {unit}" if unit else ""
        largest = max(abs(self.total), abs(self.covariate), abs(self.concept), 1e-3)
        digits = 1 if unit == "pp" else min(max(2 - math.floor(math.log10(largest)), 0), 4)
        by, covariate, concept = (
            f"{part * factor:{sign},.{digits}f}".replace("-", "−") + after
            for part, sign in ((abs(self.total), ""), (self.covariate, "+"), (self.concept, "+"))
        )
        return (
            f"{title} {moved} by {by}: {covariate} because inputs are {inputs}, {concept} because the same inputs have "
            "other answers."
        )


def decompose(reference: float, estimated: float, realised: float) -> Fall:
    """Return the parts of a change.

    Args:
        reference: the measure on the reference.
        estimated: what it is estimated to be without labels, as if only inputs had changed.
        realised: what labels say it is.

    >>> fall = decompose(0.9, 0.88, 0.8)
    >>> round(fall.total, 3), round(fall.covariate, 3), round(fall.concept, 3)
    (-0.1, -0.02, -0.08)
    """
    return Fall(realised - reference, estimated - reference, realised - estimated)

"""A fall in parts: what the inputs explain, and what they do not."""

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

    def words(self, title: str, unit: str = "pp") -> str:
        """Return it as a sentence.

        >>> decompose(0.9, 0.88, 0.8).words("Accuracy")
        'Accuracy fell by 10.0 pp: 2.0 pp because inputs are harder, 8.0 pp because the same inputs have other answers.'
        """
        factor = 100.0 if unit == "pp" else 1.0
        moved = "fell" if self.total < 0 else "rose"
        inputs = "harder" if self.covariate < 0 else "easier"
        return (
            f"{title} {moved} by {abs(self.total) * factor:.1f} {unit}: {abs(self.covariate) * factor:.1f} {unit} "
            f"because inputs are {inputs}, {abs(self.concept) * factor:.1f} {unit} because the same inputs have other "
            "answers."
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

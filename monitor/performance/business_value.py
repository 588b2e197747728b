"""What predictions were worth, by the owner's value of right and wrong answers."""

from monitor.profile.outcome import Outcome
from monitor.types import OutcomeValues, Task


def value_per_prediction(outcome: Outcome, values: OutcomeValues) -> float | None:
    """Return the mean value of a judged prediction of a binary task, in the unit of ``values``; None without any.

    Args:
        outcome: of the rows with labels.
        values: what each of the four ways a prediction can turn out is worth.
    """
    if outcome.schema.task is not Task.BINARY or not outcome.judged:
        return None
    (right_no, wrong_yes), (wrong_no, right_yes) = outcome.confusion.tolist()
    total = (
        right_yes * values.true_positive
        + wrong_yes * values.false_positive
        + right_no * values.true_negative
        + wrong_no * values.false_negative
    )
    return float(total / outcome.judged)

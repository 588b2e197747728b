"""What is said of a row of which nothing can be taken away: it is like every row of the background, or held whole."""

from collections.abc import Mapping

import numpy as np

from explain.columns import Column
from explain.explainers import Attribution, Predict
from explain.players import Players
from monitor.types import ModelSchema, Scalar


def unplayed(
    predict: Predict, row: Mapping[str, Column], players: Players, schema: ModelSchema, **quality: Scalar
) -> Attribution:
    """Return that nothing contributes: the row's answer is the usual one.

    Args:
        predict: the model; one row is asked.
        row: the explained row.
        players: of it; none.
        schema: which features there are.
        quality: what the method tells beside.
    """
    answer = float(predict(row)[0])
    told: dict[str, Scalar] = {"rows_used": 1, "held": ", ".join(players.unplayable) or None, **quality}
    return Attribution(answer, answer, players.attributions(np.empty(0), schema), told)

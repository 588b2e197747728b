"""How features become players: the coding of their values."""

import numpy as np
import pytest

from explain.players import make_players
from monitor.types import Feature, Kind, ModelSchema, Task


@pytest.mark.parametrize(
    ("kind", "values", "codes"),
    [
        (Kind.NUMERIC, [2.0, np.nan, -np.inf, 2.0, np.nan, 0.0, -0.0], [0, 1, 2, 0, 1, 3, 3]),
        (Kind.CATEGORICAL, ["b", None, "a", "b", None, "", "c"], [0, 1, 2, 0, 1, 3, 4]),
    ],
)
def test_equal_values_share_a_code_in_the_order_in_which_they_are_first_seen(kind, values, codes):
    schema = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="x", kind=kind),))
    column = np.array(values, dtype=float if kind is Kind.NUMERIC else object)
    players = make_players({"x": column[:1]}, {"x": column[1:]}, schema)
    assert players.row.tolist() == [codes[0]]
    assert players.background[:, 0].tolist() == codes[1:]
    np.testing.assert_array_equal(players.decode(np.array(codes, dtype=float)[:, None])["x"], column)

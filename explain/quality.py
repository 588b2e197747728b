"""How far to trust one explanation, by asking the model a little more: is what is said to matter what matters?

* **Deletion**: players go absent, those that speak most for the answer first. The answer should fall at once: the area
  under its fall, as a share of the way from the answer to that of no players, is small for a good order.
* **Insertion**: they come back in the same order; the area is large for a good order.
* Both for random orders too, to compare with.
* **Off the manifold**: of the rows that such explanations make up, the share that is farther from every background row
  than background rows are from each other (all but the farthest twentieth of them). The distance is the sum over
  columns of |difference| in standard deviations, at most 3, and 0 or 1 for categories. What a model answers there, no
  data has taught it.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from explain.columns import NUMBERS, PLAYABLE, Column
from explain.explainers import Attribution, Predict
from explain.players import Players, make_players
from monitor.types import ModelSchema, Scalar

Matrix = npt.NDArray[np.float64]

POINTS = 10
"""Along a curve, beside its beginning."""

STAND_INS = 20
"""Background rows at each point."""

LEAST_WAY = 0.1
"""Where contributions cancel out to less than this, there is no way for the answer to fall or rise."""

ORDERS = 3
"""Random orders to compare with."""

PROBES = 200


def card(
    predict: Predict,
    row: Mapping[str, Column],
    background: Mapping[str, Column],
    schema: ModelSchema,
    found: Attribution,
    seed: int,
) -> dict[str, Scalar]:
    """Return what the two tests say of an explanation; None where there is nothing to test.

    Args:
        predict: the model; at most 2,000 rows are asked of it.
        row: the explained row, columns of length 1.
        background: the columns of N rows.
        schema: which features there are.
        found: the explanation.
        seed: every random choice follows from it.
    """
    players = make_players(row, background, schema)
    rng = np.random.default_rng(seed)
    told: dict[str, Scalar] = {"off_manifold_share": off_manifold(players, background, schema, rng)}
    if players.size < 2:
        return told
    amounts = by_player(players, found)
    curves = _Curves(predict, players)
    orders = [np.argsort(-amounts * np.sign(curves.full - curves.empty), kind="stable")]
    orders += [rng.permutation(players.size) for _ in range(ORDERS)]
    deleted, inserted = zip(*(curves.areas(order) for order in orders), strict=True)
    told["probe_rows"] = curves.asked
    if abs(curves.full - curves.empty) > LEAST_WAY * float(np.abs(amounts).sum()):
        told |= {
            "deletion_auc": deleted[0],
            "deletion_auc_random": float(np.mean(deleted[1:])),
            "insertion_auc": inserted[0],
            "insertion_auc_random": float(np.mean(inserted[1:])),
        }
    return told


def by_player(players: Players, found: Attribution) -> Matrix:
    """Return the attribution of every player, [M]: of a part where it has one of its own, else of its feature."""
    parts = {(part.feature, part.place): part.amount for part in found.parts}
    return np.array(
        [
            parts.get((player.feature, player.place), 0.0 if player.place else found.attributions[player.feature])
            for player in players.names
        ]
    )


class _Curves:
    """The answers while players go and come."""

    def __init__(self, predict: Predict, players: Players) -> None:
        self._predict, self._players = predict, players
        self._rows = np.linspace(0, players.rows - 1, min(STAND_INS, players.rows)).round().astype(np.intp)
        self.asked = 0
        size = players.size
        self.empty, self.full = self._worth(np.array([[False] * size, [True] * size])).tolist()

    def areas(self, order: npt.NDArray[np.intp]) -> tuple[float, float]:
        """Return the areas under deletion and insertion in an order, as shares of the way."""
        size = len(order)
        points = np.unique(np.linspace(0, size, min(size, POINTS) + 1).round().astype(np.intp))
        place = order.argsort()
        gone = place < points[:, None]
        worth = self._worth(np.concatenate([~gone, gone]))
        shares = (worth - self.empty) / ((self.full - self.empty) or 1.0)
        deleted, inserted = (float(np.trapezoid(part, points / size)) for part in np.split(shares, 2))
        return deleted, inserted

    def _worth(self, members: npt.NDArray[np.bool_]) -> Matrix:
        count = len(self._rows)
        asked = self._players.mixed(np.repeat(members, count, axis=0), np.tile(self._rows, len(members)))
        self.asked += len(members) * count
        return np.asarray(self._predict(asked).reshape(len(members), count).mean(axis=1))


def off_manifold(
    players: Players, background: Mapping[str, Column], schema: ModelSchema, rng: np.random.Generator
) -> float | None:
    """Return the share of made-up rows that are unlike every background row; None for what has no such distance.

    Args:
        players: of the explanation.
        background: the columns of N rows.
        schema: which features there are.
        rng: draws which rows are made up.
    """
    names = [feature.name for feature in schema.features if feature.kind in PLAYABLE]
    known = len(next(iter(background.values()), ()))
    if known < 20 or not names or any(player.place for player in players.names) or players.rows != known:
        return None
    numeric = {feature.name for feature in schema.features if feature.kind in NUMBERS}
    members = rng.random((PROBES, players.size)) < rng.random((PROBES, 1))
    made = players.mixed(members, rng.integers(known, size=PROBES))
    apart = np.zeros((PROBES + known, known))
    for name in names:
        usual = background[name]
        both = np.concatenate([made[name], usual])
        apart += _scaled(both, usual) if name in numeric else _unlike(both, usual)
    among = apart[PROBES:] + np.diag(np.full(known, np.inf))
    bound = np.quantile(among.min(axis=1), 0.95)
    return float(np.mean(apart[:PROBES].min(axis=1) > bound + 1e-12))


def _scaled(values: Column, usual: Column) -> Matrix:
    """Return the distances of numbers, at most 3; a null is 3 from every number and 0 from a null."""
    finite = usual[np.isfinite(usual)]
    spread = float(finite.std()) if len(finite) else 0.0
    with np.errstate(all="ignore"):
        distance = np.abs(values[:, None] - usual[None]) / (spread or 1.0)
    null = np.isnan(values)[:, None] & np.isnan(usual)[None]
    return np.where(null, 0.0, np.minimum(np.nan_to_num(distance, nan=3.0), 3.0))


def _unlike(values: Column, usual: Column) -> Matrix:
    codes: dict[object, int] = {}
    one, other = (
        np.array([codes.setdefault(value, len(codes)) for value in each.tolist()]) for each in (values, usual)
    )
    return np.asarray(one[:, None] != other[None], dtype=np.float64)

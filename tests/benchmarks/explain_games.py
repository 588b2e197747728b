"""Games whose Shapley values are known: whether intervals of 95 % hold them, and what is published of other methods.

The published figures are the mean errors of the tables of Leverage SHAP (Musco and Witter 2024, arXiv 2410.01917): 100
boosted trees of depth 4, one background row (the mean), eight model rows for each feature.
"""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.csv as pacsv

from explain.coalitions import between, weights
from explain.explainers import Attribution
from explain.explainers.shapley import Shapley
from explain.game import Game
from explain.pairs import Pairs
from explain.players import make_players
from monitor.types import Feature, Kind, ModelSchema, Task
from tests.benchmarks.explain_classics import airport, unanimity, voting
from tests.benchmarks.explain_models import Matrix, wheel_table
from tests.benchmarks.explain_peers import amounts, error, unsure

PUBLISHED = {
    "diabetes": 3.07e-3,
    "corrgroups60": 7.65e-3,
    "independentlinear60": 3.31e-3,
    "california_housing": 3.15e-4,
    "adult_census": 4.27e-3,
}
SHIPPED = ("california_housing", "adult_census")
"""Tables that come in the wheel of shapiq 1.4.1, which is fetched for them alone and not installed."""


def _named(table: Matrix) -> dict[str, Matrix]:
    return {f"x{index}": np.ascontiguousarray(table[:, index]) for index in range(table.shape[1])}


def _schema(size: int) -> ModelSchema:
    features = tuple(Feature(name=f"x{index}", kind=Kind.NUMERIC) for index in range(size))
    return ModelSchema(model="m", task=Task.REGRESSION, features=features)


def explain(
    function: Callable[[Matrix], Matrix], row: Matrix, usual: Matrix, seed: int, rows: int, tolerance: int = 0
) -> Attribution:
    """Explain a function of a matrix."""
    return Shapley().explain(
        lambda columns: function(np.stack(list(columns.values()), axis=1)),
        _named(row[None]),
        _named(usual),
        _schema(len(row)),
        seed=seed,
        rows=rows,
        tolerance=tolerance,
    )


def cubic(case: int) -> tuple[Callable[[Matrix], Matrix], Matrix, Matrix, Matrix]:
    """Return a game of 12 players in which every one, two and three are worth something, shared equally; its values."""
    rng = np.random.default_rng(case)
    groups = [(list(chosen), rng.normal()) for order in (1, 2, 3) for chosen in combinations(range(12), order)]
    exact = np.zeros(12)
    for chosen, worth in groups:
        exact[chosen] += worth / len(chosen)

    def function(matrix: Matrix) -> Matrix:
        return np.asarray(sum(worth * matrix[:, chosen].prod(axis=1) for chosen, worth in groups))

    return function, np.ones(12), np.zeros((1, 12)), exact


def wavy(case: int, rows: int) -> tuple[Callable[[Matrix], Matrix], Matrix, Matrix, Matrix]:
    """A random network of 10 inputs; its values by all coalitions."""
    rng = np.random.default_rng(case)
    first, second = rng.normal(size=(10, 12)) / np.sqrt(10), rng.normal(size=12)
    row, usual = rng.normal(size=10), rng.normal(size=(rows, 10))

    def function(matrix: Matrix) -> Matrix:
        return np.asarray(np.tanh(2 * matrix @ first) @ second)

    members = between(10, 0, 1_024)
    worth = np.array([function(np.where(each, row, usual)).mean() for each in members])
    return function, row, usual, weights(members).T @ worth


def products(case: int) -> tuple[Callable[[Matrix], Matrix], Matrix, Matrix, Matrix]:
    """A sum of 40 products of three and four of 30 inputs, 30 background rows; each product is a game of its own."""
    rng = np.random.default_rng(case)
    row, usual = rng.normal(size=30) + 1, rng.normal(size=(30, 30))
    groups = [(rng.choice(30, rng.integers(3, 5), replace=False), rng.normal()) for _ in range(40)]
    exact = np.zeros(30)
    for chosen, factor in groups:
        members = between(len(chosen), 0, 2 ** len(chosen))
        worth = np.where(members, row[chosen], usual[:, None, chosen]).prod(axis=2).mean(axis=0)
        exact[chosen] += factor * (weights(members).T @ worth)

    def function(matrix: Matrix) -> Matrix:
        return np.asarray(sum(factor * matrix[:, chosen].prod(axis=1) for chosen, factor in groups))

    return function, row, usual, exact


def waves(case: int) -> tuple[Callable[[Matrix], Matrix], Matrix, Matrix, Matrix]:
    """A sum of six cosines of 30 inputs, one background row; Owen's integral of its values is a polynomial's."""
    rng = np.random.default_rng(case)
    slopes, phases, factors = rng.normal(size=(6, 30)) / np.sqrt(30), rng.uniform(0, 2 * np.pi, 6), rng.normal(size=6)
    row, usual = rng.normal(size=30), rng.normal(size=(1, 30))
    points, shares = np.polynomial.legendre.leggauss(16)
    there, away = np.exp(1j * slopes * row), np.exp(1j * slopes * usual)
    exact = np.zeros(30)
    for point, share in zip((points + 1) / 2, shares / 2, strict=True):
        mixed = point * there + (1 - point) * away
        others = mixed.prod(axis=1, keepdims=True) / mixed
        exact += share * (factors * np.exp(1j * phases) @ ((there - away) * others)).real

    def function(matrix: Matrix) -> Matrix:
        return np.asarray(np.cos(matrix @ slopes.T + phases) @ factors)

    return function, row, usual, exact


def coverage(cases: int, seeds: int) -> dict[str, float]:
    """Return the share of intervals of 95 % that hold the known value, by game."""
    games = {
        "cubic": (cubic, 400, 0),
        "network_one_background": (lambda case: wavy(case, 1), 400, 0),
        "network_few_coalitions": (lambda case: wavy(case, 1), 200, 0),
        "waves_one_background": (waves, 300, 0),
        "products": (products, 6_000, 0),
        "network_some_backgrounds": (lambda case: wavy(case, 60), 1_500, 0),
        "network_all_backgrounds": (lambda case: wavy(case, 60), 4_000, 0),
        "network_stopped": (lambda case: wavy(case, 60), 8_000, 50),
        "voting": (voting, 300, 0),
        "airport": (airport, 600, 0),
        "unanimity": (unanimity, 600, 0),
    }
    found: dict[str, float] = {}
    for name, (make, rows, tolerance) in games.items():
        inside = []
        for case in range(cases):
            function, row, usual, exact = make(case)
            for seed in range(seeds):
                told = explain(function, row, usual, seed, rows, tolerance)
                inside.append(np.abs(amounts(told) - exact) <= 1.96 * unsure(told))
        found[name] = float(np.mean(inside))
    return found


def published(rows: int) -> Iterator[tuple[str, float]]:
    """Yield our mean error ÷ the published one of Leverage SHAP, by table, at its number of model rows."""
    import shap
    import xgboost

    for name, table, target in _tables():
        data = table.astype(np.float32)
        size = data.shape[1]
        model = xgboost.XGBRegressor(n_estimators=100, max_depth=4, n_jobs=1).fit(data, target)
        usual = data.mean(axis=0, keepdims=True)
        errors = []
        for at in np.random.default_rng(0).permutation(len(data))[:rows].tolist():
            row = data[at]
            if size <= 14:
                members = between(size, 0, 2**size)
                truth = weights(members).T @ model.predict(np.where(members, row, usual)).astype(np.float64)
            else:
                explainer = shap.TreeExplainer(model, usual, feature_perturbation="interventional")
                truth = np.asarray(explainer.shap_values(row[None])[0], dtype=np.float64)
            errors.append(error(at_eight(model.predict, row, usual, at), truth))
        yield name, float(np.mean(errors)) / PUBLISHED[name]


def at_eight(function: Callable[[Matrix], Matrix], row: Matrix, usual: Matrix, seed: int) -> Matrix:
    """Explain one row with eight model rows for each feature, both ends of the game included."""
    size = len(row)
    players = make_players(_named(row[None]), _named(usual), _schema(size))
    game = Game(
        lambda columns: np.asarray(function(np.stack(list(columns.values()), axis=1)), dtype=np.float64), players
    )
    pairs = Pairs(game, 8 * size, np.random.default_rng(seed))
    pairs.improve_until(0)
    assert game.asked <= 8 * size
    values = np.zeros(size)  # what equals the background plays no part
    places = [int(player.feature[1:]) for player in players.names]
    values[places] = pairs.fit(0).values
    return values


def _tables() -> Iterator[tuple[str, Matrix, Matrix]]:
    for name in ("diabetes", "corrgroups60", "independentlinear60"):
        yield (name, *wheel_table(name))
    with tempfile.TemporaryDirectory() as directory:
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "-d", directory, "shapiq==1.4.1"]
        if subprocess.run(fetch, check=False, capture_output=True, timeout=120).returncode:
            print(f"not measured, as no package index has shapiq 1.4.1: {', '.join(SHIPPED)}", file=sys.stderr)  # noqa: T201 - progress
            return
        wheel = zipfile.ZipFile(next(Path(directory).glob("*.whl")))
        for name in SHIPPED:
            table = pacsv.read_csv(wheel.open(f"shapiq/datasets/data/{name}.csv"))
            columns = [_numbers(table[each]) for each in table.column_names]
            yield name, np.stack(columns[:-1], axis=1), columns[-1]


def _numbers(column: "object") -> Matrix:
    """Return a column's numbers, or codes of its texts; 0 where nothing is known."""
    values = np.asarray(column.to_pandas())  # type: ignore[attr-defined] # an Arrow column
    if values.dtype == object:
        return np.unique(values.astype(str), return_inverse=True)[1].astype(np.float64)
    return np.nan_to_num(values.astype(np.float64))

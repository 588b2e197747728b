"""The models that explanations are measured on: the demo's, torch networks, boosted trees on scikit-learn's tables."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from explain.columns import NUMBERS, Column
from explain.players import make_players
from monitor.types import Feature, Kind, ModelSchema, Task

Matrix = npt.NDArray[np.float64]

BACKGROUND = 100
EXPLAINED = 30
ROWS = 25_000
"""About how many model rows an explanation may ask: whole passes of the permutation method."""


@dataclass
class Subject:
    """One model with rows to explain; as columns by name, and for the peers as a function of a matrix of codes."""

    name: str
    schema: ModelSchema
    predict: Callable[[Mapping[str, Column]], Matrix]
    rows: list[dict[str, Column]]
    background: dict[str, Column]
    trees: object = None
    truths: list[Matrix] = field(default_factory=list)

    @property
    def size(self) -> int:
        """The number of players: features, or steps of a sequence."""
        return (
            make_players(self.rows[0], self.background, self.schema).size if self.parts else len(self.schema.features)
        )

    @property
    def parts(self) -> bool:
        """Whether players are parts of one feature."""
        return len(self.schema.features) == 1

    @property
    def budget(self) -> int:
        """Model rows for each method: a whole number of the permutation method's passes."""
        once = (2 * self.size + 1) * BACKGROUND
        return round(ROWS / once) * once

    def coded(self, index: int) -> tuple[Callable[[Matrix], Matrix], Matrix, Matrix]:
        """Return model, row and background over matrices [n, M]: numbers as they are, codes for what is none."""
        row = self.rows[index]
        if all(feature.kind in NUMBERS for feature in self.schema.features):
            names = [feature.name for feature in self.schema.features]

            def of_numbers(matrix: Matrix) -> Matrix:
                return self.predict({name: matrix[:, at] for at, name in enumerate(names)})

            usual = np.stack([self.background[name] for name in names], axis=1)
            return of_numbers, np.concatenate([row[name] for name in names]), usual
        players = make_players(row, self.background, self.schema)
        return lambda matrix: self.predict(players.decode(matrix)), players.row, players.background


def numbers(name: str, table: Matrix, predict: Callable[[Matrix], Matrix], trees: object = None) -> Subject:
    """Return a subject of numeric columns: the first rows are the background, the last are explained."""
    names = [f"x{index}" for index in range(table.shape[1])]
    schema = ModelSchema(
        model="m", task=Task.REGRESSION, features=tuple(Feature(name=each, kind=Kind.NUMERIC) for each in names)
    )

    def columns(rows: Matrix) -> dict[str, Column]:
        return {each: np.ascontiguousarray(rows[:, index]) for index, each in enumerate(names)}

    return Subject(
        name,
        schema,
        lambda found: predict(np.stack([found[each] for each in names], axis=1)),
        [columns(table[-1 - index :][:1]) for index in range(EXPLAINED)],
        columns(table[:BACKGROUND]),
        trees,
    )


def network(size: int) -> Subject:
    """A torch network of two hidden layers, fitted to a target with waves, kinks and interactions."""
    import torch

    rng = np.random.default_rng(size)
    table = rng.normal(size=(3_000, size))
    target = np.sin(2 * table @ (rng.normal(size=size) / np.sqrt(size))) + table[:, 0] * table[:, 1]
    target += np.maximum(table[:, 2], 0) * table[:, 3] + table[:, 4] ** 2 * np.sign(table[:, 5]) / 2
    target += 0.3 * table @ rng.normal(size=size)
    torch.manual_seed(size)
    layers = [torch.nn.Linear(size, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU()]
    module = torch.nn.Sequential(*layers, torch.nn.Linear(64, 1), torch.nn.Flatten(0))
    inputs, wanted = torch.from_numpy(table).float(), torch.from_numpy(target).float()
    optimiser = torch.optim.Adam(module.parameters(), 1e-2)
    for _ in range(200):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(module(inputs), wanted).backward()
        optimiser.step()

    def predict(matrix: Matrix) -> Matrix:
        with torch.inference_mode():
            return np.asarray(module(torch.from_numpy(matrix).float()).double().numpy())

    return numbers(f"network_{size}", table, predict)


def boosted(name: str) -> Subject:
    """Gradient boosting on a table that comes in a wheel, in float32 as its trees compare."""
    from sklearn.ensemble import GradientBoostingRegressor

    data, target = wheel_table(name)
    table = data.astype(np.float32).astype(np.float64)
    order = np.random.default_rng(0).permutation(len(table))
    model = GradientBoostingRegressor(random_state=0).fit(table, target)
    return numbers(name, table[order], model.predict, model)


def wheel_table(name: str) -> tuple[Matrix, Matrix]:
    """Return the columns and the target of a table that comes with scikit-learn, or is made by shap."""
    import shap
    from sklearn import datasets

    if name in ("corrgroups60", "independentlinear60"):
        data, target = getattr(shap.datasets, name)()
        return np.asarray(data, dtype=np.float64), np.asarray(target, dtype=np.float64)
    found = getattr(datasets, f"load_{name}")()
    return np.asarray(found.data, dtype=np.float64), np.asarray(found.target, dtype=np.float64)


def recurrent(steps: int) -> Subject:
    """A recurrent network over sequences of numbers, fitted to the product of what comes early and late."""
    import torch

    rng = np.random.default_rng(steps)
    table = rng.normal(size=(1_000, steps)).cumsum(axis=1) / np.sqrt(steps)
    target = np.tanh(table[:, : steps // 2].mean(axis=1)) * table[:, -1] + np.maximum(table, 0).max(axis=1)
    torch.manual_seed(steps)
    cells, last = torch.nn.RNN(1, 16, batch_first=True), torch.nn.Linear(16, 1)
    inputs, wanted = torch.from_numpy(table).float(), torch.from_numpy(target).float()
    optimiser = torch.optim.Adam([*cells.parameters(), *last.parameters()], 1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.mse_loss(last(cells(inputs[..., None])[0][:, -1]).squeeze(1), wanted).backward()
        optimiser.step()

    def predict(columns: Mapping[str, Column]) -> Matrix:
        with torch.inference_mode():
            hidden = cells(torch.from_numpy(np.stack(list(columns["x"]))).float()[..., None])[0]
            return np.asarray(last(hidden[:, -1]).squeeze(1).double().numpy())

    feature = Feature(name="x", kind=Kind.SEQUENCE)
    schema = ModelSchema(model="m", task=Task.REGRESSION, features=(feature,))
    rows = [{"x": table[-1 - index :][:1]} for index in range(EXPLAINED)]
    return Subject(f"recurrent_{steps}", schema, predict, rows, {"x": table[:BACKGROUND]})


def flights() -> Subject:
    """The demo's model, trained on January: 12 columns, some of them categories."""
    from app.demo import data
    from app.demo.registration import schema
    from app.demo.train import train

    january = data.between(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 1, tzinfo=UTC))
    model, _ = train(january, seed=1)
    columns = data.columns(january)
    order = np.random.default_rng(0).permutation(january.num_rows)
    return Subject(
        "flights",
        schema(january),
        model.predict,
        [{name: column[order[-1 - i :][:1]] for name, column in columns.items()} for i in range(EXPLAINED)],
        {name: column[order[:BACKGROUND]] for name, column in columns.items()},
    )


def subjects() -> Iterator[Subject]:
    """Make the models one after the other."""
    yield flights()
    yield network(12)
    yield network(30)
    yield network(60)
    yield recurrent(12)
    for name in ("diabetes", "breast_cancer", "corrgroups60", "independentlinear60"):
        yield boosted(name)

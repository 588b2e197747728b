"""How well and how fast our Shapley estimate explains: ``make bench BENCH=explain``; prints one JSON line last.

Error is ‖φ̂ − φ‖²/‖φ‖² against all coalitions, TreeSHAP, or fifty times the rows. Peers are shap's KernelExplainer (its
L1 selection off) and PermutationExplainer, in the same run, on the same rows of the same models, with as many model
rows as ours is given.
"""

import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from explain.columns import NUMBERS, Column
from explain.explainers import Attribution
from explain.explainers.shapley import Shapley
from explain.players import make_players
from monitor.types import Feature, Kind, ModelSchema, Task

Matrix = npt.NDArray[np.float64]

BACKGROUND = 100
EXPLAINED = 30
TIMED = 5
ROWS = 25_000
"""About how many model rows an explanation may ask: whole passes of the permutation method."""
FLOOR = 1e-8
LADDER = (50, 100, 200, 400, 800, 1_600, 3_200)
"""Coalitions that KernelExplainer is given in search of our error."""


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
        """The number of features."""
        return len(self.schema.features)

    @property
    def budget(self) -> int:
        """Model rows for each method: a whole number of the permutation method's passes."""
        once = (2 * self.size + 1) * BACKGROUND
        return round(ROWS / once) * once

    def ours(self, index: int, **settings: int) -> Attribution:
        """Explain one row with our method."""
        return Shapley().explain(self.predict, self.rows[index], self.background, self.schema, seed=index, **settings)

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


def attributions(found: Attribution) -> Matrix:
    """Return the values as an array."""
    return np.array(list(found.attributions.values()))


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
    """Gradient boosting on a table that comes with scikit-learn, in float32 as its trees compare."""
    from sklearn import datasets
    from sklearn.ensemble import GradientBoostingRegressor

    data = getattr(datasets, f"load_{name}")()
    table = data.data.astype(np.float32).astype(np.float64)
    order = np.random.default_rng(0).permutation(len(table))
    model = GradientBoostingRegressor(random_state=0).fit(table, data.target.astype(float))
    return numbers(name, table[order], model.predict, model)


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
    yield boosted("diabetes")
    yield boosted("breast_cancer")


def find_truths(subject: Subject) -> None:
    """Explain every row by all coalitions, by TreeSHAP where the model is trees, or with fifty times the rows."""
    import shap

    for index in range(EXPLAINED):
        if 2**subject.size * BACKGROUND <= 500_000:
            exact = subject.ours(index, rows=500_000, tolerance=0)
            assert exact.quality["exact"]
            subject.truths.append(attributions(exact))
        elif subject.trees is not None:
            function, row, usual = subject.coded(index)
            found = shap.TreeExplainer(subject.trees, usual, feature_perturbation="interventional").shap_values(row)
            assert abs(found.sum() + function(usual).mean() - function(row[None])[0]) < 1e-5
            subject.truths.append(np.asarray(found))
        else:
            subject.truths.append(attributions(subject.ours(index, rows=50 * subject.budget, tolerance=0)))


def error(found: Matrix, truth: Matrix) -> float:
    """Return the normalised squared error, at least the floor."""
    return max(float(((found - truth) ** 2).sum() / (truth**2).sum()), FLOOR)


def kernel(subject: Subject, index: int, coalitions: int) -> Matrix:
    """Explain one row with shap's KernelExplainer."""
    import shap

    function, row, usual = subject.coded(index)
    np.random.seed(index)  # noqa: NPY002 - the library draws from the global generator
    explainer = shap.KernelExplainer(function, usual)
    return np.asarray(explainer.shap_values(row, nsamples=coalitions, l1_reg=0, silent=True))


def permutation(subject: Subject, index: int) -> Matrix:
    """Explain one row with shap's PermutationExplainer and whole passes."""
    import shap

    function, row, usual = subject.coded(index)
    masker = shap.maskers.Independent(usual, max_samples=BACKGROUND)
    explainer = shap.PermutationExplainer(function, masker, seed=index)
    return np.asarray(explainer(row[None], max_evals=subject.budget // BACKGROUND, silent=True).values[0])


def ratio(ours: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Return the median of our error ÷ theirs over the rows, and its 95 % bootstrap interval."""
    ratios = np.array(ours) / np.array(theirs)
    rng = np.random.default_rng(0)
    medians = np.median(ratios[rng.integers(len(ratios), size=(2_000, len(ratios)))], axis=1)
    return float(np.median(ratios)), *map(float, np.percentile(medians, [2.5, 97.5]))


def median_seconds(call: Callable[[int], object]) -> float:
    """Return the median seconds of a call on some rows."""
    seconds = []
    for index in range(TIMED):
        started = time.perf_counter()
        call(index)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def speedup_at_equal_error(subject: Subject, ours: float, rows: int) -> float:
    """Return how much longer KernelExplainer takes to our median error; a lower bound where the ladder ends first."""
    mine = median_seconds(lambda index: subject.ours(index, rows=rows, tolerance=0))
    for coalitions in LADDER:
        errors = [error(kernel(subject, index, coalitions), subject.truths[index]) for index in range(TIMED)]
        if np.median(errors) <= ours or coalitions == LADDER[-1]:
            break
    return median_seconds(lambda index: kernel(subject, index, coalitions)) / mine


def engine_over_model(subject: Subject) -> float:
    """Return an explanation's time ÷ what the model alone takes for as many rows, in its best chunks."""
    used = int(subject.ours(0, rows=subject.budget, tolerance=0).quality["rows_used"])  # type: ignore[arg-type]
    repeated = {name: np.resize(column, used) for name, column in subject.background.items()}

    def alone(chunk: int) -> float:
        return median_seconds(
            lambda _: [
                subject.predict({name: column[at : at + chunk] for name, column in repeated.items()})
                for at in range(0, used, chunk)
            ]
        )

    whole = median_seconds(lambda index: subject.ours(index, rows=subject.budget, tolerance=0))
    return whole / min(alone(chunk) for chunk in (1_024, 4_096, 16_384))


def measure(subject: Subject) -> dict[str, float]:
    """Return every figure of one model."""
    find_truths(subject)
    every = range(EXPLAINED)
    found = [subject.ours(index, rows=subject.budget, tolerance=0) for index in every]
    mine = [error(attributions(each), truth) for each, truth in zip(found, subject.truths, strict=True)]
    few = [
        error(attributions(subject.ours(i, rows=subject.budget // 4, tolerance=0)), subject.truths[i]) for i in every
    ]
    of_kernel = [error(kernel(subject, index, subject.budget // BACKGROUND), subject.truths[index]) for index in every]
    of_permutation = [error(permutation(subject, index), subject.truths[index]) for index in every]
    best = min(of_kernel, of_permutation, key=lambda errors: float(np.median(errors)))
    against_best = ratio(mine, best)
    inside = [
        np.abs(attributions(each) - truth) <= 1.96 * np.array(list((each.standard_errors or {}).values()))
        for each, truth in zip(found, subject.truths, strict=True)
    ]
    return {
        "rows": subject.budget,
        "error": float(np.median(mine)),
        "error_ratio_kernel": ratio(mine, of_kernel)[0],
        "error_ratio_permutation": ratio(mine, of_permutation)[0],
        "error_ratio_best_peer_lower": against_best[1],
        "error_ratio_best_peer_upper": against_best[2],
        "speedup_equal_error": speedup_at_equal_error(subject, float(np.median(few)), subject.budget // 4),
        "engine_over_model": engine_over_model(subject),
        "coverage": float(np.mean(inside)),
    }


def by_default(subject: Subject) -> dict[str, float]:
    """Return time, rows and error of one explanation with the default settings: to 2 % of the attributions' length."""
    subject.ours(0)
    seconds, found = [], []
    for index in range(EXPLAINED):
        started = time.perf_counter()
        found.append(subject.ours(index))
        seconds.append(time.perf_counter() - started)
    errors = [error(attributions(each), truth) for each, truth in zip(found, subject.truths, strict=True)]
    return {
        "p50_ms": float(np.median(seconds)) * 1e3,
        "p95_ms": float(np.percentile(seconds, 95)) * 1e3,
        "rows_p50": float(np.median([float(each.quality["rows_used"] or 0) for each in found])),
        "relative_error_p50": float(np.sqrt(np.median(errors))),
        "reached_share": float(np.mean([bool(each.quality["reached"]) for each in found])),
    }


def main() -> None:
    """Measure, and print one JSON line last."""
    import torch

    started = time.perf_counter()
    warnings.simplefilter("ignore")  # the peers' own deprecations
    torch.set_num_threads(1)
    figures: dict[str, object] = {}
    measured: dict[str, dict[str, float]] = {}
    for subject in subjects():
        measured[subject.name] = measure(subject)
        print(subject.name, json.dumps(measured[subject.name]), flush=True)  # noqa: T201 - progress
        if subject.name == "flights":
            figures |= {name: round(value, 4) for name, value in by_default(subject).items()}
    for name in next(iter(measured.values())):
        figures[name] = {model: float(f"{found[name]:.4g}") for model, found in measured.items()}
    for name in ("error_ratio_kernel", "error_ratio_permutation", "speedup_equal_error"):
        figures[f"{name}_median"] = round(float(np.median([found[name] for found in measured.values()])), 4)
    line = {"bench": "explain", "figures": figures, "seconds": round(time.perf_counter() - started, 1)}
    print(json.dumps(line), flush=True)  # noqa: T201 - the line is what a bench is for


if __name__ == "__main__":
    main()

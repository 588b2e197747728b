"""How well and how fast our Shapley estimate explains: ``make bench BENCH=explain``; prints one JSON line last.

Error is ‖φ̂ − φ‖²/‖φ‖² against all coalitions, TreeSHAP, or fifty times the rows. Peers are shap's KernelExplainer (its
L1 selection off, and by default) and PermutationExplainer, in the same run, on the same rows of the same models, with
as many model rows as ours is given. Ratios are medians over the explained rows of our figure ÷ theirs.
"""

import json
import time
import warnings
from collections.abc import Callable

import numpy as np

from explain.explainers import Attribution
from explain.explainers.shapley import Shapley
from tests.benchmarks import explain_served
from tests.benchmarks.explain_models import BACKGROUND, EXPLAINED, Matrix, Subject, subjects

TIMED = 5
FLOOR = 1e-8
LADDER = (50, 100, 200, 400, 800, 1_600, 3_200)
"""Coalitions that KernelExplainer is given in search of our error."""


def ours(subject: Subject, index: int, **settings: int) -> Attribution:
    """Explain one row with our method."""
    return Shapley().explain(
        subject.predict, subject.rows[index], subject.background, subject.schema, seed=index, **settings
    )


def attributions(found: Attribution) -> Matrix:
    """Return the values as an array."""
    return np.array(list(found.attributions.values()))


def find_truths(subject: Subject) -> None:
    """Explain every row by all coalitions, by TreeSHAP where the model is trees, or with fifty times the rows."""
    import shap

    for index in range(EXPLAINED):
        if 2**subject.size * BACKGROUND <= 500_000:
            exact = ours(subject, index, rows=500_000, tolerance=0)
            assert exact.quality["exact"]
            subject.truths.append(attributions(exact))
        elif subject.trees is not None:
            function, row, usual = subject.coded(index)
            found = shap.TreeExplainer(subject.trees, usual, feature_perturbation="interventional").shap_values(row)
            assert abs(found.sum() + function(usual).mean() - function(row[None])[0]) < 1e-5
            subject.truths.append(np.asarray(found))
        else:
            subject.truths.append(attributions(ours(subject, index, rows=50 * subject.budget, tolerance=0)))


def error(found: Matrix, truth: Matrix) -> float:
    """Return the normalised squared error, at least the floor."""
    return max(float(((found - truth) ** 2).sum() / (truth**2).sum()), FLOOR)


def kernel(subject: Subject, index: int, coalitions: int, l1_reg: object = 0) -> Matrix:
    """Explain one row with shap's KernelExplainer."""
    import shap

    function, row, usual = subject.coded(index)
    np.random.seed(index)  # noqa: NPY002 - the library draws from the global generator
    explainer = shap.KernelExplainer(function, usual)
    return np.asarray(explainer.shap_values(row, nsamples=coalitions, l1_reg=l1_reg, silent=True))


def permutation(subject: Subject, index: int) -> Matrix:
    """Explain one row with shap's PermutationExplainer and whole passes."""
    import shap

    function, row, usual = subject.coded(index)
    masker = shap.maskers.Independent(usual, max_samples=BACKGROUND)
    explainer = shap.PermutationExplainer(function, masker, seed=index)
    return np.asarray(explainer(row[None], max_evals=subject.budget // BACKGROUND, silent=True).values[0])


def ratio(mine: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Return the median of our error ÷ theirs over the rows, and its 95 % bootstrap interval."""
    ratios = np.array(mine) / np.array(theirs)
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


def speedup_at_equal_error(subject: Subject, reached: float, rows: int) -> float:
    """Return how much longer KernelExplainer takes to our median error; a lower bound where the ladder ends first.

    Args:
        subject: the model and the rows to explain.
        reached: our median error with ``rows`` model rows.
        rows: few enough for KernelExplainer to get there.
    """
    mine = median_seconds(lambda index: ours(subject, index, rows=rows, tolerance=0))
    for coalitions in LADDER:
        errors = [error(kernel(subject, index, coalitions), subject.truths[index]) for index in range(TIMED)]
        if np.median(errors) <= reached or coalitions == LADDER[-1]:
            break
    return median_seconds(lambda index: kernel(subject, index, coalitions)) / mine


def engine_over_model(subject: Subject) -> float:
    """Return an explanation's time ÷ what the model alone takes for as many rows, in its best chunks."""
    used = int(ours(subject, 0, rows=subject.budget, tolerance=0).quality["rows_used"])  # type: ignore[arg-type]
    repeated = {name: np.resize(column, used) for name, column in subject.background.items()}

    def alone(chunk: int) -> float:
        return median_seconds(
            lambda _: [
                subject.predict({name: column[at : at + chunk] for name, column in repeated.items()})
                for at in range(0, used, chunk)
            ]
        )

    whole = median_seconds(lambda index: ours(subject, index, rows=subject.budget, tolerance=0))
    return whole / min(alone(chunk) for chunk in (1_024, 4_096, 16_384))


def measure(subject: Subject) -> dict[str, float]:
    """Return every figure of one model."""
    find_truths(subject)
    every = range(EXPLAINED)
    found = [ours(subject, index, rows=subject.budget, tolerance=0) for index in every]
    mine = [error(attributions(each), truth) for each, truth in zip(found, subject.truths, strict=True)]
    few = [
        error(attributions(ours(subject, i, rows=subject.budget // 4, tolerance=0)), subject.truths[i]) for i in every
    ]
    of_kernel = [error(kernel(subject, index, subject.budget // BACKGROUND), subject.truths[index]) for index in every]
    by_default = [
        error(kernel(subject, index, subject.budget // BACKGROUND, "num_features(10)"), subject.truths[index])
        for index in every
    ]
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
        "error_ratio_kernel_default": ratio(mine, by_default)[0],
        "error_ratio_permutation": ratio(mine, of_permutation)[0],
        "error_ratio_best_peer_lower": against_best[1],
        "error_ratio_best_peer_upper": against_best[2],
        "speedup_equal_error": speedup_at_equal_error(subject, float(np.median(few)), subject.budget // 4),
        "engine_over_model": engine_over_model(subject),
        "coverage": float(np.mean(inside)),
    }


def to_tolerance(subject: Subject) -> dict[str, float]:
    """Return time, rows and error of one explanation with the default settings: to 2 % of the attributions' length."""
    ours(subject, 0)
    seconds, found = [], []
    for index in range(EXPLAINED):
        started = time.perf_counter()
        found.append(ours(subject, index))
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
            figures |= {name: round(value, 4) for name, value in to_tolerance(subject).items()}
    for name in next(iter(measured.values())):
        figures[name] = {model: float(f"{found[name]:.4g}") for model, found in measured.items()}
    for name, median in (
        ("error_ratio_kernel", "error_ratio_kernel_median"),
        ("error_ratio_permutation", "error_ratio_permutation_median"),
        ("speedup_equal_error", "speedup_median"),
    ):
        figures[median] = round(float(np.median([found[name] for found in measured.values()])), 4)
    figures |= explain_served.figures()
    line = {"bench": "explain", "figures": figures, "seconds": round(time.perf_counter() - started, 1)}
    print(json.dumps(line), flush=True)  # noqa: T201 - the line is what a bench is for


if __name__ == "__main__":
    main()

"""How well and how fast our Shapley estimate explains: ``make bench BENCH=explain``; prints one JSON line last.

Error is ‖φ̂ − φ‖²/‖φ‖² against all coalitions, TreeSHAP, or fifty times the rows. Peers are shap's KernelExplainer (its
L1 selection off, and by default) and PermutationExplainer, in the same run, on the same rows of the same models, with
as many model rows as ours is given. Ratios are medians over the explained rows of our figure ÷ theirs. At which error
times are compared, and why, is said in `explain_speed`.
"""

import json
import time
import warnings
from collections.abc import Iterable

import numpy as np
import threadpoolctl

from tests.benchmarks import explain_games, explain_served
from tests.benchmarks.explain_models import BACKGROUND, Subject, subjects
from tests.benchmarks.explain_peers import amounts, error, find_truths, kernel, ours, permutation, unsure
from tests.benchmarks.explain_speed import engine_over_model, speedups

ROUNDING = 1e-6
"""Of a feature that no tree asks for we are certain that it is worth nothing; TreeSHAP rounds."""


def ratio(mine: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Return the median of our error ÷ theirs over the rows, and its 95 % bootstrap interval."""
    ratios = np.array(mine) / np.array(theirs)
    rng = np.random.default_rng(0)
    medians = np.median(ratios[rng.integers(len(ratios), size=(2_000, len(ratios)))], axis=1)
    return float(np.median(ratios)), *map(float, np.percentile(medians, [2.5, 97.5]))


def measure(subject: Subject) -> dict[str, float]:
    """Return every figure of one model."""
    find_truths(subject)
    every, truths = range(len(subject.rows)), subject.truths
    found = [ours(subject, at, rows=subject.budget, tolerance=0) for at in every]
    few = [ours(subject, at, rows=subject.budget // 4, tolerance=0) for at in every]
    mine = [error(amounts(each), truth) for each, truth in zip(found, truths, strict=True)]
    equal = subject.budget // BACKGROUND
    of_kernel = [error(kernel(subject, at, equal), truths[at]) for at in every]
    by_default = [error(kernel(subject, at, equal, "num_features(10)"), truths[at]) for at in every]
    of_permutation = [error(permutation(subject, at), truths[at]) for at in every]
    best = min(of_kernel, by_default, of_permutation, key=lambda errors: float(np.median(errors)))
    against_best = ratio(mine, best)
    inside = [
        np.abs(amounts(each) - truth) <= 1.96 * unsure(each) + ROUNDING * np.linalg.norm(truth)
        for each, truth in zip([*found, *few], [*truths, *truths], strict=True)
    ]
    return {
        "rows": subject.budget,
        "error": float(np.median(mine)),
        "error_ratio_kernel": ratio(mine, of_kernel)[0],
        "error_ratio_kernel_default": ratio(mine, by_default)[0],
        "error_ratio_permutation": ratio(mine, of_permutation)[0],
        "error_ratio_best_peer_lower": against_best[1],
        "error_ratio_best_peer_upper": against_best[2],
        **speedups(subject),
        "engine_over_model": engine_over_model(subject),
        "coverage": float(np.mean(inside)),
    }


def to_tolerance(subject: Subject) -> dict[str, float]:
    """Return time, rows and error of one explanation with the default settings: to 2 % of the attributions' length."""
    ours(subject, 0)
    took, found = [], []
    for index in range(len(subject.rows)):
        started = time.perf_counter()
        found.append(ours(subject, index))
        took.append(time.perf_counter() - started)
    errors = [error(amounts(each), truth) for each, truth in zip(found, subject.truths, strict=True)]
    return {
        "p50_ms": float(np.median(took)) * 1e3,
        "p95_ms": float(np.percentile(took, 95)) * 1e3,
        "rows_p50": float(np.median([float(each.quality["rows_used"] or 0) for each in found])),
        "relative_error_p50": float(np.sqrt(np.median(errors))),
        "reached_share": float(np.mean([bool(each.quality["reached"]) for each in found])),
    }


def run(models: Iterable[Subject], *, cases: int, seeds: int, published: int) -> dict[str, object]:
    """Return the figures of models, of games with known answers, and beside what is published.

    Args:
        models: what to explain.
        cases: how many games of each kind.
        seeds: how often each is explained.
        published: how many rows of each table are explained; 0: none.
    """
    figures: dict[str, object] = {}
    measured: dict[str, dict[str, float]] = {}
    for subject in models:
        measured[subject.name] = measure(subject)
        print(subject.name, json.dumps(measured[subject.name]), flush=True)  # noqa: T201 - progress
        if subject.name == "flights":
            figures |= {name: round(value, 4) for name, value in to_tolerance(subject).items()}
    for name in next(iter(measured.values())):
        figures[name] = {model: float(f"{found[name]:.4g}") for model, found in measured.items()}
    for name, median in (
        ("error_ratio_kernel", "error_ratio_kernel_median"),
        ("error_ratio_kernel_default", "error_ratio_kernel_default_median"),
        ("error_ratio_permutation", "error_ratio_permutation_median"),
        ("speedup_equal_error", "speedup_median"),
        ("speedup_kernel_default", "speedup_kernel_default_median"),
    ):
        figures[median] = round(float(np.median([found[name] for found in measured.values()])), 4)
    figures["coverage_models"] = figures.pop("coverage")
    figures["coverage"] = {name: round(value, 4) for name, value in explain_games.coverage(cases, seeds).items()}
    print("coverage", figures["coverage"], flush=True)  # noqa: T201 - progress
    if published:
        ratios = dict(explain_games.published(published))
        figures["error_ratio_published_leverage"] = {name: round(value, 4) for name, value in ratios.items()}
        print("published", figures["error_ratio_published_leverage"], flush=True)  # noqa: T201 - progress
    return figures


def main() -> None:
    """Measure, and print one JSON line last."""
    import torch

    started = time.perf_counter()
    warnings.simplefilter("ignore")  # the peers' own deprecations
    torch.set_num_threads(1)
    with threadpoolctl.threadpool_limits(1):  # as in the worker
        figures = run(subjects(), cases=16, seeds=12, published=100)
    figures |= explain_served.figures()
    line = {"bench": "explain", "figures": figures, "seconds": round(time.perf_counter() - started, 1)}
    print(json.dumps(line), flush=True)  # noqa: T201 - the line is what a bench is for


if __name__ == "__main__":
    main()

"""How long an explanation takes: against KernelExplainer at the same error, and against the model alone.

The same error can mean any error, and what comes of it depends on which. Two are measured, and neither is chosen by its
outcome:

* ``speedup_equal_error``, the one with a bar: the error that our default settings come to, which stop where the
  standard errors are 2 % of the attributions. It is what people who ask for an explanation get, and wait for.
* ``speedup_kernel_default``, beside it: the error that KernelExplainer comes to with its own default of 2 M + 2,048
  coalitions. Up to eleven features these are all there are, so that its answer is exact, and ours has to be.

One side gets its usual settings; the other is given more and more rows until its median error over the same explained
rows is as small. Between two of these steps the time is interpolated, by the logarithms of error and time. Times are
wall time, medians over the rows.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from tests.benchmarks.explain_models import Matrix, Subject
from tests.benchmarks.explain_peers import amounts, error, kernel, ours

TIMED = 9
ROUNDS = 15
COALITIONS = (50, 100, 200, 400, 800, 1_600, 3_200, 6_400)
"""Coalitions that KernelExplainer is given in search of our error."""
MODEL_ROWS = (3_000, 6_250, 12_500, 25_000, 50_000, 100_000, 205_000, 410_000, 820_000)
"""Model rows that ours is given in search of its error; the last have room for all coalitions of 11, 12 and 13."""
CHUNKS = (1_024, 2_048, 4_096, 8_192, 32_768)

Step = tuple[float, float]
"""The median error over some rows, and the median seconds that one took."""


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def step(subject: Subject, explain: Callable[[int], Matrix]) -> Step:
    """Return how well and how fast some of a subject's rows are explained."""
    errors, took = [], []
    for at in range(min(TIMED, len(subject.rows))):
        started = time.perf_counter()
        found = explain(at)
        took.append(time.perf_counter() - started)
        errors.append(error(found, subject.truths[at]))
    return float(np.median(errors)), float(np.median(took))


def seconds_to(reached: float, steps: Iterable[Step]) -> float:
    """Return the seconds to an error; those of the last step, a lower bound, where none comes to it.

    Args:
        reached: the error.
        steps: errors and seconds, each with more rows than the one before; taken until one comes to the error.

    >>> round(seconds_to(1e-3, [(1e-2, 1.0), (1e-4, 4.0), (1e-6, 16.0)]), 6)
    2.0
    """
    before: Step | None = None
    for now in steps:
        if now[0] <= reached:
            if before is None:
                return now[1]
            share = np.log(before[0] / reached) / np.log(before[0] / now[0])
            return float(before[1] * (now[1] / before[1]) ** share)
        before = now
    if before is None:
        raise ValueError("no step")
    return before[1]


def speedups(subject: Subject) -> dict[str, float]:
    """Return how many times as long KernelExplainer takes, at both errors; see above."""
    ours(subject, 0)
    reached, mine = step(subject, lambda at: amounts(ours(subject, at)))
    theirs = seconds_to(
        reached, (step(subject, lambda at, count=count: kernel(subject, at, count)) for count in COALITIONS)
    )
    usual = step(subject, lambda at: kernel(subject, at, 2 * subject.size + 2_048))
    with_rows = (
        step(subject, lambda at, rows=rows: amounts(ours(subject, at, rows=rows, tolerance=0))) for rows in MODEL_ROWS
    )
    return {
        "equal_error": reached,
        "speedup_equal_error": theirs / mine,
        "speedup_kernel_default": usual[1] / seconds_to(usual[0], with_rows),
    }


def engine_over_model(subject: Subject) -> float:
    """Return an explanation's time ÷ what the model alone takes for the same rows, best chunks, in a random order."""
    asked: list[dict[str, Any]] = []

    def noted(columns: Mapping[str, Any]) -> Matrix:
        asked.append(dict(columns))
        return subject.predict(columns)

    whole = replace(subject, predict=noted)
    ours(whole, 0, rows=subject.budget, tolerance=0)
    rows = {name: np.concatenate([part[name] for part in asked]) for name in asked[0]}
    used = len(next(iter(rows.values())))

    def alone(chunk: int) -> None:
        for at in range(0, used, chunk):
            subject.predict({name: column[at : at + chunk] for name, column in rows.items()})

    calls: list[Callable[[], object]] = [lambda: ours(subject, 0, rows=subject.budget, tolerance=0)]
    calls += [partial(alone, chunk) for chunk in CHUNKS]
    took: list[list[float]] = [[] for _ in calls]
    rng = np.random.default_rng(0)
    for _ in range(ROUNDS):
        for at in rng.permutation(len(calls)):  # whoever follows the largest chunk finds its caches cold
            took[at].append(seconds(calls[at]))
    mine, *chunks = (float(np.median(each)) for each in took)
    return mine / min(chunks)

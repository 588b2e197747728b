"""What explains the models of the benchmark: our method, and shap's Kernel and Permutation explainers."""

import numpy as np

from explain.explainers import Attribution
from explain.explainers.shapley import Shapley
from tests.benchmarks.explain_models import BACKGROUND, Matrix, Subject

FLOOR = 1e-8


def ours(subject: Subject, index: int, *, seed: int | None = None, **settings: int) -> Attribution:
    """Explain one row with our method."""
    return Shapley().explain(
        subject.predict,
        subject.rows[index],
        subject.background,
        subject.schema,
        seed=index if seed is None else seed,
        **settings,
    )


def amounts(found: Attribution) -> Matrix:
    """Return the players' values: the features', or those of a sequence's steps."""
    return np.array([part.amount for part in found.parts] or list(found.attributions.values()))


def unsure(found: Attribution) -> Matrix:
    """Return the players' standard errors."""
    return np.array([part.error for part in found.parts] or list((found.standard_errors or {}).values()))


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


def find_truths(subject: Subject) -> None:
    """Explain every row by all coalitions, by TreeSHAP where the model is trees, or with fifty times the rows."""
    import shap

    for index in range(len(subject.rows)):
        if 2**subject.size * BACKGROUND <= 500_000:
            exact = ours(subject, index, rows=500_000, tolerance=0)
            assert exact.quality["exact"]
            subject.truths.append(amounts(exact))
        elif subject.trees is not None:
            function, row, usual = subject.coded(index)
            found = shap.TreeExplainer(subject.trees, usual, feature_perturbation="interventional").shap_values(row)
            assert abs(found.sum() + function(usual).mean() - function(row[None])[0]) < 1e-5
            subject.truths.append(np.asarray(found))
        else:  # with another seed: not one walk is in both
            many = ours(subject, index, seed=10_000 + index, rows=50 * subject.budget, tolerance=0)
            subject.truths.append(amounts(many))

"""Properties that every drift measure must have, run on each that is found."""

from pathlib import Path

import numpy as np
import pytest

import monitor.drift
from monitor.drift import DriftMeasure
from monitor.plugins import plugins
from monitor.types import Kind

MEASURES = [cls() for cls in plugins(monitor.drift, DriftMeasure).values()]
NUMERIC = [pytest.param(m, id=m.name) for m in MEASURES if "numeric" in m.kinds]
CATEGORY = [pytest.param(m, id=m.name) for m in MEASURES if "category" in m.kinds]
EVERY = [
    pytest.param(m, kind, id=f"{m.name}-{kind.value}")
    for m in MEASURES
    for kind, which in ((Kind.NUMERIC, "numeric"), (Kind.CATEGORICAL, "category"))
    if which in m.kinds
]
NORMAL = np.random.default_rng(1).normal(size=20_000)
LETTERS = np.random.default_rng(2).choice(list("abcdef"), p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.04], size=20_000)


def sample(kind: Kind) -> np.ndarray:
    return NORMAL if kind is Kind.NUMERIC else LETTERS


def test_the_issue_s_measures_are_found():
    assert {"psi", "jensen_shannon", "hellinger", "chi2", "wasserstein", "wasserstein_raw", "ks"} <= {
        m.name for m in MEASURES
    }


@pytest.mark.parametrize("measure", [pytest.param(m, id=m.name) for m in MEASURES])
def test_describes_itself(measure):
    assert measure.title
    assert measure.kinds
    assert measure.kinds <= {"numeric", "category"}
    assert measure.floor > 0


@pytest.mark.parametrize("measure", [pytest.param(m, id=m.name) for m in MEASURES])
def test_the_page_about_rules_says_what_it_is_and_its_bound(measure):
    page = (Path(__file__).parents[2] / "app" / "docs" / "rules.md").read_text()
    row = next((line for line in page.splitlines() if line.startswith(f"| `drift.{measure.name}` |")), "")
    assert measure.title in row, f"add a row for drift.{measure.name} to app/docs/rules.md"
    assert row.endswith(f"| {measure.floor:g}{' sd' if measure.scaled else ''} |")


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_identical_rows_score_zero(measure, kind, profiles):
    reference, same = profiles(kind, sample(kind), sample(kind))
    assert measure.score(reference, same) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_the_same_shares_of_fewer_rows_score_zero(measure, kind, profiles):
    """Only shares matter: a window is never drifted for being smaller than the reference."""
    reference, fewer = profiles(kind, np.repeat(sample(kind)[:500], 10), sample(kind)[:500])
    assert measure.score(reference, fewer) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_order_of_rows_is_irrelevant(measure, kind, profiles):
    rng = np.random.default_rng(3)
    current = sample(kind)[:3000]
    one, forward = profiles(kind, sample(kind), current)
    other, shuffled = profiles(kind, rng.permutation(sample(kind)), rng.permutation(current))
    assert measure.score(one, forward) == measure.score(other, shuffled)


@pytest.mark.parametrize("measure", NUMERIC)
@pytest.mark.parametrize("direction", [1, -1], ids=["up", "down"])
def test_a_larger_shift_scores_higher(measure, direction, profiles):
    shifts = [0.1, 0.25, 0.5, 1.0, 2.0]
    reference, *moved = profiles(Kind.NUMERIC, NORMAL, *[NORMAL + direction * shift for shift in shifts])
    scores = [measure.score(reference, current) for current in moved]
    assert scores == sorted(scores)
    assert 0 < scores[0] < scores[2] < scores[4]


@pytest.mark.parametrize("measure", NUMERIC)
def test_shifts_up_and_down_score_alike(measure, profiles):
    reference, up, down = profiles(Kind.NUMERIC, np.concatenate([NORMAL, -NORMAL]), NORMAL + 0.4, -NORMAL - 0.4)
    assert measure.score(reference, up) == pytest.approx(measure.score(reference, down), rel=1e-3)


@pytest.mark.parametrize("measure", NUMERIC)
def test_the_unit_does_not_matter_or_is_the_column_s(measure, profiles):
    celsius, warmer = profiles(Kind.NUMERIC, NORMAL, NORMAL + 0.3)
    fahrenheit, warmer_too = profiles(Kind.NUMERIC, NORMAL * 1.8 + 32, (NORMAL + 0.3) * 1.8 + 32)
    unit = 1.8 if measure.scaled else 1
    assert unit * measure.score(celsius, warmer) == pytest.approx(measure.score(fahrenheit, warmer_too), rel=1e-3)
    assert unit * measure.least(celsius) == pytest.approx(measure.least(fahrenheit), rel=1e-3)


@pytest.mark.parametrize("measure", CATEGORY)
def test_a_larger_change_of_shares_scores_higher(measure, profiles):
    changed = [np.where(np.arange(len(LETTERS)) < len(LETTERS) * part, "f", LETTERS) for part in (0.05, 0.2, 0.5, 0.9)]
    reference, *moved = profiles(Kind.CATEGORICAL, LETTERS, *changed)
    scores = [measure.score(reference, current) for current in moved]
    assert scores == sorted(scores)
    assert 0 < scores[0] < scores[-1]


@pytest.mark.parametrize("measure", CATEGORY)
def test_names_of_categories_are_irrelevant(measure, profiles):
    """Exchanging two names everywhere changes nothing."""
    exchange = np.vectorize({"a": "f", "f": "a"}.get)
    one = profiles(Kind.CATEGORICAL, LETTERS, LETTERS[:200])
    two = profiles(Kind.CATEGORICAL, exchange(LETTERS, LETTERS), exchange(LETTERS[:200], LETTERS[:200]))
    assert measure.score(*one) == pytest.approx(measure.score(*two), rel=1e-12)


@pytest.mark.parametrize("measure", CATEGORY)
def test_unseen_categories_score(measure, profiles):
    reference, renamed = profiles(Kind.CATEGORICAL, LETTERS, np.where(LETTERS == "b", "B", LETTERS))
    assert measure.score(reference, renamed) > measure.floor


@pytest.mark.parametrize("measure", NUMERIC)
@pytest.mark.parametrize("factor", [1000, -1000], ids=["above", "below"])
def test_a_unit_change_is_far_above_the_floor(measure, factor, profiles):
    reference, current = profiles(Kind.NUMERIC, np.abs(NORMAL) + 1, (np.abs(NORMAL) + 1) * factor)
    assert measure.score(reference, current) > 3 * measure.least(reference)


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_nulls_are_not_drift(measure, kind, profiles):
    """A column that lost values at random keeps its shares; the loss is data quality."""
    values = sample(kind).astype(object)[:2000]
    holed = np.concatenate([values, [None] * 500])
    reference, current = profiles(kind, values, holed)
    assert measure.score(reference, current) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_without_values_there_is_no_score(measure, kind, profiles):
    values = list(sample(kind)[:100])
    for reference, current in ((values, []), (values, [None] * 9), ([], values), ([None] * 9, values), ([], [])):
        assert measure.score(*profiles(kind, reference, current)) is None


@pytest.mark.parametrize("measure", NUMERIC)
def test_only_nan_and_infinities_have_no_score(measure, profiles):
    odd = [float("nan"), float("inf"), float("-inf")]
    assert measure.score(*profiles(Kind.NUMERIC, [1.0, 2.0], odd)) is None
    assert measure.score(*profiles(Kind.NUMERIC, odd, [1.0, 2.0])) is None


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_a_constant_column(measure, kind, profiles):
    here, there = (3.5, 7.25) if kind is Kind.NUMERIC else ("a", "b")
    reference, same, moved, half = profiles(kind, [here] * 50, [here] * 20, [there] * 20, [here, there] * 10)
    assert measure.score(reference, same) == pytest.approx(0, abs=1e-12)
    assert measure.score(reference, moved) > measure.score(reference, half) > measure.floor


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_two_values(measure, kind, profiles):
    one, two = (0.0, 1.0) if kind is Kind.NUMERIC else ("a", "b")
    reference, same, moved = profiles(kind, [one, two] * 50, [two, one], [one] * 9 + [two] * 91)
    assert measure.score(reference, same) == pytest.approx(0, abs=1e-12)
    assert measure.score(reference, moved) > measure.floor


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_one_row_has_a_finite_score(measure, kind, profiles):
    score = measure.score(*profiles(kind, sample(kind), sample(kind)[:1]))
    assert score is not None
    assert 0 <= score < 1000


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_profiles_in_different_bins_are_refused(measure, kind, profiles):
    one, _ = profiles(kind, sample(kind)[:50], [])
    (other,) = profiles(kind, sample(kind)[:1])
    with pytest.raises(ValueError, match="not profiled in the same bins"):
        measure.score(one, other)

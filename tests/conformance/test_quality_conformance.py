"""Properties that every quality measure must have, run on each that is found."""

import numpy as np
import pytest

import monitor.quality
from monitor.plugins import plugins
from monitor.profile import ColumnProfile
from monitor.quality import QualityMeasure
from monitor.types import Kind

MEASURES = [cls() for cls in plugins(monitor.quality, QualityMeasure).values()]
EVERY = [
    pytest.param(m, kind, id=f"{m.name}-{kind.value}")
    for m in MEASURES
    for kind, which in ((Kind.NUMERIC, "numeric"), (Kind.CATEGORICAL, "category"))
    if which in m.kinds
]
GOOD = {Kind.NUMERIC: [1.0, 2.0, 3.0, 4.0] * 25, Kind.CATEGORICAL: ["a", "b", "c", "a"] * 25}
BAD = {Kind.NUMERIC: [None, float("nan"), float("inf"), 9.0, -9.0], Kind.CATEGORICAL: [None, "new"]}


def test_the_issue_s_measures_are_found():
    names = {m.name for m in MEASURES}
    assert {"null_share", "unseen_share", "out_of_range_share", "non_finite_share", "retyped_share"} <= names


@pytest.mark.parametrize("measure", [pytest.param(m, id=m.name) for m in MEASURES])
def test_describes_itself(measure):
    assert measure.title
    assert measure.kinds
    assert measure.kinds <= {"numeric", "category"}
    assert 0 < measure.floor < 1


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_a_clean_column_is_zero_and_below_its_threshold(measure, kind, profiles):
    (reference,) = profiles(kind, GOOD[kind])
    assert measure.value(reference) == 0
    assert measure.threshold(reference) == measure.floor


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_more_bad_rows_never_lower_the_share_and_it_stays_one_at_most(measure, kind, profiles):
    for bad in BAD[kind]:
        columns = [GOOD[kind][: 100 - part] + [bad] * part for part in (0, 1, 20, 60, 99)]
        _, *current = profiles(kind, GOOD[kind], *columns)
        values = [measure.value(profile) for profile in current]
        assert values == sorted(values)
        assert all(0 <= value <= 1 for value in values)


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_order_of_rows_is_irrelevant(measure, kind, profiles):
    rows = GOOD[kind] + BAD[kind] * 7
    mixed = [rows[at] for at in np.random.default_rng(0).permutation(len(rows))]
    _, forward, shuffled = profiles(kind, GOOD[kind], rows, mixed)
    assert measure.value(forward) == measure.value(shuffled)


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_without_rows_there_is_no_share(measure, kind, profiles):
    _, nothing = profiles(kind, GOOD[kind], [])
    assert measure.value(nothing) is None


@pytest.mark.parametrize(("measure", "kind"), EVERY)
@pytest.mark.parametrize("rows", [[None] * 5, [None]], ids=["all null", "one null"])
def test_all_null_and_constant_columns_are_defined(measure, kind, rows, profiles):
    reference, current = profiles(kind, rows, GOOD[kind])
    for profile in (reference, current, *profiles(kind, GOOD[kind][:1] * 9)):
        value = measure.value(profile)
        assert value is None or 0 <= value <= 1
    assert measure.floor <= measure.threshold(reference) <= 1 + measure.floor


@pytest.mark.parametrize("kind", list(BAD))
def test_every_kind_of_bad_row_is_found_by_some_measure(kind, profiles):
    """No bad value goes unnoticed by all measures together."""
    for bad in BAD[kind]:
        _, current = profiles(kind, GOOD[kind], [bad])
        found = [measure.value(current) for measure in MEASURES if current.kind in measure.kinds]
        assert 1.0 in found


@pytest.mark.parametrize(("measure", "kind"), EVERY)
def test_sums_of_profiles_are_between_their_parts(measure, kind, profiles):
    _, clean, mixed = profiles(kind, GOOD[kind], GOOD[kind], GOOD[kind][:10] + BAD[kind])
    whole: ColumnProfile = clean + mixed
    assert measure.value(clean) <= measure.value(whole) <= measure.value(mixed)

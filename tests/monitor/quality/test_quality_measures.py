"""Quality measures are the shares one would count by hand."""

import pytest

from monitor.profile import make_binning, profile, read
from monitor.quality.new_column_share import NewColumnShare
from monitor.quality.non_finite_share import NonFiniteShare
from monitor.quality.null_share import NullShare
from monitor.quality.out_of_range_share import OutOfRangeShare
from monitor.quality.retyped_share import RetypedShare
from monitor.quality.unseen_share import UnseenShare
from monitor.types import Feature, Kind, ModelSchema, Task


def test_shares_of_a_numeric_column(profiles):
    _, current = profiles(Kind.NUMERIC, [1.0, 2.0], [None, float("nan"), float("inf"), 0.0, 5.0, 6.0, 1.0, 2.0])
    assert NullShare().value(current) == 1 / 8
    assert NonFiniteShare().value(current) == 2 / 8
    assert OutOfRangeShare().value(current) == 3 / 5


def test_the_extremes_of_the_reference_are_in_range(profiles):
    _, current = profiles(Kind.NUMERIC, [1.0, 2.0, 7.0], [1.0, 7.0])
    assert OutOfRangeShare().value(current) == 0


def test_unseen_categories_but_not_rare_ones(profiles):
    rare = [f"v{i}" for i in range(80)]
    _, current = profiles(Kind.CATEGORICAL, rare, ["v0", "v79", "new", None])
    assert UnseenShare().value(current) == 1 / 3


def test_with_more_categories_than_are_kept_nothing_is_called_unseen(profiles):
    many = [f"v{i}" for i in range(10_001)]
    _, current = profiles(Kind.CATEGORICAL, many, ["new"])
    assert UnseenShare().value(current) is None
    assert current.other == 1


def test_retyped_values_are_not_nulls(canonical):
    schema = ModelSchema(
        model="m", task=Task.BINARY, classes=("no", "yes"), features=(Feature(name="x", kind=Kind.NUMERIC),)
    )
    batch = canonical(4, x=[1.0, None, None, 2.0], _flags=[[], ["retyped:x"], [], []])
    binning = make_binning(batch, schema)
    found = read(profile(batch, schema, binning), binning, schema)["x"]
    assert RetypedShare().value(found) == NullShare().value(found) == 1 / 4


def test_rows_with_unknown_columns_are_counted_once_each(canonical):
    """Three of four rows carry columns that the schema does not know, one of them two."""
    schema = ModelSchema(
        model="m", task=Task.BINARY, classes=("no", "yes"), features=(Feature(name="x", kind=Kind.NUMERIC),)
    )
    batch = canonical(4, x=[1.0, 2.0, 3.0, 4.0], _flags=[["new:a"], [], ["new:a", "new:b"], ["new:b", "retyped:x"]])
    binning = make_binning(batch, schema)
    found = read(profile(batch, schema, binning), binning, schema)
    assert NewColumnShare().value(found["_new"]) == 3 / 4


def test_threshold_is_what_the_reference_has_and_the_floor_more(profiles):
    reference, _ = profiles(Kind.NUMERIC, [1.0, None, 2.0, 3.0], [])
    assert NullShare().threshold(reference) == pytest.approx(0.25 + 0.05)
    (empty,) = profiles(Kind.NUMERIC, [])
    assert NullShare().threshold(empty) == pytest.approx(0.05)

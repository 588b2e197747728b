"""Co-moments are exact integers, and the same for the same rows in any split and order."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from monitor.profile import ColumnProfile, make_binning
from monitor.profile.column import category_slots, numeric_slots
from monitor.profile.comoments import REACH, comoments, correlations, products, rank_codes, sampled
from monitor.types import Feature, Kind, ModelSchema, Task

SCHEMA = ModelSchema(
    model="m",
    task=Task.REGRESSION,
    features=(
        Feature(name="a", kind=Kind.NUMERIC),
        Feature(name="b", kind=Kind.NUMERIC),
        Feature(name="c", kind=Kind.CATEGORICAL),
    ),
)
RNG = np.random.default_rng(0)
A = RNG.normal(size=2_000)
TABLE = pa.table(
    {
        "a": A,
        "b": pa.array(np.where(RNG.random(2_000) < 0.1, np.nan, A + RNG.normal(size=2_000)), from_pandas=True),
        "c": RNG.choice(["u", "v"], 2_000),
    }
)
BINNING = make_binning(TABLE, SCHEMA)


def codes():
    found = {}
    for name in ("a", "b", "c"):
        bins = BINNING.columns[name]
        slots = numeric_slots(TABLE[name], bins)[0] if bins.kind == "numeric" else category_slots(TABLE[name], bins)
        found[name] = rank_codes(ColumnProfile(name, bins, np.bincount(slots, minlength=bins.length)))
    return found


CODES = codes()


def test_codes_are_middle_ranks_and_nothing_is_the_middle():
    a = CODES["a"]
    assert a[:5].tolist() == [0] * 5
    assert abs(int(a[5])) == REACH
    assert (np.diff(a[5 : 5 + 241]) >= 0).all()


def test_sums_are_those_of_a_loop_over_rows():
    rows = np.random.default_rng(1).integers(-REACH, REACH, (50, 4))
    matrix = products(rows)
    for i in range(5):
        for j in range(5):
            left = rows[:, i] if i < 4 else np.ones(50, dtype=int)
            right = rows[:, j] if j < 4 else np.ones(50, dtype=int)
            assert matrix[i, j] == sum(int(x) * int(y) for x, y in zip(left, right, strict=True))


@settings(deadline=None, max_examples=25)
@given(cut=st.integers(0, 300), seed=st.integers(0, 100))
def test_any_split_and_order_of_the_rows_gives_the_same_bytes(cut, seed):
    part = TABLE.slice(0, 300)
    mixed = part.take(pa.array(np.random.default_rng(seed).permutation(300)))
    added = comoments(mixed.slice(0, cut), BINNING, CODES) + comoments(mixed.slice(cut), BINNING, CODES)
    assert added.matrix.tobytes() == comoments(part, BINNING, CODES).matrix.tobytes()


def test_correlations_are_those_of_ranks():
    found = correlations([comoments(TABLE, BINNING, CODES).matrix])[0]
    there = TABLE["b"].is_valid().to_numpy()
    spearman = stats.spearmanr(A[there], TABLE["b"].to_numpy()[there]).statistic
    assert found[0, 1] == pytest.approx(spearman, abs=0.05)
    assert found[0, 0] == pytest.approx(1)
    assert abs(found[0, 2]) < 0.08


def test_above_fifty_columns_a_share_of_the_rows_is_taken_by_their_ids():
    batch = pa.table({"_id": [f"row-{at}" for at in range(20_000)]})
    taken = sampled(batch, 100)
    assert len(taken) == pytest.approx(5_000, rel=0.1)
    turned = batch.take(pa.array(np.arange(20_000)[::-1]))
    assert set(turned["_id"].take(pa.array(sampled(turned, 100))).to_pylist()) == set(
        batch["_id"].take(pa.array(taken)).to_pylist()
    )


def test_columns_that_differ_do_not_add():
    one = comoments(TABLE, BINNING, CODES)
    other = comoments(TABLE, BINNING, {"a": CODES["a"]})
    with pytest.raises(ValueError, match="do not add up"):
        one + other

"""Co-moments are exact integers, and the same for the same rows in any split and order."""

import json
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from monitor.profile import Binning, ColumnProfile, make_binning, merge
from monitor.profile.column import category_slots, numeric_slots
from monitor.profile.comoments import (
    comoments,
    correlations,
    joined,
    products,
    profile_comoments,
    rank_codes,
    read_comoments,
    sampled,
)
from monitor.profile.ranks import REACH
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


def traffic(rows, days=2):
    """Canonical rows of two versions over some hours, as capture gives them."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=rows)
    base = np.datetime64("2024-01-01T00:00", "us")
    return pa.table(
        {
            "_id": [f"id-{at}" for at in range(rows)],
            "_version": pa.array(rng.choice(["1", "2"], rows)),
            "_time": pa.array(base + rng.integers(0, days * 86_400_000_000, rows), pa.timestamp("us", tz="UTC")),
            "_score": rng.random(rows),
            "a": x,
            "b": pa.array(np.where(rng.random(rows) < 0.1, np.nan, x + rng.normal(size=rows)), from_pandas=True),
            "c": rng.choice(["u", "v"], rows, p=[0.7, 0.3]),
        }
    )


@settings(deadline=None, max_examples=20)
@given(cut=st.integers(0, 400), seed=st.integers(0, 100))
def test_pieces_of_any_split_and_order_have_the_same_digest(cut, seed):
    rows = traffic(400)
    binning = make_binning(rows, SCHEMA)
    mixed = rows.take(pa.array(np.random.default_rng(seed).permutation(400)))
    parts = [profile_comoments(part, SCHEMA, binning) for part in (mixed.slice(0, cut), mixed.slice(cut))]
    assert digest(pa.concat_tables(parts)) == digest(profile_comoments(rows, SCHEMA, binning))


def digest(pieces):
    merged = merge(pieces)
    keys = repr(merged.drop_columns(["counts"]).to_pydict()).encode()
    return sha256(keys + merged["counts"].combine_chunks().flatten().to_numpy().tobytes()).hexdigest()


def test_pieces_of_hours_add_up_to_spearman_s_correlation():
    rows = traffic(3_000)
    binning = Binning.from_json(make_binning(rows, SCHEMA).to_json())
    pieces = profile_comoments(rows, SCHEMA, binning)
    assert len(set(pieces["hour"].to_pylist())) > 24
    whole = read_comoments(merge(pieces, ["column", "binning"])["counts"][0].values.to_numpy(), SCHEMA, binning)
    assert whole.columns == ("a", "b", "c", "_score")
    assert whole.rows == 3_000
    there = rows["b"].is_valid().to_numpy()
    spearman = stats.spearmanr(rows["a"].to_numpy()[there], rows["b"].to_numpy()[there]).statistic
    found = correlations([whole.matrix])[0]
    assert found[0, 1] == pytest.approx(spearman, abs=0.05)
    assert abs(found[0, 3]) < 0.06


def test_bins_of_an_earlier_version_have_no_co_moments():
    """They were frozen without ranks: nothing is made, and nothing fails."""
    rows = traffic(100)
    told = json.loads(make_binning(rows, SCHEMA).to_json())
    for column in told["columns"].values():
        column.pop("ranks", None)
    assert profile_comoments(rows, SCHEMA, Binning.from_json(json.dumps(told))).num_rows == 0


def test_a_matrix_of_other_columns_is_refused():
    binning = make_binning(traffic(100), SCHEMA)
    with pytest.raises(ValueError, match="4 columns need 15"):
        read_comoments(np.zeros(10, dtype=np.int64), SCHEMA, binning)


def test_constant_and_empty_columns_and_ids_are_in_no_pair():
    features = [Feature(name=name, kind=Kind.NUMERIC) for name in ("a", "still", "empty")]
    schema = ModelSchema(
        model="m",
        task=Task.BINARY,
        classes=("no", "yes"),
        features=(*features, Feature(name="key", kind=Kind.ID), Feature(name="at", kind=Kind.TIMESTAMP)),
    )
    rows = traffic(200)
    rows = rows.append_column("still", pa.array(np.full(200, 7.0))).append_column("key", rows["_id"])
    rows = rows.append_column("at", rows["_time"])
    assert set(joined(schema, make_binning(rows, schema))) == {"a", "_score"}

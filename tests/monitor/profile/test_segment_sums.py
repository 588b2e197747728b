"""Sums of segments count what a loop over rows counts, in any split and order, and labels can be taken back."""

import json

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import ndcg_score

from monitor.profile import make_binning, merge
from monitor.profile.outcome import UNIT
from monitor.profile.segment_sums import (
    CLASSIFICATION,
    SEGMENTS,
    UNKEPT,
    SegmentSums,
    profile_segments,
    read_segments,
    segments_of,
)
from monitor.types import Feature, Kind, ModelSchema, Task

FEATURES = (
    Feature(name="x", kind=Kind.NUMERIC),
    Feature(name="c", kind=Kind.CATEGORICAL),
    Feature(name="b", kind=Kind.BOOLEAN),
    Feature(name="who", kind=Kind.ID),
    Feature(name="when", kind=Kind.TIMESTAMP),
)
ROWS = 3_000


def schema(task: Task) -> ModelSchema:
    classes = {Task.BINARY: ("no", "yes"), Task.MULTICLASS: ("a", "b", "c"), Task.REGRESSION: (), Task.RANKING: ()}[
        task
    ]
    return ModelSchema(model="m", task=task, classes=classes, features=FEATURES)


def rows(task: Task, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    x = np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(size=ROWS))
    category = rng.choice([f"v{each}" for each in range(25)] + [None], ROWS)
    times = rng.integers(0, 3 * 3_600_000_000, ROWS)
    table = {
        "_version": rng.choice(["1", "2"], ROWS),
        "_time": pa.array(times, pa.timestamp("us", tz="UTC")),
        "x": pa.array(x, from_pandas=True),
        "c": pa.array(category, pa.string()),
        "b": pa.array(rng.random(ROWS) < 0.3),
        "_sign": pa.array(np.ones(ROWS, np.int8)),
    }
    if task is Task.BINARY:
        p = rng.random(ROWS)
        table |= {"_score": p, "_label": np.where(rng.random(ROWS) < p, "yes", "no"), "_prediction": ["no"] * ROWS}
    elif task is Task.MULTICLASS:
        scores = rng.dirichlet([1, 2, 3], ROWS)
        table |= {"_scores": pa.array(list(scores)), "_label": rng.choice(["a", "b", "c", "d"], ROWS)}
        table |= {"_score": scores.max(axis=1), "_prediction": ["a"] * ROWS}
    elif task is Task.RANKING:
        table |= {"_label": rng.choice(["[1,0]", "[0,1]"], ROWS), "_prediction": pa.nulls(ROWS, pa.string())}
        table |= {"_score": rng.random(ROWS), "_scores": pa.array([[0.5, 0.1]] * ROWS)}
    else:
        truth = rng.normal(size=ROWS)
        table |= {"_label": truth, "_prediction": truth + rng.normal(size=ROWS), "_score": truth}
    return pa.table(table)


def whole(table: pa.Table, task: Task) -> SegmentSums:
    binning = make_binning(rows(task), schema(task))
    merged = merge(profile_segments(table, schema(task), binning), ["column", "binning"])
    assert merged["column"].to_pylist() == [SEGMENTS]
    return read_segments(merged["counts"][0].values.to_numpy(), schema(task), binning)


def inside(segment, row: dict) -> bool:
    value = row[segment.feature]
    if segment.rest == "null":
        return value is None
    if segment.rest == "other":
        return value is not None and value not in {each.value for each in KNOWN if each.feature == segment.feature}
    if segment.value is not None:
        return value == segment.value
    return value is not None and segment.low <= float(value) < segment.high


KNOWN = segments_of(schema(Task.BINARY), make_binning(rows(Task.BINARY), schema(Task.BINARY)))


def test_binary_sums_are_those_of_a_loop() -> None:
    table = rows(Task.BINARY)
    found = whole(table, Task.BINARY)
    assert found.segments == KNOWN
    listed = table.to_pylist()
    for at, segment in enumerate(found.segments):
        mine = [row for row in listed if inside(segment, row)]
        p = np.array([row["_score"] for row in mine])
        y = np.array([row["_label"] == "yes" for row in mine], dtype=float)
        v = p * (1 - p)
        expected = [len(mine), y.sum(), p.sum(), v.sum(), ((y - p) ** 2).sum(), (v * (1 - 2 * p) ** 2).sum()]
        expected += [(v * (1 - 2 * p)).sum(), (v * (1 - 2 * p) ** 4).sum()]
        sums = [found.sums(name)[at] for name in CLASSIFICATION]
        assert sums == pytest.approx(expected, abs=len(mine) / UNIT + 1e-9)
    assert found.unkept == 0


def test_segments_are_deciles_categories_and_what_is_left() -> None:
    assert sum(each.feature == "x" for each in KNOWN) == 11
    assert sum(each.feature == "c" for each in KNOWN) == 22
    assert sum(each.feature == "b" for each in KNOWN) == 3
    assert {each.feature for each in KNOWN} == {"x", "c", "b"}
    n = whole(rows(Task.BINARY), Task.BINARY).sums("n")[:10]
    assert n == pytest.approx(np.full(10, n.mean()), rel=0.02)


def test_of_several_classes_the_highest_score_is_right_or_wrong() -> None:
    table = rows(Task.MULTICLASS)
    found = whole(table, Task.MULTICLASS)
    listed = [row for row in table.to_pylist() if row["_label"] != "d"]
    right = [row["_label"] == "abc"[int(np.argmax(row["_scores"]))] for row in listed]
    first = slice(0, 11)
    assert found.sums("n")[first].sum() == len(listed)
    assert found.sums("y")[first].sum() == sum(right)
    assert found.sums("p")[first].sum() == pytest.approx(sum(max(row["_scores"]) for row in listed), abs=1e-3)


def test_regression_sums_are_those_of_a_loop() -> None:
    table = rows(Task.REGRESSION)
    found = whole(table, Task.REGRESSION)
    bins = make_binning(table, schema(Task.REGRESSION)).columns["_outcome"]
    listed = [row for row in table.to_pylist() if row["c"] == found.segments[11].value]
    e = np.clip(np.array([row["_prediction"] - row["_label"] for row in listed]) / bins.scale, -4, 4)
    expected = [len(e), *((e**power).sum() for power in (1, 2, 3, 4, 6))]
    assert [found.sums(name)[11] for name in found.names] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("task", list(Task))
def test_any_split_and_order_gives_the_same_bytes(task: Task) -> None:
    table, binning = rows(task), make_binning(rows(task), schema(task))
    together = merge(profile_segments(table, schema(task), binning))
    order = np.random.default_rng(1).permutation(ROWS)
    parts = [table.take(pa.array(part)) for part in np.array_split(order, 7)]
    apart = merge(pa.concat_tables([profile_segments(part, schema(task), binning) for part in parts]))
    assert apart.equals(together)


@pytest.mark.parametrize("task", list(Task))
def test_a_label_taken_back_leaves_nothing(task: Task) -> None:
    table = rows(task)
    taken = table.set_column(table.schema.get_field_index("_sign"), "_sign", pa.array(-np.ones(ROWS, np.int8)))
    both = whole(pa.concat_tables([table, taken]), task)
    assert not both.counts.any()


def test_rankings_are_summed_by_what_each_query_lost() -> None:
    table = rows(Task.RANKING)
    found = whole(table, Task.RANKING)
    listed = [row for row in table.to_pylist() if row["c"] == found.segments[11].value]
    lost = np.array([1 - ndcg_score([json.loads(row["_label"])], [row["_scores"]]) for row in listed])
    assert lost.any()
    expected = [len(lost), *((lost**power).sum() for power in (1, 2, 3, 4, 6))]
    assert [found.sums(name)[11] for name in found.names] == pytest.approx(expected, abs=0.01)


def test_rows_whose_features_are_not_kept_are_counted_once_and_in_no_segment() -> None:
    table = rows(Task.BINARY).append_column(UNKEPT, pa.array([True] * 100 + [False] * (ROWS - 100)))
    found = whole(table, Task.BINARY)
    assert found.unkept == 100
    assert found.sums("n")[:11].sum() == ROWS - 100


def test_counters_of_another_model_are_refused() -> None:
    task = Task.BINARY
    with pytest.raises(ValueError, match="7 segment counters; m needs"):
        read_segments(np.zeros(7, dtype=np.int64), schema(task), make_binning(rows(task), schema(task)))

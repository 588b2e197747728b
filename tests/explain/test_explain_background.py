"""The background: always the same rows for the same reference, spread over the scores."""

import numpy as np
import pyarrow as pa
import pytest

from explain.background import stratified


def table(count, seed=0):
    rng = np.random.default_rng(seed)
    return pa.table({"_id": [f"r{index}" for index in range(count)], "_score": rng.random(count)})


def chosen(rows, seed=0, count=100):
    return [rows["_id"][index].as_py() for index in stratified(rows, count, seed)]


def test_the_choice_depends_on_ids_and_scores_not_on_the_order_of_rows():
    rows = table(1_000)
    shuffled = rows.take(np.random.default_rng(1).permutation(1_000))
    assert chosen(rows) == chosen(shuffled)
    assert chosen(rows) != chosen(rows, seed=1)


def test_every_tenth_of_the_scores_gives_as_many():
    rows = table(5_000)
    index = stratified(rows, 100, 0)
    assert len(set(index)) == 100
    ranks = np.argsort(np.argsort(rows["_score"].to_numpy()))[index]
    assert np.bincount(ranks // 500).tolist() == [10] * 10


@pytest.mark.parametrize(("count", "wanted"), [(0, 0), (1, 1), (99, 99), (100, 100), (101, 100)])
def test_a_small_reference_is_taken_whole(count, wanted):
    assert len(set(stratified(table(count), 100, 0))) == wanted


@pytest.mark.parametrize("count", [1, 7, 25])
def test_fewer_rows_than_strata_still_gives_exactly_as_many(count):
    assert len(set(stratified(table(500), count, 0))) == count


def test_rows_without_a_score_can_be_chosen():
    rows = pa.table({"_id": [f"r{index}" for index in range(300)], "_score": pa.nulls(300, pa.float64())})
    assert len(set(stratified(rows, 100, 0))) == 100

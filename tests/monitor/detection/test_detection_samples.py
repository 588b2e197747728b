"""A chunk counts as told apart only as far as it is told apart better than the reference's own chunks are."""

import numpy as np

from monitor.detection.embedding import DIRECTIONS, Directions
from monitor.detection.samples import FEWEST, SampleLaw

NAMES = ("a", "b", "c", "d")
CHUNKS, ROWS = 12, 150


def rows(rng, count, bias=0.0, tied=True):
    found = rng.uniform(-1, 1, (count, 4))
    if tied:
        found[:, 1] = 0.7 * found[:, 0] + 0.3 * found[:, 1]
    return np.clip(found + bias, -1, 1)


def law(spread=0.0):
    """Fit on chunks that each have a bias of their own, drawn by so much."""
    rng = np.random.default_rng(0)
    chunks = [rows(rng, ROWS, spread * rng.normal()) for _ in range(CHUNKS)]
    return SampleLaw.fit(NAMES, np.concatenate(chunks), np.repeat(np.arange(CHUNKS), ROWS))


def test_chunks_like_the_reference_s_are_not_told_apart():
    found, rng = law(), np.random.default_rng(1)
    z = [found.told(rows(rng, ROWS), seed).z for seed in range(25)]
    assert abs(np.mean(z)) < 0.6
    assert np.max(z) < 3.5


def test_columns_that_are_let_go_of_are_told_and_named():
    found = law().told(rows(np.random.default_rng(2), ROWS, tied=False), 3)
    assert found.z > 2.5
    assert set(found.columns[:2]) == {"a", "b"}


def test_where_days_differ_a_day_that_differs_is_no_news():
    moved = rows(np.random.default_rng(3), ROWS, 0.25)
    assert law(spread=0.0).told(moved, 4).z > law(spread=0.3).told(moved, 4).z + 1
    assert law(spread=0.3).told(moved, 4).z < 2


def test_the_same_seed_tells_the_same_and_few_rows_tell_nothing():
    found, some = law(), rows(np.random.default_rng(5), ROWS)
    assert found.told(some, 7) == found.told(some, 7)
    assert found.told(some[: FEWEST - 1], 7) is None
    assert SampleLaw.fit(NAMES, some, np.zeros(ROWS, dtype=np.int64)) is None


def test_an_embedding_becomes_ranks_along_its_main_directions():
    rng = np.random.default_rng(6)
    vectors = (rng.normal(size=(400, 100)) * np.r_[5.0, np.ones(99)]).tolist()
    found = Directions.fit([*vectors, None, [1.0]])
    ranks = found.ranks([*vectors, None, [1.0], [float("nan")] * 100])
    assert ranks.shape == (403, DIRECTIONS)
    assert np.abs(ranks[:400].mean(axis=0)).max() < 0.01
    assert not ranks[400:].any(), "what is no such vector is in the middle"
    first = np.corrcoef(ranks[:400, 0], np.array(vectors)[:, 0])[0, 1]
    assert abs(first) > 0.6
    assert Directions.fit([None, []]) is None

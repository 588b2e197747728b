"""The index of ids against a plain dictionary."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.store import keys
from monitor.store.keys import KeyIndex

IDS = st.text("ab", max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(IDS, max_size=20), max_size=12), st.lists(IDS, max_size=10))
def test_finds_exactly_what_was_added(parts: list[list[str]], wanted: list[str]) -> None:
    index, known, last = KeyIndex(), {}, 0
    for ids in parts:
        seqs = np.arange(last + 1, last + 1 + len(ids))
        index.add(ids, seqs)
        for name, seq in zip(ids, seqs.tolist(), strict=True):
            known.setdefault(name, []).append(seq)
        last += len(ids)
    assert index.find(wanted).tolist() == sorted({seq for name in wanted for seq in known.get(name, [])})
    assert len(index) == last


def test_runs_stay_few_however_many_small_groups_come() -> None:
    index = KeyIndex()
    for start in range(0, 20_000, 10):
        index.add([f"id{n}" for n in range(start, start + 10)], np.arange(start, start + 10))
    assert len(index._runs) <= 12
    assert index.find(["id77", "id19999", "other"]).tolist() == [77, 19_999]


ENDS = (-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1)
"""Hashes at the ends of what a hash may be, where a filter's first and last bits are."""


@pytest.mark.parametrize("seed", range(2))
def test_runs_large_enough_for_a_filter_find_what_a_dictionary_does(seed: int) -> None:
    """Ids repeat within a group and over groups, share upper bits, and rows are let go in between."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(-(2**63), 2**63 - 1, 60_000, endpoint=True)
    crowd = 5 << 40 | rng.integers(0, 40_000, 20_000)  # all under the same few bits of any filter
    pool = np.unique(np.concatenate([drawn, crowd, ENDS]))
    index, known, last = KeyIndex(), defaultdict(set), 0
    owner = np.zeros(1, dtype=np.int64)  # the hash of each seq
    filtered = 0
    for size in (20_000, 17_000, 40_000, 3_000, 16_384, 16_385, 50):
        found = rng.choice(pool, size)  # with repeats
        found[: len(ENDS)] = ENDS
        seqs = np.arange(last + 1, last + 1 + size)
        last, owner = last + size, np.append(owner, found)
        index.add_hashes(found, seqs)
        for one, seq in zip(found.tolist(), seqs.tolist(), strict=True):
            known[one].add(seq)
        _compare(index, known, pool, rng)
        gone = rng.choice(last, last // 20, replace=False) + 1  # some of them are gone already
        index.remove(gone)
        for seq in gone.tolist():
            known[int(owner[seq])].discard(seq)
        _compare(index, known, pool, rng)
        filtered += any(len(run.filter) for run in index._runs)
    assert filtered > 3, "large runs have a filter"
    assert any(len(run.hashes) > 4 * keys._SMALL for run in index._runs), "runs were merged"
    index.remove(np.arange(1, last + 1))
    assert len(index) == 0
    assert not len(index.find_hashes(pool))


def _compare(index: KeyIndex, known: dict[int, set[int]], pool: np.ndarray, rng: np.random.Generator) -> None:
    strangers = rng.integers(-(2**63), 2**63 - 1, 20_000, endpoint=True)
    for wanted in (pool, rng.choice(pool, 1_000), strangers, np.array(ENDS), pool + 1, pool[:0]):
        expected = sorted(seq for one in set(wanted.tolist()) for seq in known.get(one, ()))
        assert index.find_hashes(wanted).tolist() == expected
    assert len(index) == sum(len(rows) for rows in known.values())


def test_an_id_in_a_large_run_is_held_and_no_other() -> None:
    index = KeyIndex()
    ids = [f"id-{number}" for number in range(40_000)]
    index.add(ids, np.arange(1, 40_001))
    assert len(index._runs[0].filter), "it is large enough for a filter"
    assert all(index.holds([name]) for name in ids[::97])
    assert index.find([*ids[::97], "other"]).tolist() == list(range(1, 40_001, 97))
    assert not index.holds([f"other-{number}" for number in range(40_000)])

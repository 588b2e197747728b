"""The index of ids against a plain dictionary."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

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

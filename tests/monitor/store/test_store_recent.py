"""Rows that are remembered as they were committed: all of a span, in order, or none."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.store.recent import Recent

COMMITS = st.lists(st.tuples(st.sampled_from("mn"), st.integers(0, 6), st.integers(0, 3)), max_size=12)


@settings(max_examples=150, deadline=None)
@given(COMMITS, st.integers(0, 12), st.data())
def test_it_gives_exactly_the_rows_of_a_span_or_nothing(commits, forgotten, data) -> None:
    recent, last, rows = Recent(), {"m": 0, "n": 0}, {"m": [], "n": []}
    for model, count, labels in commits:
        after, seqs = last[model], list(range(last[model] + 1, last[model] + 1 + count))
        last[model] += count + labels
        recent.add(model, after, last[model], pa.table({"_seq": seqs}) if count else None)
        rows[model] += seqs
    recent.forget("m", forgotten)
    after = data.draw(st.integers(0, last["m"]))
    up_to = data.draw(st.integers(after, last["m"]))
    found = recent.rows("m", after, up_to)
    wanted = [seq for seq in rows["m"] if after < seq <= up_to]
    assert found is None or found["_seq"].to_pylist() == wanted
    if wanted and forgotten <= after:
        assert found is not None


def test_what_is_remembered_is_bounded_and_the_oldest_goes_first() -> None:
    part = pa.table({"_seq": np.arange(1_000)})
    recent = Recent(most_bytes=10 * (part.nbytes + 10_000))
    for number in range(20):
        recent.add("m", 1_000 * number, 1_000 * number + 1_000, part)
    assert recent.rows("m", 9_000, 10_000) is None
    assert len(recent.rows("m", 10_000, 20_000)) == 10_000


def test_rows_of_a_schema_that_has_grown_in_between_are_read_from_the_store() -> None:
    recent = Recent()
    recent.add("m", 0, 1, pa.table({"_seq": [1]}))
    recent.add("m", 1, 2, pa.table({"x": [0.5], "_seq": [2]}))
    assert recent.rows("m", 0, 2) is None
    assert recent.rows("m", 1, 2)["x"].to_pylist() == [0.5]

"""Rows and labels: read by content, and what labels change."""

from datetime import timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from monitor.errors import InvalidInput, NotFound
from monitor.store import Store, label_table
from monitor.types import Window


def label(store: Store, ids, values, versions=None) -> None:
    now = store.catalog.model("flights").created + timedelta(days=2)
    store.rows.commit("flights", None, label_table(ids, versions or [None] * len(ids), values, [now] * len(ids), now))


def test_filters_agree_with_arrow(store: Store, batch) -> None:
    rows = batch(0, 200)
    store.rows.commit("flights", rows, None)
    store.rows.commit("flights", batch(300, 50, version="2"), None)
    start = store.catalog.model("flights").created
    window = Window(start + timedelta(minutes=30), start + timedelta(minutes=90))
    inside = rows.slice(30, 60)
    found = store.rows.inferences("flights", window=window, descending=False)
    assert found["_id"].to_pylist() == inside["_id"].to_pylist()
    assert found["_time"].to_pylist() == inside["_time"].to_pylist()
    expected = inside.filter((pc.field("carrier") == "A") & (pc.field("_score") >= 0.25) & (pc.field("_score") <= 0.5))
    filters = {"window": window, "where": {"carrier": "A"}, "score": (0.25, 0.5)}
    assert store.rows.count("flights", **filters) == expected.num_rows > 0
    assert set(store.rows.inferences("flights", **filters)["_id"].to_pylist()) == set(expected["_id"].to_pylist())
    assert store.rows.count("flights", version="2") == 50
    assert store.rows.count("flights", id_prefix="r19") == 11
    assert store.rows.count("flights", where={"carrier": None}) == 0


def test_pages_cover_everything_once(store: Store, batch) -> None:
    store.rows.commit("flights", batch(0, 95), None)
    pages = [store.rows.inferences("flights", limit=20, offset=start)["_id"].to_pylist() for start in range(0, 100, 20)]
    assert [name for page in pages for name in page] == [f"r{n}" for n in reversed(range(95))]


def test_orders(store: Store, batch) -> None:
    rows = batch(0, 100)
    store.rows.commit("flights", rows, None)
    label(store, ["r1", "r2", "r3"], ["late", "on time", "late"])
    scores = dict(zip(rows["_id"].to_pylist(), rows["_score"].to_pylist(), strict=True))
    wrong = {"r1": 1 - scores["r1"], "r2": scores["r2"], "r3": 1 - scores["r3"]}
    found = store.rows.inferences("flights", order="error", limit=5)
    assert found["_id"].to_pylist()[:3] == sorted(wrong, key=wrong.__getitem__, reverse=True)
    assert found["_label"].to_pylist()[3:] == [None, None]
    near = store.rows.inferences("flights", order="near_threshold", limit=1)["_id"][0].as_py()
    assert near == min(scores, key=lambda name: abs(scores[name] - 0.5))
    sure = store.rows.inferences("flights", order="confidence", limit=1)["_id"][0].as_py()
    assert sure == max(scores, key=lambda name: abs(scores[name] - 0.5))
    assert store.rows.inferences("flights", labelled=True).num_rows == store.rows.count("flights", labelled=True) == 3
    assert store.rows.count("flights", labelled=False) == 97


def test_what_cannot_be_asked_is_refused(store: Store) -> None:
    with pytest.raises(InvalidInput, match=r"Allowed: .*delay"):
        store.rows.inferences("flights", where={'x" OR 1=1': 1})
    with pytest.raises(InvalidInput, match="Allowed: time"):
        store.rows.inferences("flights", order="_id; DROP")
    with pytest.raises(NotFound):
        store.rows.inference("flights", "nope")
    with pytest.raises(NotFound):
        store.rows.inferences("no-model")


def test_existing_tells_versions_apart(store: Store, batch) -> None:
    store.rows.commit("flights", batch(0, 3), None)
    store.rows.commit("flights", batch(1, 1, version="2"), None)
    found = store.rows.existing("flights", pa.array(["r1", "r9"])).sort_by("version").to_pylist()
    assert [(row["id"], row["version"]) for row in found] == [("r1", "1"), ("r1", "2")]


def test_a_sample_is_the_same_every_time(store: Store, batch) -> None:
    store.rows.commit("flights", batch(0, 100), None)
    once = store.rows.sample("flights", limit=10, seed=3)
    assert once.equals(store.rows.sample("flights", limit=10, seed=3))
    assert once["_id"].to_pylist() != store.rows.sample("flights", limit=10, seed=4)["_id"].to_pylist()


def test_the_newest_label_that_fits_stands(store: Store, batch) -> None:
    store.rows.commit("flights", batch(0, 2), None)
    store.rows.commit("flights", batch(0, 2, version="2"), None)
    label(store, ["r0"], ["late"])
    label(store, ["r0"], ["on time"], ["2"])
    assert store.rows.inference("flights", "r0", "1")["_label"] == "late"
    assert store.rows.inference("flights", "r0", "2")["_label"] == "on time"
    label(store, ["r0"], ["late"])
    assert store.rows.inference("flights", "r0", "2")["_label"] == "late"
    assert [row["value"] for row in store.rows.labels("flights", "r0")] == ["late", "on time", "late"]


def test_label_ages(store: Store, batch) -> None:
    store.rows.commit("flights", batch(0, 10), None)
    label(store, ["r0", "r1"], ["late", "late"])
    start = store.catalog.model("flights").created
    found = store.rows.label_ages("flights", Window(start, start + timedelta(days=1))).to_pylist()[0]
    assert (found["rows"], found["labelled"], found["longest"]) == (10, 2, 2 * 86_400)


def brute_force(store: Store, up_to: int) -> dict[tuple[str, str], str]:
    """Return the truth of each (version, id) as of a seq, by going through everything one by one."""
    rows = store.database.rows("SELECT _seq, _id, _version FROM captured.flights WHERE _seq <= ?", [up_to])
    labels = store.database.rows("SELECT * FROM labels.flights WHERE seq <= ? ORDER BY seq", [up_to])
    truth = {}
    for row in rows:
        for said in labels:
            if said["id"] == row["_id"] and said["version"] in (None, row["_version"]):
                truth[row["_version"], row["_id"]] = said["value"]
    return truth


@pytest.mark.parametrize("seed", range(4))
def test_deltas_of_any_spans_add_up_to_the_truth(store: Store, batch, seed: int) -> None:
    """Rows, late, early and corrected labels in random order; spans cut at random."""
    rng = np.random.default_rng(seed)
    first = 0
    for _ in range(40):
        if rng.random() < 0.4:
            rows = int(rng.integers(1, 5))
            store.rows.commit("flights", batch(first, rows, version=str(rng.integers(1, 3))), None)
            first += rows
        else:
            ids = [f"r{n}" for n in rng.integers(0, 40, 3)]
            versions = [[None, "1", "2"][n] for n in rng.integers(0, 3, 3)]
            label(store, ids, [["late", "on time"][n] for n in rng.integers(0, 2, 3)], versions)
    last = store.rows.last_seq("flights")
    cuts = [0, *sorted(int(cut) for cut in rng.integers(0, last, 6)), last]
    standing: dict[tuple[str, str, str], int] = {}
    for after, up_to in pairwise(cuts):
        for delta in store.rows.outcome_deltas("flights", after, up_to).to_pylist():
            key = (delta["_version"], delta["_id"], delta["_label"])
            standing[key] = standing.get(key, 0) + delta["_sign"]
        truth = {(*key, value): 1 for key, value in brute_force(store, up_to).items()}
        assert {key: count for key, count in standing.items() if count} == truth
    whole = store.rows.outcome_deltas("flights", 0, last)
    assert set(whole["_sign"].to_pylist()) <= {1}


def test_the_tail_is_in_order_and_complete(store: Store, batch) -> None:
    store.rows.commit("flights", batch(0, 30), None)
    label(store, ["r0"], ["late"])
    store.rows.commit("flights", batch(30, 5), None)
    tail = pa.concat_tables(list(store.rows.tail("flights", 10)))
    assert tail["_seq"].to_pylist() == [*range(11, 31), *range(32, 37)]

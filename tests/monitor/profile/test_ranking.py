"""Rankings against their grades: scikit-learn and a plain loop say the same, and what does not fit is said."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import label_ranking_average_precision_score, ndcg_score

from monitor.profile.build import profile_outcomes, read
from monitor.profile.freeze import make_binning
from monitor.profile.outcome import Outcome
from monitor.profile.pieces import merge
from monitor.profile.ranking import graded, quality
from monitor.types import ModelSchema, Task

K = 3
SCHEMA = ModelSchema(model="m", task=Task.RANKING, features=(), cutoff=K)


def queries(count: int = 400, seed: int = 0) -> tuple[list[list[float]], list[list[float]]]:
    """Return scores and grades of queries with 2 to 30 candidates, some with nothing relevant."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 31, count)
    grades = [rng.choice([0, 0, 0, 1, 2, 3], size).astype(float) for size in sizes]
    return [(g + rng.normal(0, 2, len(g))).tolist() for g in grades], [g.tolist() for g in grades]


def deltas(scores: list, labels: list, names: list | None = None) -> pa.Table:
    """Return labelled queries, one an hour."""
    count = len(labels)
    return pa.table(
        {
            "_version": ["1"] * count,
            "_time": pa.array(np.arange(count) * 3_600_000_000, pa.timestamp("us", tz="UTC")),
            "_prediction": pa.array(names or [None] * count, pa.string()),
            "_scores": pa.array(scores, pa.list_(pa.float64())),
            "_label": pa.array(labels, pa.string()),
            "_sign": np.ones(count, np.int8),
        }
    )


def outcome(table: pa.Table) -> Outcome:
    binning = make_binning(table.slice(0, 0), SCHEMA)
    found = read(profile_outcomes(table, SCHEMA, binning), binning, SCHEMA)["_outcome"]
    assert isinstance(found, Outcome)
    return found


def brute(scores: list[float], grades: list[float]) -> dict[str, float]:
    """Return each measure of one query by the words of its definition."""
    ranked = [grade for _, grade in sorted(zip(scores, grades, strict=True), key=lambda pair: -pair[0])]
    relevant = sum(grade > 0 for grade in ranked)
    if not relevant:
        return dict.fromkeys(("ndcg", "average_precision", "reciprocal_rank", "precision", "recall"), 0.0)
    gain = sum(grade / math.log2(place + 2) for place, grade in enumerate(ranked[:K]))
    ideal = sum(grade / math.log2(place + 2) for place, grade in enumerate(sorted(ranked, reverse=True)[:K]))
    hits = [place for place, grade in enumerate(ranked) if grade > 0]
    return {
        "ndcg": gain / ideal,
        "average_precision": sum((at + 1) / (place + 1) for at, place in enumerate(hits)) / relevant,
        "reciprocal_rank": 1 / (hits[0] + 1),
        "precision": sum(grade > 0 for grade in ranked[:K]) / K,
        "recall": sum(grade > 0 for grade in ranked[:K]) / relevant,
    }


def test_each_measure_is_what_its_definition_and_scikit_learn_say():
    scores, grades = queries()
    found = outcome(deltas(scores, [json.dumps(each) for each in grades]))
    truth = [brute(*pair) for pair in zip(scores, grades, strict=True)]
    assert found.judged == found.rows == len(scores)
    assert found.ranked("irrelevant") == sum(not any(each) for each in grades) > 0
    for name in truth[0]:
        assert found.ranked(name) / found.judged == pytest.approx(np.mean([each[name] for each in truth]), abs=1e-6)
    theirs = [ndcg_score([g], [s], k=K) for s, g in zip(scores, grades, strict=True)]
    assert found.ranked("ndcg") / found.judged == pytest.approx(np.mean(theirs), abs=1e-6)
    theirs = [
        label_ranking_average_precision_score([np.array(g) > 0], [s])
        for s, g in zip(scores, grades, strict=True)
        if any(g)
    ]
    assert found.ranked("average_precision") == pytest.approx(np.sum(theirs), rel=1e-5)


def test_pieces_of_any_split_and_order_add_to_the_same_bytes_and_subtract():
    scores, grades = queries(60)
    table = deltas(scores, [json.dumps(each) for each in grades])
    binning = make_binning(table.slice(0, 0), SCHEMA)
    whole = profile_outcomes(table, SCHEMA, binning)
    mixed = table.take(pa.array(np.random.default_rng(1).permutation(60)))
    parts = [profile_outcomes(mixed.slice(at, 7), SCHEMA, binning) for at in range(0, 60, 7)]
    assert merge(pa.concat_tables(parts)).equals(merge(whole))
    back = table.set_column(table.schema.get_field_index("_sign"), "_sign", pa.array(-np.ones(60, np.int8)))
    both = pa.concat_tables([whole, profile_outcomes(back, SCHEMA, binning)])
    assert not any(any(row) for row in merge(both)["counts"].to_pylist())


def test_candidates_that_nobody_knows_are_passed_over():
    known = graded(None, [0.9, 0.8, 0.7], "[null,1,0]")
    assert known is not None
    assert known.grades.tolist() == [1, 0]
    assert quality(known, K)[0] == 1


def test_names_that_are_not_given_are_not_relevant_and_what_was_not_found_counts():
    names = ["a", "b", "c"]
    found = graded(names, [0.9, 0.8, 0.7], '{"b": 1}')
    assert found is not None
    assert quality(found, K).round(4).tolist() == [0.6309, 0.5, 0.5, round(1 / 3, 4), 1]
    missing = graded(names, None, '{"a": 1, "z": 1}')
    assert missing is not None
    values = quality(missing, K)
    assert values[4] == 0.5, "half of what was relevant was among the candidates"
    assert values[1] == 0.5
    assert values[0] == pytest.approx(1 / (1 + 1 / math.log2(3)))


def test_ties_keep_the_order_that_was_shown():
    found = graded(None, [0.5, 0.5, 0.5], "[0,0,1]")
    assert found is not None
    assert quality(found, K)[2] == pytest.approx(1 / 3)


@pytest.mark.parametrize("label", ["[1,0]", '{"a": 1}'])
def test_a_label_that_does_not_fit_its_candidates_is_counted_as_unusable(label):
    found = outcome(deltas([[0.1, 0.2, 0.3]], [label]))
    assert (found.unusable, found.unpredicted, found.judged) == (1, 0, 0)


def test_a_row_without_a_usable_ranking_is_counted_as_such():
    found = outcome(deltas([None, [0.1, math.nan], [1.0]], ["[1]", "[1,0]", "[1]"], [None, None, '["a","b"]']))
    assert (found.unusable, found.unpredicted, found.judged) == (0, 3, 0)


def test_huge_grades_and_one_candidate_are_no_trouble():
    found = graded(None, [0.3], "[1e9]")
    assert found is not None
    assert quality(found, K).tolist() == [1, 1, 1, 1 / 3, 1]

"""A page is a hard fault, realised harm, or an estimate wholly beyond tolerance; the rest is read later."""

import numpy as np
import pytest

from monitor.profile.binning import CategoryBins, NumericBins
from monitor.profile.column import ColumnProfile
from monitor.profile.segment_sums import CLASSIFICATION, Segment, SegmentSums
from monitor.triage import (
    Band,
    Bound,
    Finding,
    Harm,
    Loss,
    attribution_weights,
    decompose,
    impact,
    score_weights,
    triage,
)

TOLERATED = Bound("accuracy", 0.10, 0.05, 0.0)
DRIFT = Finding("drift", ("temp",), "temp moved")
HARMED = Harm(2.0, True, True, 3, Loss(1_000, 250.0, 250.0))


def test_drift_alone_wakes_nobody() -> None:
    found = triage([DRIFT, Finding("segment", ("x",), "x is off")], tolerated=TOLERATED)
    assert found.pages == ()
    assert len(found.digest) == 2


def test_a_fault_pages_and_is_no_digest_line() -> None:
    found = triage([Finding("fault", ("v",), "v is missing"), DRIFT])
    assert [(line.reason, line.said) for line in found.pages] == [("fault", "v is missing")]
    assert [line.said for line in found.digest] == ["temp moved"]


def test_realised_harm_pages_once_with_its_parts() -> None:
    found = triage([DRIFT], tolerated=TOLERATED, realised=HARMED, fall=decompose(0.9, 0.88, 0.75))
    assert [line.reason for line in found.pages] == ["loss"]
    assert found.pages[0].said.startswith("Accuracy is 75.0 % over 1,000 labelled rows, below the 85.0 %")
    assert "−2.0 pp because inputs are harder, −13.0 pp because the same inputs" in found.pages[0].said
    later = Harm(3.0, True, False, 3, HARMED.loss)
    assert triage([DRIFT], tolerated=TOLERATED, realised=later).pages == ()


@pytest.mark.parametrize(
    ("band", "pages"),
    [
        (Band("accuracy", 0.70, 0.84), True),
        (Band("accuracy", 0.70, 0.86), False),
        (Band("accuracy", 0.70, 0.84, trusted=False), False),
        (Band("brier", 0.70, 0.84), False),
    ],
)
def test_an_estimate_pages_only_as_a_whole_and_if_it_can_be_trusted(band: Band, *, pages: bool) -> None:
    assert bool(triage([DRIFT], tolerated=TOLERATED, estimate=band).pages) is pages


def test_an_estimate_does_not_tell_again_what_labels_have_told() -> None:
    band, later = Band("accuracy", 0.7, 0.8), Harm(3.0, True, False, 3, HARMED.loss)
    assert triage([], tolerated=TOLERATED, realised=later, estimate=band).pages == ()


def test_losses_page_above_their_bound() -> None:
    assert triage([], tolerated=Bound("mae", 1.0, 0.5, 0.0), estimate=Band("mae", 1.6, 1.9)).pages
    assert not triage([], tolerated=Bound("mae", 1.0, 0.5, 0.0), estimate=Band("mae", 1.4, 1.9)).pages


@pytest.mark.parametrize(
    ("tolerated", "low", "said"),
    [
        (Bound("mae", 1.0, 0.5, 0.0, "€"), 1.6, "the mean absolute error is estimated between 1.60 and 1.90 €"),
        (Bound("brier", 0.1, 0.02, 0.0), 1.6, "the Brier score is estimated between 1.60 and 1.90"),
        (Bound("ndcg", -1.0, 0.05, 0.0), 1.6, "nDCG is estimated between 1.60 and 1.90"),
    ],
)
def test_an_estimate_is_told_by_the_name_and_in_the_unit_people_know(tolerated: Bound, low: float, said: str) -> None:
    (line,) = triage([], tolerated=tolerated, estimate=Band(tolerated.metric, low, 1.9)).pages
    assert f"Without labels {said}, wholly beyond the " in line.said


def test_the_digest_begins_with_what_matters_most() -> None:
    findings = [Finding("drift", (name,), name) for name in ("small", "large", "none")]
    found = triage(findings, impacts={"small": 0.1, "large": -0.4})
    assert [line.said for line in found.digest] == ["large", "small", "none"]


def test_impact_is_the_shift_of_shares_times_the_weights() -> None:
    bins = CategoryBins(("a", "b"), frozenset("ab"))
    before, now = (ColumnProfile("c", bins, np.array([0, 0, *mass])) for mass in ([50, 50, 0, 0], [80, 15, 0, 5]))
    assert impact(before, now, np.array([1.0, 2.0, 0.0, 4.0])) == pytest.approx(0.3 - 0.7 + 0.2)
    empty = ColumnProfile("c", bins, np.zeros(6, dtype=np.int64))
    assert impact(before, empty, np.ones(4)) == 0.0


def test_score_weights_are_how_far_scores_lie_from_their_mean() -> None:
    segments = (Segment("x", None, -np.inf, 1.5), Segment("x", None, 1.5, np.inf), Segment("x", rest="null"))
    counts = np.zeros((4, len(CLASSIFICATION)), dtype=np.int64)
    for row, (n, p) in enumerate([(100, 20.0), (100, 60.0), (50, 50.0)], start=1):
        counts[row, 0], counts[row, 2] = n, round(p * (1 << 24))
    bins = NumericBins(np.array([0.0, 1.0, 1.5, 3.0]), 1.0, 1.0, np.array([1.5]))
    found = score_weights(SegmentSums(segments, CLASSIFICATION, counts), "x", bins)
    assert found == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.2])
    assert score_weights(SegmentSums(segments, CLASSIFICATION, counts * 0), "x", bins) is None


def test_attribution_weights_are_mean_sizes_by_bin(explained) -> None:
    bins = NumericBins(np.array([0.0, 1.0, 2.0]), 1.0, 1.0, np.array([1.0]))
    found = attribution_weights(
        [explained({"x": 0.5}, {"x": 0.1})] * 200 + [explained({"x": 1.5}, {"x": -0.9})] * 200, "x", bins
    )
    assert found is not None
    assert found[1:3] == pytest.approx([0.1, 0.9], abs=0.02)
    assert attribution_weights([explained({"x": 0.5}, {"x": 0.1})] * 5, "x", bins) is None

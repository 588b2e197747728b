"""A hit is named after the segment that the wrong rows have in common, however sure the model is there."""

from collections.abc import Callable

import numpy as np
import pytest

from monitor.profile.segment_sums import CLASSIFICATION, Segment, residual_values
from monitor.profile.values import Bools
from monitor.segments import Residuals, Scan, ScanState

ROWS = 800
PAIRS = (*(Segment("a", value) for value in "qr"), *(Segment("b", value) for value in "vw"))


def paired(
    rng: np.random.Generator, count: int, draw: Callable[[], tuple[Bools, Bools]], turns: int, share: float
) -> Residuals:
    """Chunks of rows of which those of a=r are certain; labels turn in a=r (``turns`` 0) or in b=w (1)."""
    counts = np.zeros((count, 1 + len(PAIRS), len(CLASSIFICATION)), dtype=np.int64)
    for chunk in range(count):
        inside = draw()
        p = np.where(inside[0], 0.0005, rng.beta(1, 2, ROWS))
        y = (rng.random(ROWS) < p).astype(float)
        y = np.where(inside[turns] & (rng.random(ROWS) < share), 1 - y, y)
        for place in (1 + inside[0], 3 + inside[1]):
            np.add.at(counts[chunk], place, residual_values(p, y).T)
    return Residuals.of_counts(PAIRS, CLASSIFICATION, counts)


def names(rng: np.random.Generator, draw: Callable[[], tuple[Bools, Bools]], turns: int, share: float) -> list[Segment]:
    """What 20 hits are named after."""
    scan, named = Scan.fit(paired(rng, 60, draw, turns, 0.0)), []
    for _ in range(20):
        later = paired(rng, 1, draw, turns, share)
        _, hit = scan.advance(later, scan.read(later), 0, ScanState())
        assert hit is not None
        named.append(hit.segment)
    return named


def test_rows_that_are_never_wrong_do_not_hide_the_segment_in_which_labels_turn() -> None:
    """A tenth of the rows are certain; where labels of another segment turn, those of both surprise most."""
    rng = np.random.default_rng(13)

    def draw() -> tuple[Bools, Bools]:
        return rng.random(ROWS) < 0.1, rng.random(ROWS) < 0.15

    assert names(rng, draw, 1, 0.5).count(Segment("b", "w")) >= 19


@pytest.mark.parametrize("beside", [0.02, 0.1])
def test_rows_that_were_never_wrong_are_named_and_not_the_larger_segment_they_are_in(beside: float) -> None:
    """Labels turn where the model is certain; all of these rows are in a segment with others that it is not sure of."""
    rng = np.random.default_rng(14)

    def draw() -> tuple[Bools, Bools]:
        sure = rng.random(ROWS) < 0.1
        return sure, sure | (rng.random(ROWS) < beside)

    assert names(rng, draw, 0, 0.3).count(Segment("a", "r")) >= 19


def test_the_rest_of_a_feature_does_not_stand_out_because_sure_rows_turn() -> None:
    """What a few rows with hardly any variance do is not what all rows of the chunk share."""
    rng = np.random.default_rng(15)

    def draw() -> tuple[Bools, Bools]:
        return rng.random(ROWS) < 0.1, rng.random(ROWS) < 0.5

    scan = Scan.fit(paired(rng, 60, draw, 0, 0.0))
    z = scan.read(paired(rng, 10, draw, 0, 0.3))[:, 0]
    assert (np.abs(z[:, 1]).max(axis=1) > scan.threshold).all()
    assert (np.abs(z[:, 0]) < scan.threshold).all()

"""Accuracy before labels in small: figures on made streams, and chunks counted as the product counts them."""

import numpy as np
import pytest

from tests.benchmarks.statistics import figures
from tests.benchmarks.statistics_rows import Options, labelfree
from tests.benchmarks.streams.concepts import KINDS, concept_stream


def test_made_streams_are_made_again_and_their_meaning_changes_only_where_said():
    one, same = concept_stream("jump", 3, chunks=6), concept_stream("jump", 3, chunks=6)
    assert one.table.equals(same.table)
    assert np.array_equal(one.label, same.label)
    calm = labelfree.follow(concept_stream("covariate", 0, chunks=20))
    jumped = labelfree.follow(concept_stream("jump", 0, chunks=20))
    assert max(given.surprise for given in calm.values()) < labelfree.BENIGN**2
    assert max(given.surprise for given in jumped.values()) > labelfree.BENIGN**2


def test_labels_of_the_last_two_chunks_are_not_known():
    """An estimate of a chunk stays the same whatever the labels of it and of the chunk before are."""
    stream = concept_stream("covariate", 1, chunks=8)
    turned = stream.label.copy()
    turned[-2 * stream.chunk :] = 1 - turned[-2 * stream.chunk :]
    before = labelfree.follow(stream)
    after = labelfree.follow(type(stream)(**{**vars(stream), "label": turned}))
    assert after["accuracy"].ours == pytest.approx(before["accuracy"].ours)
    assert (after["accuracy"].realised[-2:] < before["accuracy"].realised[-2:]).all()


def test_the_row_gives_its_figures(monkeypatch):
    options = Options(seeds=(0,), scale=0.2)
    monkeypatch.setattr(Options, "streams", lambda self: [])
    said = figures(list(labelfree.measure(options)))
    assert said["labelfree_ratio_benign"] <= 1.1
    assert 0.8 <= said["band_coverage_pooled"] <= 1
    assert set(said["band_coverage"]) == set(KINDS)
    assert said["labelfree_mae_concept"]
    assert {"covariate.auc", "covariate.accuracy"} <= set(said["band_half_width"])

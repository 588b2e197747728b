"""Labelled rows as what they add to the sums of segments, so that thousands of chunks of them are summed at once.

Segments and sums are those of `monitor.profile.segment_sums`; a test holds that both count the same.
"""

from dataclasses import dataclass, replace

import numpy as np

from monitor.profile.binning import Binning
from monitor.profile.freeze import make_binning
from monitor.profile.segment_sums import CLASSIFICATION, Segment, places, residual_values, segments_of
from monitor.profile.values import Floats, Ints
from monitor.segments import Residuals
from monitor.types import Task
from tests.benchmarks.streams.stream import Stream


@dataclass(frozen=True, eq=False)
class Labelled:
    """N rows with labels.

    Attributes:
        rows: which rows of the stream they are, [N].
        segments: S of them.
        places: the segment of each feature that a row is in, [features, N].
        p: predicted probabilities, [N].
        y: labels, 0 or 1, [N].
        threshold: from which probability on the positive class is predicted.
    """

    rows: Ints
    segments: tuple[Segment, ...]
    places: Ints
    p: Floats
    y: Floats
    threshold: float

    @classmethod
    def of(cls, stream: Stream) -> "Labelled | None":
        """Return a stream's rows that have a score and a label; None if they are no probabilities."""
        if stream.label is None or "_score" not in stream.table.column_names or stream.schema.task is not Task.BINARY:
            return None
        score = stream.table["_score"].to_numpy().astype(np.float64)
        rows = np.flatnonzero(np.isfinite(stream.label) & np.isfinite(score))
        binning = stream_binning(stream)
        where = places(stream.table, stream.schema, binning)[:, rows]
        segments = segments_of(stream.schema, binning)
        return cls(rows, segments, where, score[rows], stream.label[rows], stream.schema.threshold)

    def with_labels(self, y: Floats) -> "Labelled":
        """Return the same rows with other labels."""
        return replace(self, y=y)

    @property
    def shares(self) -> Floats:
        """The share of rows in each segment, [S]."""
        found: Floats = np.bincount(self.places.ravel(), minlength=len(self.segments)) / len(self.p)
        return found

    def chunks(self, rows: Ints, group: Ints, count: int, y: Floats | None = None) -> Residuals:
        """Sum ``count`` chunks: ``rows[i]`` is in ``group[i]``; labels as they are, or as given, [len(rows)]."""
        values = residual_values(self.p[rows], self.y[rows] if y is None else y)
        width = len(self.segments) + 1
        counts = np.zeros((count, width, len(CLASSIFICATION)), dtype=np.int64)
        for place in self.places:
            index = group * width + 1 + place[rows]
            for at, value in enumerate(values):
                summed = np.bincount(index, value, count * width)
                counts[:, :, at] += np.rint(summed).astype(np.int64).reshape(count, width)
        return Residuals.of_counts(self.segments, CLASSIFICATION, counts)

    def even(self, rows: Ints, y: Floats | None = None) -> Residuals:
        """Sum M chunks of n rows, [M, n], with labels as they are or as given, [M, n]."""
        count, size = rows.shape
        group = np.repeat(np.arange(count), size)
        return self.chunks(rows.ravel(), group, count, None if y is None else y.ravel())

    def losses(self, y: Floats | None = None) -> Floats:
        """Return whether each row's decision is wrong, 0 or 1, [N]."""
        truth = self.y if y is None else y
        found: Floats = ((self.p >= self.threshold) != (truth > 0)).astype(np.float64)
        return found


def stream_binning(stream: Stream) -> Binning:
    """Return the bins that a stream's reference part gives."""
    return make_binning(stream.table.slice(0, stream.reference), stream.schema)

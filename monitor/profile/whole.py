"""All that is profiled of rows, and of rows whose truth is known: one list, for rows that come and for references."""

from collections.abc import Sequence

import pyarrow as pa

from monitor.profile.binning import Binning
from monitor.profile.build import profile, profile_outcomes
from monitor.profile.class_scores import profile_class_scores
from monitor.profile.comoments import joined, profile_comoments
from monitor.profile.placed import Placed
from monitor.profile.residuals import profile_residuals
from monitor.types import ModelSchema


def profile_rows(rows: pa.Table, schema: ModelSchema, binning: Binning, segments: Sequence[str]) -> list[pa.Table]:
    """Return the pieces of canonical rows: of each column, of columns together, and of the scores of classes."""
    placed = Placed(rows, binning, shared=joined(schema, binning))
    return [
        profile(rows, schema, binning, segments, placed),
        profile_comoments(rows, schema, binning, placed),
        profile_class_scores(rows, schema, binning),
    ]


def profile_truths(deltas: pa.Table, schema: ModelSchema, binning: Binning, segments: Sequence[str]) -> list[pa.Table]:
    """Return the pieces of predictions against labels; ``deltas`` are rows with ``_label`` and ``_sign``."""
    return [
        profile_outcomes(deltas, schema, binning, segments),
        profile_residuals(deltas, schema, binning, segments),
    ]

"""Freeze a model's bins on its reference, so that every later hour compares with it."""

import numpy as np
import pyarrow as pa

from monitor.profile.binning import (
    LATENCY,
    NEW,
    NO,
    OUTCOME,
    PREDICTION,
    SCORE,
    YES,
    Binning,
    Bins,
    CategoryBins,
    NumericBins,
)
from monitor.profile.derived import derived
from monitor.profile.edges import decile_cuts, edges_of, latency_edges, location, score_edges
from monitor.profile.ranks import category_ranks, numeric_ranks
from monitor.profile.values import Floats, codes, numbers, sizes, summary
from monitor.types import Feature, Kind, ModelSchema, Task

TOP, KNOWN = 50, 10_000
"""How many categories are counted apart, and how many are known by name."""

_UNREAD = (Kind.ID, Kind.IMAGE)


def make_binning(reference: pa.Table, schema: ModelSchema) -> Binning:
    """Freeze a model's bins on its reference.

    A column that is absent, empty or all null gets bins too: later values of it count as out of range or unseen. What
    texts are told by (`monitor.profile.text_bins`) is frozen apart: it needs texts that are kept.

    Args:
        reference: a canonical batch (see `monitor.schema`), of any number of rows; ``_label`` is used if it is there.
        schema: the model's schema.
    """
    columns: dict[str, Bins] = {feature.name: _feature_bins(reference, feature) for feature in schema.features}
    for name, (feature, figure) in derived(schema, texts=False).items():
        columns[name] = number_bins(summary(reference, feature, figure))
    if schema.task is Task.REGRESSION:
        predicted = _finite(reference, SCORE)
        columns[SCORE] = _numeric(predicted)
        truth = np.concatenate([predicted, _finite(reference, "_label")])
        center, scale = location(truth)
        columns[OUTCOME] = NumericBins(np.empty(0), center, scale)
    elif schema.task is Task.RANKING:
        columns[SCORE] = _numeric(_finite(reference, SCORE))
    else:
        edges, scores = score_edges(schema.threshold), _finite(reference, SCORE)
        columns[SCORE] = NumericBins(edges, 0.5, 0.25, ranks=numeric_ranks(scores, edges))
        columns[PREDICTION] = CategoryBins(schema.classes, frozenset(schema.classes))
    columns[LATENCY] = NumericBins(latency_edges(), 0.0, 10.0)
    columns[NEW] = CategoryBins((NO, YES), frozenset((NO, YES)))
    return Binning.of(columns)


def _feature_bins(reference: pa.Table, feature: Feature) -> Bins:
    if feature.kind in _UNREAD:
        return CategoryBins((), frozenset(), complete=False)
    if feature.kind is Kind.CATEGORICAL:
        return _category(reference, feature.name)
    return _numeric(_finite(reference, feature.name))


def _finite(reference: pa.Table, name: str) -> Floats:
    if name not in reference.column_names:
        return np.empty(0)
    return _present(sizes(reference, name))


def _present(column: pa.Array | pa.ChunkedArray) -> Floats:
    values, nulls = numbers(column)
    return values[~nulls & np.isfinite(values)]


def number_bins(column: pa.Array | pa.ChunkedArray) -> NumericBins:
    """Return the bins that the finite values of a reference's column give."""
    return _numeric(_present(column))


def _numeric(values: Floats) -> NumericBins:
    ascending = np.sort(values)
    edges = edges_of(ascending)
    return NumericBins(edges, *location(values), decile_cuts(ascending, edges), numeric_ranks(ascending, edges))


def _category(reference: pa.Table, name: str) -> CategoryBins:
    if name not in reference.column_names:
        return CategoryBins((), frozenset())
    values, which = codes(reference[name])
    rows = np.bincount(which, minlength=len(values))
    counted = [(-int(n), value) for n, value in zip(rows, values, strict=True) if value is not None]
    ordered = [value for _, value in sorted(counted)]
    ranks = category_ranks(np.array([-n for n, _ in sorted(counted)], dtype=np.int64), TOP)
    return CategoryBins(tuple(ordered[:TOP]), frozenset(ordered[:KNOWN]), len(ordered) <= KNOWN, ranks)

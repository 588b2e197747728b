"""What each row of a labelled batch adds to the counters of its outcome; the layout is in `monitor.profile.outcome`."""

from typing import TypeAlias

import numpy as np
import pyarrow as pa

from monitor.profile import fixed, ranking
from monitor.profile.binning import OUTCOME, SCORE, Binning, NumericBins
from monitor.profile.outcome import HEAD, ONE_VS_REST, UNIT, UNPREDICTED, UNUSABLE, outcome_edges
from monitor.profile.values import Bools, Floats, Ints, codes, numbers, one_array
from monitor.types import ModelSchema, Task

Entries: TypeAlias = tuple[Ints, Ints]
"""For each row (second axis) up to m counters to change (first axis), and by how much: int64 [m, n] each."""

_SURE = float(np.finfo(np.float64).eps)  # as scikit-learn clips probabilities before the logarithm


def outcome_entries(batch: pa.Table, schema: ModelSchema, binning: Binning) -> Entries:
    """Return what each row of a batch adds to the counters of its outcome.

    Args:
        batch: needs ``_label``, ``_prediction``, and for classification ``_score`` (binary) or ``_scores``, which a
            ranking may have too.
        schema: the model's schema.
        binning: the model's bins.
    """
    if schema.task is Task.REGRESSION:
        return _regression(batch, binning)
    if schema.task is Task.RANKING:
        return _ranking(batch, schema)
    return _classification(batch, schema, outcome_edges(schema, binning))


def _regression(batch: pa.Table, binning: Binning) -> Entries:
    bins = binning.columns[OUTCOME]
    assert isinstance(bins, NumericBins)  # noqa: S101 - make_binning gives every regression these
    label, no_label = numbers(batch["_label"])
    prediction, no_prediction = numbers(batch["_prediction"])
    unusable = no_label | ~np.isfinite(label)
    unpredicted = ~unusable & (no_prediction | ~np.isfinite(prediction))
    good = ~unusable & ~unpredicted
    label, prediction = np.where(good, label, bins.center), np.where(good, prediction, bins.center)
    with np.errstate(over="ignore"):
        error = fixed.fixed(prediction - label, 0.0, bins.scale)
    truth = fixed.fixed(label, bins.center, bins.scale)
    limbs = fixed.first(error) + fixed.second(error) + fixed.first(np.abs(error))
    limbs += fixed.first(truth) + fixed.second(truth)
    weights = np.stack([np.ones_like(truth), *limbs])
    weights[1:, ~good] = 0
    slots = np.repeat(np.arange(HEAD, HEAD + len(weights))[:, None], len(label), axis=1)
    slots[0] = np.select([unusable, unpredicted], [UNUSABLE, UNPREDICTED], HEAD)
    return slots, weights


def _ranking(batch: pa.Table, schema: ModelSchema) -> Entries:
    queries, ranked = ranking.judged(batch)
    sums = np.zeros((ranking.LENGTH, len(queries)), dtype=np.int64)
    for row, query in enumerate(queries):
        if query is not None:
            values = ranking.quality(query, schema.cutoff)
            irrelevant = not (query.grades > 0).any() and not len(query.missed)
            sums[:, row] = [
                *(1, irrelevant, query.candidates, len(query.grades)),
                *np.rint(values * UNIT).astype(np.int64),
            ]
    slots = np.repeat(np.arange(HEAD, HEAD + ranking.LENGTH)[:, None], len(queries), axis=1)
    good = sums[0] > 0
    slots[0] = np.select([~ranked, ~good], [UNPREDICTED, UNUSABLE], HEAD)
    sums[0] = 1
    return slots, sums


def _classification(batch: pa.Table, schema: ModelSchema, edges: Floats) -> Entries:
    k = len(schema.classes)
    label, prediction = class_codes(batch["_label"], schema), class_codes(batch["_prediction"], schema)
    fate = np.select([label < 0, prediction < 0], [UNUSABLE, UNPREDICTED], HEAD + label * k + prediction)
    p, scored = probabilities(batch, schema)
    scored &= label >= 0
    p, label = np.where(scored[:, None], p, 0.5), np.maximum(label, 0)
    truth = label[:, None] == (np.arange(1, k)[:1] if schema.task is Task.BINARY else np.arange(k))
    certain = np.clip(p, _SURE, 1 - _SURE)
    if schema.task is Task.BINARY:
        likelihood = np.where(truth, certain, 1 - certain)[:, 0]
    else:
        likelihood = certain[np.arange(len(label)), label]
    brier = np.rint(((p - truth) ** 2).sum(axis=1) * UNIT).astype(np.int64)
    log_loss = np.rint(-np.log(likelihood) * UNIT).astype(np.int64)
    bins = len(edges) - 1
    shown = min(p.shape[1], ONE_VS_REST)
    place = np.clip(np.searchsorted(edges, p[:, :shown], side="right") - 1, 0, bins - 1)
    tail = HEAD + k * k
    histogram = tail + 3 + (np.arange(shown) * 2 + truth[:, :shown]) * bins + place
    weights = np.concatenate(
        [np.ones((1, len(label)), np.int64), [scored, scored * brier, scored * log_loss], [scored] * shown]
    )
    sums = np.repeat(np.arange(tail, tail + 3)[:, None], len(label), axis=1)
    return np.concatenate([fate[None], sums, histogram.T]), weights


def class_codes(column: pa.ChunkedArray, schema: ModelSchema) -> Ints:
    """Return the place of each row's class among the schema's, −1 for none of them."""
    values, which = codes(column)
    order = {name: place for place, name in enumerate(schema.classes)}
    return np.array([order.get(value or "", -1) for value in values], dtype=np.int64)[which]


def probabilities(batch: pa.Table, schema: ModelSchema) -> tuple[Floats, Bools]:
    """Return the scores [n, 1] of a binary or [n, K] of a multiclass task, and which rows have usable ones."""
    if schema.task is Task.BINARY:
        values, nulls = numbers(batch[SCORE])
        p = values[:, None]
    else:
        scores = one_array(batch["_scores"])
        lengths, nulls = numbers(scores)
        nulls |= lengths != len(schema.classes)
        p = np.full((len(scores), len(schema.classes)), np.nan)
        p[~nulls] = numbers(scores.filter(pa.array(~nulls)).flatten())[0].reshape(-1, len(schema.classes))
    return p, ~nulls & ((p >= 0) & (p <= 1)).all(axis=1)

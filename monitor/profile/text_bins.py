"""Bins of what is told of texts by their words and characters (see `monitor.profile.texts`), frozen on a reference."""

import pyarrow as pa

from monitor.profile.binning import Binning
from monitor.profile.derived import derived
from monitor.profile.freeze import number_bins
from monitor.profile.texts import Usual, figures
from monitor.types import Kind, ModelSchema


def with_texts(binning: Binning, reference: pa.Table, schema: ModelSchema) -> Binning:
    """Return a model's bins with those of its texts' figures, under another id; the same where no text is kept.

    Args:
        binning: the bins of all other columns.
        reference: what they were frozen on.
        schema: the model's schema.
    """
    names = [each.name for each in schema.features if each.kind is Kind.TEXT and each.name in reference.column_names]
    usual = {name: Usual.of(reference[name]) for name in names if reference[name].null_count < reference.num_rows}
    if not usual:
        return binning
    told = {name: figures(reference[name], known) for name, known in usual.items()}
    bins = {
        name: number_bins(told[feature][figure])
        for name, (feature, figure) in derived(schema).items()
        if feature in usual
    }
    return Binning.of({**binning.columns, **bins}, {**binning.usual, **usual})

"""Columns that stand for what is in texts, images, embeddings and sequences: numbers, profiled like any other."""

from collections.abc import Callable, Mapping
from functools import partial

import pyarrow as pa

from monitor.profile.texts import FIGURES as OF_TEXTS
from monitor.profile.texts import Usual, figures
from monitor.profile.values import summary
from monitor.types import Kind, ModelSchema

_FIGURES = {
    Kind.TEXT: tuple(OF_TEXTS),
    Kind.IMAGE: ("size", "mean"),
    Kind.EMBEDDING: ("norm", "mean"),
    Kind.SEQUENCE: ("norm", "mean"),
}
"""What is profiled of values of these kinds, as columns ``feature.figure``; the length of texts is one by itself."""


def derived(schema: ModelSchema, *, texts: bool = True) -> dict[str, tuple[str, str]]:
    """Return the columns that stand for what is in such features: feature and figure, by name.

    Args:
        schema: of the model.
        texts: whether those of texts are among them.

    >>> from monitor.types import Feature, Task
    >>> schema = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="face", kind=Kind.EMBEDDING),))
    >>> derived(schema)
    {'face.norm': ('face', 'norm'), 'face.mean': ('face', 'mean')}
    """
    names = {feature.name for feature in schema.features}
    found = {
        f"{feature.name}.{figure}": (feature.name, figure)
        for feature in schema.features
        if texts or feature.kind is not Kind.TEXT
        for figure in _FIGURES.get(feature.kind, ())
    }
    return {name: origin for name, origin in found.items() if name not in names}


def derived_values(batch: pa.Table, feature: str, usual: Mapping[str, Usual]) -> Callable[[str], pa.Array]:
    """Return what gives a feature's figures by name, null where a row has none; a text is read once for all of its."""
    if feature not in usual:
        return partial(summary, batch, feature)
    told, none = figures(batch[feature], usual[feature]), pa.nulls(batch.num_rows, pa.float64())
    return lambda name: told.get(name, none)  # a feature may be called like a figure of another, and not be there

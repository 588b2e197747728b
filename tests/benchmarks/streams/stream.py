"""A stream: rows in order of time, what their columns are, and which of them are the reference."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from monitor.types import Feature, Kind, ModelSchema, Task

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

HOUR, DAY = 3_600_000_000, 86_400_000_000


@dataclass(frozen=True, eq=False)
class Stream:
    """N rows in order of time.

    Attributes:
        name: how figures name it.
        table: the features, and ``_score`` (the probability of the positive class, or the predicted number) if any.
        schema: kinds of the features.
        times: microseconds since the epoch, increasing, [N].
        label: 0 or 1 (or a number, for a regression), NaN where it never came, [N]; None without labels.
        reference: how many rows at the beginning are the reference.
        chunk: rows of a chunk; None: a chunk is a day.
    """

    name: str
    table: pa.Table
    schema: ModelSchema
    times: Ints
    label: Floats | None
    reference: int
    chunk: int | None

    @property
    def chunks(self) -> Ints:
        """The chunk of each row, [N], counted from 0."""
        if self.chunk is not None:
            return np.arange(len(self.times)) // self.chunk
        days = self.times // DAY
        return days - days[0]


def schema_of(name: str, kinds: dict[str, Kind], task: Task = Task.BINARY) -> ModelSchema:
    """Return a schema with features of these kinds."""
    features = tuple(Feature(name=column, kind=kind) for column, kind in kinds.items())
    return ModelSchema(model=name, task=task, classes=("no", "yes") if task is Task.BINARY else (), features=features)


def scored(table: pa.Table, kinds: dict[str, Kind], label: Floats, train: int) -> Floats:
    """Return the probabilities of a gradient-boosted model that learned from the first ``train`` rows, [N]."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns = []
    for name, kind in kinds.items():
        column = table[name]
        if kind is Kind.CATEGORICAL:
            encoded = column.combine_chunks().dictionary_encode()
            codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.float64)
            rank = np.argsort(np.argsort(-np.bincount(codes[np.isfinite(codes)].astype(np.int64))))
            column_values = np.where(np.isfinite(codes), rank[np.nan_to_num(codes).astype(np.int64)], np.nan)
        else:
            column_values = column.to_numpy().astype(np.float64)
        columns.append(column_values)
    matrix = np.column_stack(columns)
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    known = np.isfinite(label[:train])
    model.fit(matrix[:train][known], label[:train][known])
    found: Floats = model.predict_proba(matrix)[:, 1]
    return found

"""Made streams with labels: inputs that move while their meaning stays, and meanings that change.

A logistic model scores rows that a logistic truth labels; the model's slope and level are off by a constant, as a real
model's are. ``covariate``: the inputs wander. ``creep``: the truth's weight of one input wanders too. ``jump``: it
changes once, half-way. ``season``: the base rate of labels goes up and down, unseen by the inputs. ``fading``: it falls
from 40 % to 3 %.
"""

import numpy as np
import pyarrow as pa

from monitor.types import Kind
from tests.benchmarks.streams.stream import DAY, Stream, schema_of

KINDS = ("covariate", "creep", "jump", "season", "fading")
ROWS, REFERENCE = 1_500, 30


def concept_stream(kind: str, seed: int, chunks: int = 60, rows: int = ROWS, reference: int = REFERENCE) -> Stream:
    """Return a stream of so many chunks after so many of reference, named ``kind#seed``."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    weights = rng.normal(size=3)
    place = slope = 0.0
    inputs, labels, scores = [], [], []
    for at in range(-reference, chunks):
        if at >= 0:
            place = 0.9 * place + 0.25 * rng.normal()
            slope += 0.12 * rng.normal() if kind == "creep" else 0.0
            slope = 1.0 if kind == "jump" and at >= chunks // 2 else slope
        level = 0.6 * np.sin(at / 6) if kind == "season" else 0.0
        level = -4.0 * max(at, 0) / chunks if kind == "fading" else level
        x = rng.normal(size=(rows, 3)) * (1 + 0.2 * np.tanh(place)) + 0.4 * place
        truth = 1 / (1 + np.exp(-(1.2 * x @ weights - 0.7 + slope * x[:, 0] + level)))
        inputs.append(x)
        scores.append(1 / (1 + np.exp(-(0.9 * x @ weights - 0.5))))
        labels.append((rng.random(rows) < truth).astype(np.float64))
    x = np.concatenate(inputs)
    table = pa.table({f"x{column}": x[:, column] for column in range(3)})
    table = table.append_column("_score", pa.array(np.concatenate(scores)))
    times = np.arange(len(x), dtype=np.int64) * (DAY // rows)
    schema = schema_of(kind, {f"x{column}": Kind.NUMERIC for column in range(3)})
    return Stream(f"{kind}#{seed}", table, schema, times, np.concatenate(labels), reference * rows, rows)

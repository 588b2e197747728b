"""Random rows for the tests' schema (carrier, delay, seats, spare)."""

import numpy as np

from explain.columns import as_column


def make_rows(count, seed=0):
    """Return rows as lists by feature, with some nulls."""
    rng = np.random.default_rng(seed)
    rows = {
        "carrier": rng.choice(["AA", "B6", "UA"], count).tolist(),
        "delay": rng.normal(size=count).tolist(),
        "seats": rng.integers(50, 300, count).tolist(),
        "spare": rng.integers(0, 2, count).astype(bool).tolist(),
    }
    for index in range(0, count, 11):
        rows["delay"][index] = None
        rows["carrier"][(index + 5) % count] = None
    return rows


def columns(rows, schema):
    """Return rows as the columns that models read."""
    return {feature.name: as_column(rows[feature.name], feature) for feature in schema.features}

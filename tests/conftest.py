"""Fixtures that tests in several folders share: canonical batches and profiles made of plain lists."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

# Set before numpy is imported. Threads of small linear algebra wait for each other on busy processors, twenty times as
# long as one takes; the worker process, which does it in the product, has one too.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pyarrow as pa
import pytest

from monitor.profile import (
    OUTCOME,
    ColumnProfile,
    Outcome,
    make_binning,
    profile,
    profile_outcomes,
    read,
)
from monitor.profile.outcome import outcome_length
from monitor.types import Feature, Kind, ModelSchema, Task

# Programs for the environments of real model servers, which have what they import; no tests are in them.
collect_ignore_glob = ["benchmarks/served/*", "benchmarks/drift_speed_peer.py"]

# The gate tries the same examples every time; HYPOTHESIS_PROFILE=hunt looks for new ones, many more of them.
hypothesis.settings.register_profile("gate", derandomize=True, deadline=None)
hypothesis.settings.register_profile("hunt", max_examples=1_000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

NOON = datetime(2024, 3, 1, 12, 30, tzinfo=UTC)
ARROW = {
    Kind.NUMERIC: pa.float64(),
    Kind.INTEGER: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    Kind.EMBEDDING: pa.list_(pa.float64()),
    Kind.SEQUENCE: pa.list_(pa.float64()),
}


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Share the tests among workers as `tests.together` says."""
    from tests.together import Together

    return Together(config, log)


def one_feature(kind: Kind) -> ModelSchema:
    """Return a binary model with the one feature ``x``."""
    return ModelSchema(model="m", task=Task.BINARY, classes=("no", "yes"), features=(Feature(name="x", kind=kind),))


def as_canonical(rows: int, **columns: object) -> pa.Table:
    """Return a canonical batch of what the profile kernel reads, with the given columns and defaults elsewhere."""
    defaults: dict[str, object] = {
        "_version": pa.array(["1"] * rows, pa.string()),
        "_time": pa.array([NOON] * rows, pa.timestamp("us", tz="UTC")),
        "_flags": pa.array([[]] * rows, pa.list_(pa.string())),
        "_prediction": pa.nulls(rows, pa.string()),
        "_score": pa.nulls(rows, pa.float64()),
        "_scores": pa.nulls(rows, pa.list_(pa.float64())),
        "_latency_ms": pa.nulls(rows, pa.float64()),
    }
    return pa.table(defaults | columns)


@pytest.fixture(scope="session")
def canonical() -> Callable[..., pa.Table]:
    """`as_canonical`: a canonical batch from a number of rows and some columns."""
    return as_canonical


@pytest.fixture(scope="session")
def profiles() -> Callable[..., list[ColumnProfile]]:
    """A function of a kind, reference values and more lists of values; one profile for each of the lists."""

    def build(kind: Kind, reference: Sequence[object], *others: Sequence[object]) -> list[ColumnProfile]:
        schema = one_feature(kind)
        tables = [as_canonical(len(x), x=pa.array(x, ARROW.get(kind, pa.string()))) for x in (reference, *others)]
        binning = make_binning(tables[0], schema)
        blank = ColumnProfile("x", binning.columns["x"], np.zeros(binning.columns["x"].length, dtype=np.int64))
        return [read(profile(table, schema, binning), binning, schema).get("x", blank) for table in tables]

    return build


@pytest.fixture(scope="session")
def outcomes() -> Callable[..., Outcome]:
    """A function of a schema, labels, predictions and scores; their outcome. ``sign`` −1 takes labels back."""

    def build(
        schema: ModelSchema,
        label: Sequence[object],
        prediction: Sequence[object],
        scores: Sequence[object] | None = None,
        *,
        sign: int = 1,
    ) -> Outcome:
        value = pa.float64() if schema.task is Task.REGRESSION else pa.string()
        columns: dict[str, pa.Array] = {
            "_label": pa.array(label, value),
            "_prediction": pa.array(prediction, value),
            "_sign": pa.array([sign] * len(label), pa.int8()),
        }
        if schema.task is Task.BINARY and scores is not None:
            columns["_score"] = pa.array(scores, pa.float64())
        elif schema.task in (Task.MULTICLASS, Task.RANKING) and scores is not None:
            columns["_scores"] = pa.array([None if s is None else list(s) for s in scores], pa.list_(pa.float64()))
        elif schema.task is Task.REGRESSION:
            columns["_score"] = columns["_prediction"]
        batch = as_canonical(len(label), **columns)
        binning = make_binning(batch, schema)
        found = read(profile_outcomes(batch, schema, binning), binning, schema)
        return found.get(OUTCOME) or Outcome.of(
            schema, binning, np.zeros(outcome_length(schema, binning), dtype=np.int64)
        )

    return build

"""How a model is asked: in chunks that are halved when memory runs out, all classes at once."""

from collections.abc import Mapping

import numpy as np
import pytest

from explain.asking import LEAST_ROWS, Asking
from explain.explainers.shapley import Shapley
from explain.models import ModelAdapter
from monitor.errors import InvalidInput
from monitor.types import Feature, Kind, ModelSchema, Task

NAMES = ("a", "b", "c", "d")
SCHEMA = ModelSchema(
    model="m",
    task=Task.MULTICLASS,
    features=tuple(Feature(name=name, kind=Kind.NUMERIC) for name in NAMES),
    classes=("x", "y", "z"),
)


class Memory(ModelAdapter):
    """Three classes, in memory for so many rows; counts what it is asked."""

    name = "memory"
    max_rows = 1_000

    def __init__(self, room, error=None):
        self.room, self.error, self.sizes = room, error or MemoryError(), []

    @classmethod
    def load(cls, spec, schema, allowed):
        raise NotImplementedError

    @classmethod
    def fingerprint(cls, spec):
        raise NotImplementedError

    def predict(self, columns: Mapping[str, np.ndarray]):
        rows = len(columns["a"])
        self.sizes.append(rows)
        if rows > self.room:
            raise self.error
        raw = np.stack([columns["a"] * columns["b"], columns["c"], columns["d"]], axis=1)
        return np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)


def rows(count, seed=0):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=count) for name in NAMES}


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")])
def test_a_chunk_that_does_not_fit_is_halved_and_so_are_those_after_it(error):
    model = Memory(300, error)
    ask = Asking(model, 1)
    given = rows(2_100)
    np.testing.assert_array_equal(ask(given), Memory(10**6).predict(given)[:, 1])
    assert model.sizes == [1_000, 500, *[250] * 8, 100]
    assert ask.said["memory"] == "ran out 2 times, so rows were asked 250 at a time"
    ask(given)
    assert max(model.sizes[11:]) == 250


def test_without_room_for_a_few_rows_the_memory_is_said_to_be_out():
    model = Memory(0)
    with pytest.raises(MemoryError):
        Asking(model, 0)(rows(100))
    assert model.sizes[-1] == LEAST_ROWS


def test_another_error_is_no_want_of_memory():
    model = Memory(0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes"):
        Asking(model, 0)(rows(100))
    assert model.sizes == [100]


@pytest.mark.parametrize("output", [None, 3])
def test_a_class_that_the_model_lacks_is_refused(output):
    with pytest.raises(InvalidInput, match="the model answers 3 numbers per row"):
        Asking(Memory(10**6), output)(rows(2))


@pytest.mark.parametrize("budget", [100_000, 400])
def test_every_class_costs_no_row_more_and_is_what_it_is_alone(budget):
    """Exact and by walks: the class explained alone, of a model that answers only it, is the same to the bit."""
    own, usual = rows(1, 1), rows(20, 2)
    found = Shapley().explain(Asking(Memory(10**6), 1), own, usual, SCHEMA, seed=3, rows=budget)
    assert set(found.outputs) == {"x", "y", "z"}
    assert found.outputs["y"] == found.attributions
    for place, name in enumerate(SCHEMA.classes):
        alone = Shapley().explain(
            lambda columns, place=place: Memory(10**6).predict(columns)[:, place],
            own, usual, SCHEMA, seed=3, rows=budget, tolerance=0 if budget < 1_000 else 20,
        )  # fmt: skip
        if budget > 1_000:
            assert alone.quality["rows_used"] == found.quality["rows_used"]
            assert found.outputs[name] == pytest.approx(alone.attributions, abs=1e-12)

"""Stored answers belong to the numbers of their time: where these change, `explain.request.FORMAT` has to be raised."""

import numpy as np
import pytest
import threadpoolctl

from explain import request
from explain.explainers.interactions import Interactions
from explain.explainers.shapley import Shapley
from explain.request import FORMAT
from explain.service import ExplainService
from monitor.config import Config
from monitor.types import Feature, Kind, ModelSchema, Task

NAMES = tuple(f"x{place}" for place in range(14))
SCHEMA = ModelSchema(
    model="m", task=Task.REGRESSION, features=tuple(Feature(name=name, kind=Kind.NUMERIC) for name in NAMES)
)
KNOWN = {
    "format": "4",
    "pairs": (-0.49154880950777985, 0.020060736811056284),
    "pairs and walks": (-0.5061464913068306, 0.0161037275375123),
    "walks": (-0.22580103808732455, 0.08171600426259805),
    "together": (-0.12383094255508363, 0.03808256571452776),
}
"""Of each way the first input's contribution and its standard error."""


def first(method, background, rows):
    """Return what the first input contributes to a wavy function, and how sure that is."""
    rng = np.random.default_rng(4)
    row, usual = rng.normal(size=14), rng.normal(size=(background, 14))
    with threadpoolctl.threadpool_limits(1):
        found = method().explain(
            lambda asked: np.tanh(sum(asked[name] for name in NAMES)) + asked["x0"] * asked["x1"] * asked["x2"],
            {name: row[place : place + 1] for place, name in enumerate(NAMES)},
            {name: usual[:, place].copy() for place, name in enumerate(NAMES)},
            SCHEMA,
            seed=1,
            rows=rows,
        )
    return found.attributions["x0"], found.standard_errors["x0"]


@pytest.mark.parametrize(
    ("way", "method", "background", "rows"),
    [("pairs", Shapley, 1, 300), ("pairs and walks", Shapley, 1, 1_400), ("walks", Shapley, 10, 2_000),
     ("together", Interactions, 10, 20_000)],
)  # fmt: skip
def test_numbers_that_change_have_a_format_of_their_own(way, method, background, rows):
    """Golden numbers on purpose: where they must change, raise the format, and write both here."""
    assert KNOWN["format"] == FORMAT
    assert first(method, background, rows) == pytest.approx(KNOWN[way], rel=1e-6)


def test_what_was_explained_under_another_format_is_not_served(
    service, store, register, capture, reference, monkeypatch
):
    register()
    reference()
    capture()
    asked = {"method": "lime", "version": "1", "settings": {"rows": 1_000}}
    before = service.explain("flights", "r3", **asked)
    assert service.explain("flights", "r3", **asked).id == before.id
    monkeypatch.setattr(request, "FORMAT", "another")
    again = ExplainService(store, Config(), workers=service.queue.workers)
    assert again.explain("flights", "r3", **asked).id != before.id

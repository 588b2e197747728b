"""Impact weighs a column's shift by what the model makes of it: attributions, or else scores."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from wg_world import START, World, bend

from monitor.jobs.impact import METRIC, ImpactJob
from monitor.types import Explanation, Status


@pytest.fixture
def world() -> World:
    return World(rows=500, reference_days=10)


def run(world: World, day: int) -> dict:
    found = ImpactJob().run(world.context, world.model, world.window(day))
    assert {each.metric for each in found} == {METRIC}
    return {each.feature: each for each in found}


def explained(number: int, temp: float, size: float) -> Explanation:
    return Explanation(
        id=f"e{number}",
        model="flights",
        version="1",
        inference_id=f"i{number}",
        method="shap_kernel",
        output="late",
        link="identity",
        base_value=0.0,
        prediction=0.0,
        attributions={"temp": size},
        values={"temp": temp},
        quality={},
        standard_errors=None,
        seed=0,
        model_hash="",
        background_hash="",
        settings={},
        seconds=0.0,
        created=START + timedelta(seconds=number),
    )


def test_without_explanations_scores_weigh(world: World) -> None:
    world.day(0)
    world.day(1, origin=bend(lambda values: np.full(len(values), "LGA", dtype=object)))
    calm, moved = run(world, 0), run(world, 1)
    assert calm["origin"].details["basis"] == "distance of scores from their mean"
    assert abs(calm["origin"].value) < 0.01
    assert abs(moved["origin"].value) > abs(calm["origin"].value)
    assert "tail" not in calm or calm["tail"].status is Status.INSUFFICIENT


def test_rows_of_the_reference_weigh_where_it_has_no_sums_by_label(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regressions, rankings and references without labels: the rows give what their sums would."""
    world.day(0, origin=bend(lambda values: np.full(len(values), "LGA", dtype=object)))
    told = run(world, 0)
    monkeypatch.setattr(ImpactJob, "_scores", lambda *_: None)
    found = run(world, 0)
    for name in ("visib", "temp", "origin"):
        assert found[name].details["basis"] == "distance of scores from their mean"
        assert found[name].value == pytest.approx(told[name].value, abs=1e-6)
    assert abs(found["origin"].value) > 0


def test_attributions_weigh_where_there_are_enough(world: World) -> None:
    for number, temp in enumerate(np.linspace(30, 90, 200)):
        world.store.explanations.put(explained(number, float(temp), 0.5 if temp > 60 else 0.1))
    world.day(0, temp=bend(lambda values: np.abs(values - 60) + 60))
    found = run(world, 0)
    assert found["temp"].details["basis"] == "mean size of attributions"
    assert found["temp"].value == pytest.approx(0.5 * 0.4, rel=0.35)
    assert found["visib"].details["basis"] == "distance of scores from their mean"


def test_without_either_it_says_so() -> None:
    bare = World(rows=300, reference_days=3)
    pieces = bare.store.profiles.reference("flights", "1", segment=None)
    bare.store.profiles.replace_reference("flights", "1", pieces.filter(pieces["column"].to_numpy() != "_segments"))
    (version,) = bare.store.catalog.versions("flights")
    rows = bare.store.catalog.reference("flights", "1")
    place = rows.schema.get_field_index("_score")
    bare.store.catalog.put_reference(
        "flights", "1", rows.set_column(place, "_score", pa.nulls(len(rows), pa.float64())), version.reference
    )
    bare.day(0)
    found = run(bare, 0)
    assert {each.status for each in found.values()} == {Status.INSUFFICIENT}

"""What every job promises: same profiles, same measurements; right names; and no column, however odd, that stops it."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "monitor" / "worlds"))

from wg_world import SCHEMA, World, bend

import monitor.jobs
from monitor.jobs import Job
from monitor.plugins import plugins
from monitor.schema import check_name
from monitor.types import Measurement, Status

JOBS = plugins(monitor.jobs, Job)  # type: ignore[type-abstract] # the base is what is searched by
WATCHED = replace(SCHEMA, features=tuple(replace(each, protected=each.name == "origin") for each in SCHEMA.features))
MEASURING = [name for name, job in JOBS.items() if job.windows == 1]
ODD = {
    "all null": lambda values: pa.nulls(len(values), pa.float64()),
    "constant": bend(lambda values: np.full(len(values), 5.0)),
    "all different": bend(lambda values: np.arange(len(values)) * 1e6),
    "all NaN": bend(lambda values: np.full(len(values), np.nan)),
    "infinite": bend(lambda values: np.full(len(values), np.inf)),
    "huge": bend(lambda values: np.full(len(values), 1e308)),
}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One ordinary day, one of another version, and one a column is odd on for each kind of odd."""
    world = World(rows=150, dial=1.0, schema=WATCHED)
    world.label(world.day(0))
    world.day(1, version="2")
    for number, odd in enumerate(ODD.values()):
        world.label(world.day(2 + number, temp=odd))
    yield world
    world.store.close()


def run(world: World, name: str, day: int) -> list[Measurement]:
    return JOBS[name]().run(world.context, world.model, world.window(day))


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_a_name_and_is_made_without_arguments(name: str) -> None:
    assert check_name("job", name) == name
    assert JOBS[name]().windows >= 1
    assert JOBS[name].__doc__


@pytest.mark.parametrize("name", MEASURING)
def test_measurements_belong_to_the_window_and_are_there_once(world: World, name: str) -> None:
    found = run(world, name, 0)
    assert found
    keys = [(each.version, each.metric, each.feature, each.segment) for each in found]
    assert len(keys) == len(set(keys))
    assert {(each.model, each.window) for each in found} == {(world.model.name, world.window(0))}
    assert all(each.metric.startswith(f"{name}.") for each in found)


@pytest.mark.parametrize("name", MEASURING)
def test_the_same_profiles_give_the_same_measurements(world: World, name: str) -> None:
    assert run(world, name, 0) == run(world, name, 0)


@pytest.mark.parametrize("name", MEASURING)
def test_values_are_finite_or_absent_and_details_can_be_stored(world: World, name: str) -> None:
    for day in range(2 + len(ODD)):
        found = run(world, name, day)
        for each in found:
            assert each.value is None or np.isfinite(each.value)
            assert each.value is not None or each.status is Status.INSUFFICIENT
            numbers = [value for value in each.details.values() if isinstance(value, float)]
            assert all(np.isfinite(number) for number in numbers), each
        world.store.measurements.put(found)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", MEASURING)
def test_an_odd_column_changes_nothing_about_the_others(world: World, name: str, odd: str) -> None:
    day = 2 + list(ODD).index(odd)
    found = {(each.metric, each.feature) for each in run(world, name, day) if each.feature != "temp"}
    assert found == {(each.metric, each.feature) for each in run(world, name, 0) if each.feature != "temp"}


@pytest.mark.parametrize("name", MEASURING)
def test_a_window_without_rows_and_a_model_without_reference_are_no_errors(world: World, name: str) -> None:
    assert all(each.rows == 0 for each in run(world, name, 300))
    bare = World(reference_days=0, dial=1.0)
    bare.day(0)
    assert JOBS[name]().run(bare.context, bare.model, bare.window(0)) == []

"""Drift that no column shows: kept in profiles, told by the detection job, and by a classifier on a few rows."""

import tracemalloc
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from wg_world import SCHEMA, START, World

from monitor.alerts.actions import rebaseline
from monitor.alerts.incidents import DETECTOR
from monitor.detection.embedding import Directions
from monitor.jobs.bags import bags
from monitor.jobs.classifier import METRIC, ClassifierJob, placed
from monitor.jobs.detection import DetectionJob
from monitor.jobs.history import try_dials
from monitor.profile.comoments import JOINT
from monitor.types import Alert, AlertState, Feature, Kind, Status


class Tied(World):
    """A world in which visibility follows temperature, until a test lets go of it."""

    tied = True

    def _batch(self, day: int, rows: int, bent: dict, version: str) -> pa.Table:  # type: ignore[override]
        temp = np.random.default_rng(abs(77_000 + day)).normal(60, 12, rows)
        noise = np.random.default_rng(abs(88_000 + day)).normal(0, 9, rows)
        visib = temp + noise
        if not self.tied:
            visib = np.random.default_rng(abs(99_000 + day)).permutation(visib)
        return super()._batch(day, rows, {"temp": temp, "visib": visib, **bent}, version)


@pytest.fixture
def world() -> Iterator[Tied]:
    world = Tied(rows=200, reference_days=35, dial=1.0)
    yield world
    world.store.close()


def play(world: Tied, days: range, untied: int = 1000) -> None:
    scheduler = world.scheduler(jobs=[ClassifierJob(), DetectionJob()])
    for day in days:
        world.tied = day < untied
        world.day(day)
        world.advance(day + 1)
        assert scheduler.tick().failures == 0


def told(world: World) -> list[Alert]:
    return sorted((a for a in world.store.alerts.query() if a.rule == DETECTOR), key=lambda alert: alert.since)


def measured(world: World, metric: str, day: int, feature: str | None = None):
    return world.store.measurements.query(
        "flights",
        metric=metric,
        feature=feature,
        start=START + timedelta(days=day),
        end=START + timedelta(days=day + 1),
    )


def test_columns_dealt_to_other_rows_are_told_with_the_pair_in_plain_words(world: Tied) -> None:
    play(world, range(7), untied=4)
    (alert,) = told(world)
    assert START + timedelta(days=4) <= alert.since <= START + timedelta(days=6)
    assert alert.severity.value == "warning"
    assert {"Temperature", "Visibility"} == set(alert.title.split(" no longer")[0].split(" and "))
    assert "rank correlation" in alert.title
    (found,) = measured(world, "detection.evidence", 6, JOINT)
    assert found.status is Status.BREACH
    assert {found.details["column"], found.details["other"]} == {"temp", "visib"}
    assert found.details["reference_correlation"] > 0.7
    assert abs(found.details["correlation"]) < 0.3


def test_calm_days_are_told_of_by_neither_and_both_are_measured(world: Tied) -> None:
    play(world, range(6))
    assert told(world) == []
    (pairs,) = measured(world, "detection.evidence", 5, JOINT)
    (apart,) = measured(world, METRIC, 5)
    assert 0 <= pairs.value < 1
    assert apart.value == pytest.approx(0.5, abs=0.12)
    assert pairs.details["z_classifier"] == apart.details["z"]
    assert apart.details["reference_windows"] == 30


def test_a_classifier_names_the_columns_that_it_goes_by(world: Tied) -> None:
    play(world, range(3), untied=1)
    (apart,) = measured(world, METRIC, 2)
    assert apart.details["z"] > 2
    assert set(str(apart.details["columns"]).split(", ")[:2]) == {"temp", "visib"}


def test_a_trial_plays_what_was_measured_of_both(world: Tied) -> None:
    play(world, range(8), untied=4)
    trial = try_dials(world.context, world.model, [1.0], world.clock.now())[1.0]
    assert [(alert.since, alert.title) for alert in trial.alerts] == [(a.since, a.title) for a in told(world)]


def test_rebaselining_takes_the_new_way_of_going_together_for_normal(world: Tied) -> None:
    play(world, range(7), untied=4)
    (alert,) = told(world)
    over = rebaseline(world.store, alert, world.clock.now())
    assert over.state is AlertState.RESOLVED
    play(world, range(7, 14), untied=4)
    assert [each.id for each in told(world)] == [alert.id], "nothing new is told"


def test_a_reference_of_few_days_says_why_there_is_no_test() -> None:
    world = Tied(rows=200, reference_days=4, dial=1.0)
    play(world, range(1))
    (apart,) = measured(world, METRIC, 0)
    assert (apart.status, apart.value) == (Status.INSUFFICIENT, None)
    assert "fewer than 8 windows" in apart.details["reason"]
    world.store.close()


def test_an_embedding_that_turns_is_told_apart_though_its_figures_stay() -> None:
    """Rotated vectors have the same norms, and numbers of the same law."""
    schema = type(SCHEMA)(
        model="flights",
        task=SCHEMA.task,
        classes=SCHEMA.classes,
        features=(*SCHEMA.features, Feature(name="face", kind=Kind.EMBEDDING)),
    )
    scales = np.linspace(3, 0.3, 12)

    def faces(day: int, turned: bool) -> pa.Array:
        found = np.random.default_rng(abs(500 + day)).normal(size=(200, 12)) * scales
        return pa.array((found[:, ::-1] if turned else found).tolist())

    class Faces(World):
        turned = False

        def _batch(self, day: int, rows: int, bent: dict, version: str) -> pa.Table:  # type: ignore[override]
            return super()._batch(day, rows, {"face": faces(day, self.turned), **bent}, version)

    world = Faces(rows=200, reference_days=12, dial=1.0, schema=schema)
    job = ClassifierJob()
    world.day(0)
    world.turned = True
    world.day(1)
    (calm,), (apart,) = (job.run(world.context, world.model, world.window(day)) for day in (0, 1))
    assert abs(calm.details["z"]) < 3
    assert apart.details["z"] > 3
    assert apart.details["columns"].startswith("face")
    world.store.close()


def test_what_texts_take_in_memory_does_not_grow_with_the_reference() -> None:
    rng = np.random.default_rng(0)
    texts = pa.chunked_array([[" ".join(rng.choice(list("abcdefghij"), 5)) for _ in range(20_000)]])
    directions = Directions.fit(bags(texts.slice(0, 1_000)))
    assert directions is not None
    tracemalloc.start()
    try:
        found = placed(texts, directions)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert np.array_equal(found, directions.ranks(bags(texts)))
    assert peak < 60e6, f"{peak / 1e6:.0f} MB for 20,000 texts of 256 counters"


def test_texts_of_another_subject_are_told_apart_though_each_word_is_usual() -> None:
    """Two subjects of the reference's three, in texts as long as before: no figure of a text shows it."""
    schema = type(SCHEMA)(
        model="flights",
        task=SCHEMA.task,
        classes=SCHEMA.classes,
        features=(*SCHEMA.features, Feature(name="note", kind=Kind.TEXT)),
    )
    subjects = [[f"{letter}{number}" for number in range(10)] for letter in "abc"]

    def notes(day: int, subject: int) -> list[str]:
        rng = np.random.default_rng(abs(700 + day))
        return [" ".join(rng.choice(subjects[rng.integers(subject)], 8)) for _ in range(200)]

    class Notes(World):
        subjects = 3

        def _batch(self, day: int, rows: int, bent: dict, version: str) -> pa.Table:  # type: ignore[override]
            return super()._batch(day, rows, {"note": notes(day, self.subjects), **bent}, version)

    world = Notes(rows=200, reference_days=12, dial=1.0, schema=schema)
    job = ClassifierJob()
    world.day(0)
    world.subjects = 2
    world.day(1)
    (calm,), (apart,) = (job.run(world.context, world.model, world.window(day)) for day in (0, 1))
    assert abs(calm.details["z"]) < 3
    assert apart.details["z"] > 3
    assert apart.details["columns"].startswith("note")
    world.store.close()

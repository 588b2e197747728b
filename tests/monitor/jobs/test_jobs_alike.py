"""What is said of a column that differs by weekday: how far it lies from such days, not from the whole reference."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from monitor.alerts.said import sentence
from monitor.detection import Chunk, Detector
from monitor.jobs.alike import alike
from monitor.types import Feature, Kind, Measurement, Model, ModelSchema, Settings, Task, Window

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS, DAYS = 200, 56
SUNDAY = MONDAY + (DAYS + 6) * DAY
FEATURE = Feature(name="x", kind=Kind.NUMERIC, title="Load", unit="MW")
SCHEMA = ModelSchema(model="m", task=Task.REGRESSION, features=(FEATURE,))
MODEL = Model(name="m", schema=SCHEMA, settings=Settings(), created=MONDAY)


def told(profiles, kind, days, now, start=SUNDAY):
    """Return what a window is compared with, where the reference is days from a Monday on."""
    whole, current, *found = profiles(kind, np.concatenate(days).tolist(), list(now), *map(list, days))
    chunks = [Chunk(MONDAY + at * DAY, {"x": each}) for at, each in enumerate(found)]
    return alike(Detector.fit(chunks, length=DAY), "x", start, current, whole)


def loads(rng, day, sunday=-8.0):
    return rng.normal(30 + (sunday if day % 7 == 6 else 0) + rng.normal(0, 0.2), 2, ROWS)


def test_a_sunday_like_a_working_day_is_far_above_sundays(profiles):
    rng = np.random.default_rng(0)
    days = [loads(rng, day) for day in range(DAYS)]
    found = told(profiles, Kind.NUMERIC, days, loads(rng, 0))
    assert found["alike"] == "on this weekday"
    assert found["alike_mean"] == pytest.approx(22, abs=0.4), "the mean of Sundays"
    assert found["alike_shift"] > 1.5
    on_monday = told(profiles, Kind.NUMERIC, days, loads(rng, 0), start=SUNDAY + DAY)
    assert abs(on_monday["alike_shift"]) < 0.3


def test_a_category_is_held_against_its_own_weekday(profiles):
    rng = np.random.default_rng(1)
    days = [rng.choice(["a", "b"], ROWS, p=[0.2, 0.8] if day % 7 == 6 else [0.9, 0.1]).tolist() for day in range(DAYS)]
    found = told(profiles, Kind.CATEGORICAL, days, ["a"] * 100 + ["b"] * 100)
    assert found["alike_category"] in ("a", "b")
    assert found["alike_share"] == pytest.approx(0.2 if found["alike_category"] == "a" else 0.8, abs=0.07)
    assert found["alike_current"] == 0.5


def test_where_weekdays_do_not_differ_nothing_is_added(profiles):
    rng = np.random.default_rng(2)
    assert told(profiles, Kind.NUMERIC, [loads(rng, day, 0.0) for day in range(DAYS)], loads(rng, 0)) == {}


def measured(metric, value, **details):
    window = Window(SUNDAY, SUNDAY + DAY)
    return Measurement(
        model="m", version="1", metric=metric, feature="x", window=window, value=value, rows=ROWS, details=details
    )


def test_the_sentence_names_the_weekday_where_it_matters():
    about = {"current_mean": 30.0, "reference_mean": 28.9, "alike": "on this weekday", "alike_mean": 22.0}
    shift = measured("detection.shift", 0.3)
    far = measured("detection.evidence", 2.0, **about, alike_shift=2.1)
    assert sentence(MODEL, "x", [far, shift]) == (
        "Load is 2.1 sd higher than in the reference on this weekday (mean 30.0 MW, expected 22.0 MW)"
    )
    same = measured("detection.evidence", 2.0, **about, alike_shift=0.31)
    assert sentence(MODEL, "x", [same, shift]) == (
        "Load is 0.30 sd higher than in the reference (mean 30.0 MW, reference 28.9 MW)"
    )
    moved = {"alike": "on this weekday", "alike_category": "b", "alike_share": 0.8, "alike_current": 0.5}
    assert sentence(MODEL, "x", [measured("detection.evidence", 2.0, **moved)]) == (
        "Load is distributed otherwise (b: 50.0 % of rows, expected on this weekday 80.0 % (−30.0 pp))"
    )

"""A detector on real profiles: what it finds, what it remembers, and what it never tells twice."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from monitor.detection import Chunk, Detector, State, rebaseline, snooze, stack
from monitor.errors import InvalidInput
from monitor.profile import make_binning
from monitor.profile.build import profile, read
from monitor.profile.column import ColumnProfile
from monitor.profile.comoments import comoments, rank_codes
from monitor.types import Feature, Kind, ModelSchema, Task

KINDS = {"x": Kind.NUMERIC, "y": Kind.NUMERIC, "hour": Kind.INTEGER, "city": Kind.CATEGORICAL}
SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    classes=("no", "yes"),
    features=tuple(Feature(name=name, kind=kind) for name, kind in KINDS.items()),
)
START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS, DAYS = 500, 40


def rows(seed, **changes):
    """Return one day of canonical rows; y follows x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=ROWS)
    made = {
        "x": x,
        "y": x + rng.normal(size=ROWS),
        "hour": rng.integers(9, 13, ROWS).astype(float),
        "city": rng.choice(["paris", "rome", "oslo"], ROWS, p=[0.5, 0.3, 0.2]),
    }
    made |= {name: change(made[name]) for name, change in changes.items()}
    score = rng.random(ROWS)
    return pa.table(
        made
        | {
            "_version": ["1"] * ROWS,
            "_time": pa.array([START] * ROWS, pa.timestamp("us", tz="UTC")),
            "_score": score,
            "_prediction": np.where(score > 0.5, "yes", "no"),
            "_latency_ms": np.ones(ROWS),
        }
    )


REFERENCE = [rows(day) for day in range(DAYS)]
BINNING = make_binning(pa.concat_tables(REFERENCE), SCHEMA)


def profiles(table):
    found = read(profile(table, SCHEMA, BINNING), BINNING, SCHEMA)
    return {name: found[name] for name in (*KINDS, "_score") if isinstance(found[name], ColumnProfile)}


WHOLE = profiles(pa.concat_tables(REFERENCE))
CODES = {name: rank_codes(WHOLE[name]) for name in KINDS}


def chunk(table, day):
    return Chunk(START + timedelta(days=day), profiles(table), comoments(table, BINNING, CODES))


@pytest.fixture(scope="module")
def detector():
    return Detector.fit([chunk(table, day) for day, table in enumerate(REFERENCE)])


def run(detector, changes, days=4, state=None):
    """Return the detections of some days with these changes."""
    state, found = state or detector.start(), []
    for day in range(days):
        state, told = detector.step(state, chunk(rows(1000 + day, **changes), DAYS + day))
        found.append(told)
    return state, found


def test_nothing_is_told_of_traffic_like_the_reference(detector):
    assert run(detector, {}, days=20)[1] == [None] * 20
    assert detector.calibrated


@pytest.mark.parametrize(
    ("column", "fault", "change"),
    [
        ("x", "nulls", lambda values: np.where(np.arange(ROWS) % 5, values, np.nan)),
        ("x", "range", lambda values: values * 1000),
        ("hour", "displaced", lambda values: values * 1000),
        ("y", "constant", lambda values: np.zeros(ROWS)),
        ("city", "unseen", lambda values: np.where(values == "oslo", "Oslo", values)),
        ("city", "nulls", lambda values: np.full(ROWS, None)),
        ("y", "non_finite", lambda values: np.where(np.arange(ROWS) % 5, values, np.inf)),
    ],
)
def test_a_hard_fault_is_told_in_its_first_chunk_with_its_column_and_name(detector, column, fault, change):
    def changed(values):
        made = change(values)
        return pa.array(made, from_pandas=fault == "nulls") if column != "city" else pa.array(made, pa.string())

    _, found = run(detector, {column: changed}, days=1)
    assert found[0].kind == "fault"
    assert found[0].columns == (column,)
    assert fault in found[0].faults[column]


@pytest.mark.parametrize(
    ("column", "channel", "change"),
    [
        ("x", "up", lambda values: values + 0.3),
        ("y", "down", lambda values: values - 0.5),
        ("hour", "up", lambda values: values + 0.4 * (values < 12)),
        ("city", "up", lambda values: np.where((values == "oslo") & (np.arange(ROWS) % 2 == 0), "rome", values)),
    ],
)
def test_a_shift_is_told_within_three_chunks_with_its_column_and_direction(detector, column, channel, change):
    _, found = run(detector, {column: change}, days=3)
    told = next(each for each in found if each is not None)
    assert (told.kind, told.columns, told.channels[column]) == ("drift", (column,), channel)
    assert told.evidence >= 1


def test_a_column_dealt_to_other_rows_is_told_though_its_own_profile_is_the_same(detector):
    _, found = run(detector, {"y": lambda values: np.random.default_rng(0).permutation(values)}, days=3)
    told = next(each for each in found if each is not None)
    assert told.kind == "joint"
    assert told.columns[0] in ("x", "y")


def test_one_drift_is_one_incident_until_the_owner_accepts_it(detector):
    shift = {"x": lambda values: values + 0.5}
    state, found = run(detector, shift, days=25)
    assert sum(each is not None for each in found) == 1
    state = rebaseline(state, ["x"])
    assert not state.open
    assert sum(each is not None for each in run(detector, shift, days=4, state=state)[1]) == 1


def test_an_incident_is_over_after_a_calm_week_and_is_told_again_when_it_comes_again(detector):
    shift = {"x": lambda values: values + 0.5}
    state, _ = run(detector, shift, days=4)
    state, calm = run(detector, {}, days=9, state=state)
    assert calm == [None] * 9
    assert not state.open
    assert any(run(detector, shift, days=3, state=state)[1])


def test_a_fault_in_another_column_is_told_while_an_incident_is_open(detector):
    state, _ = run(detector, {"x": lambda values: values + 0.5}, days=4)
    _, found = run(detector, {"x": lambda values: values + 0.5, "y": lambda values: values * 1000}, 1, state)
    assert found[0].columns == ("y",)


def test_a_snoozed_incident_stays_silent_until_then(detector):
    shift = {"x": lambda values: values + 0.5}
    state, _ = run(detector, shift, days=3)
    state = snooze(state, ["x"], START + timedelta(days=DAYS + 3))
    state, _ = run(detector, shift, days=3, state=state)
    assert state.silent == {"x"}
    state, _ = detector.step(state, chunk(rows(1, **shift), DAYS + 3))
    assert not state.silent


def test_a_state_kept_as_json_goes_on_as_if_it_had_stayed_in_memory(detector):
    kept, gone = detector.start(), detector.start()
    for day in range(6):
        given = chunk(rows(2000 + day, x=lambda values: values + 0.15), DAYS + day)
        kept, told = detector.step(kept, given)
        gone, again = detector.step(State.from_json(json.loads(json.dumps(gone.to_json()))), given)
        assert told == again
        assert kept.to_json() == gone.to_json()


def test_chunks_read_together_say_what_each_says_alone(detector):
    chunks = [chunk(rows(3000 + day), DAYS + day) for day in range(5)]
    together = detector.read(stack(chunks))
    for at, each in enumerate(chunks):
        alone = detector.read(stack([each]))
        np.testing.assert_allclose(together.z[at], alone.z[0], atol=1e-9)
        np.testing.assert_array_equal(together.faults[at], alone.faults[0])


def test_the_order_of_columns_changes_nothing(detector):
    other = Detector.fit(
        [
            Chunk(each.start, dict(reversed(each.profiles.items())), each.comoments)
            for each in (chunk(table, day) for day, table in enumerate(REFERENCE))
        ]
    )
    shift = {"x": lambda values: values + 0.3}
    assert run(detector, shift)[1] == run(other, shift)[1]


def test_the_dial_moves_the_threshold_and_not_the_laws(detector):
    assert detector.with_dial(3).threshold < detector.threshold < detector.with_dial(0.5).threshold
    assert detector.with_dial(3).laws is detector.laws


def test_few_chunks_work_and_say_that_they_are_not_calibrated():
    for count in (1, 2, 5):
        few = Detector.fit([chunk(table, day) for day, table in enumerate(REFERENCE[:count])])
        assert not few.calibrated
        assert run(few, {}, days=3)[1] == [None] * 3
        assert run(few, {"x": lambda values: values * 1000}, days=1)[1][0].columns == ("x",)


def test_a_column_that_is_not_there_or_has_few_rows_says_nothing(detector):
    whole = chunk(rows(1), DAYS)
    part = Chunk(whole.start, {name: each for name, each in whole.profiles.items() if name != "x"})
    assert np.isnan(detector.read(stack([part])).z[0, 0]).all()
    few = Chunk(whole.start, profiles(rows(1).slice(0, 5)))
    assert np.isnan(detector.read(stack([few])).z[0, 0, :3]).all()


def test_chunks_in_other_bins_are_refused_in_words(detector):
    other = make_binning(rows(1, city=lambda values: [f"c{at % 9}" for at in range(ROWS)]), SCHEMA)
    found = read(profile(rows(1), SCHEMA, other), other, SCHEMA)["city"]
    with pytest.raises(ValueError, match="profile the chunk again"):
        detector.step(detector.start(), Chunk(START, {"city": found}))


def test_a_state_of_other_columns_goes_on_with_those_there_are(detector):
    state, _ = detector.step(State({}), chunk(rows(1), DAYS))
    assert state.to_json() == detector.step(detector.start(), chunk(rows(1), DAYS))[0].to_json()


def test_what_cannot_be_used_is_refused_in_words():
    with pytest.raises(InvalidInput, match="at least one"):
        Detector.fit([])
    with pytest.raises(InvalidInput, match="dial is 0"):
        Detector.fit([chunk(REFERENCE[0], 0)], dial=0)

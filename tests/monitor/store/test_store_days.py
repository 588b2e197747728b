"""Days of profiles: the same sums as by the hour, whatever was moved when, for every window, and bounded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.profile.pieces import PIECES, merge
from monitor.store import Store
from monitor.types import Window

START = datetime(2013, 5, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUMS = ["version", "segment", "column", "binning"]


def cells(hours: list[int], seed: int) -> pa.Table:
    """Pieces of two columns and two versions in some hours after `START`, with counts and extremes of their own."""
    rng = np.random.default_rng(seed)
    rows = []
    for hour in hours:
        for column, length in (("a", 5), ("b", 3)):
            low = float(rng.normal())
            rows.append(
                {
                    "version": str(rng.integers(1, 3)),
                    "segment": "all",
                    "hour": START + hour * HOUR,
                    "column": column,
                    "binning": "x",
                    "counts": rng.integers(-2, 1 << 40, length).tolist(),
                    "minimum": low,
                    "maximum": low + 1,
                }
            )
    return pa.Table.from_pylist(rows, schema=PIECES)


def digest(pieces: pa.Table) -> list[dict]:
    return merge(pieces, SUMS).to_pylist()


hours = st.lists(st.integers(0, 6 * 24 - 1), min_size=1, max_size=12)
steps = st.lists(st.one_of(st.tuples(st.just("add"), hours), st.tuples(st.just("roll"), st.integers(0, 7 * 24))))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps, ends=st.tuples(st.integers(-3, 150), st.integers(-3, 150)), seed=st.integers(0, 2**31))
def test_what_is_moved_when_never_changes_any_window(steps: list, ends: tuple[int, int], seed: int) -> None:
    """Late pieces are added to their days, once: days and hours read as the pieces themselves would."""
    window = Window(START + min(ends) * HOUR, START + (max(ends) + 1) * HOUR)
    every = PIECES.empty_table()
    with Store.open(":memory:") as store:
        for number, (what, detail) in enumerate([*steps, ("roll", 100)]):
            if what == "add":
                part = cells(detail, seed + number)
                store.profiles.append("m", part, number)
                every = pa.concat_tables([every, part])
            else:
                while store.profiles.roll_up("m", START + detail * HOUR):
                    pass
        inside = every.filter(
            (pa.compute.field("hour") >= pa.scalar(window.start)) & (pa.compute.field("hour") < pa.scalar(window.end))
        )
        for apart in (False, True):
            assert digest(store.profiles.pieces("m", window, hours=apart)) == digest(inside)
            assert digest(store.profiles.pieces("m", hours=apart)) == digest(every)
        assert merge(store.profiles.pieces("m", window, hours=True)).equals(merge(inside))
        assert all(store.profiles.days_equal_hours("m"))


def test_a_closed_day_is_one_piece_a_column_and_version() -> None:
    with Store.open(":memory:") as store:
        store.profiles.append("m", cells(list(range(72)), 1), 1)
        assert store.profiles.roll_up("m", START + 2 * DAY + HOUR) == 96
        read = store.profiles.pieces("m", Window(START, START + 2 * DAY))
        assert read.num_rows <= 2 * 2 * 2
        assert set(read["hour"].to_pylist()) == {START, START + DAY}
        assert store.profiles.roll_up("m", START + 2 * DAY + HOUR) == 0


@pytest.mark.parametrize("columns", [["a"], ["b", "a"], ["nosuch", "b"], ["nosuch"], []])
def test_only_the_columns_that_are_asked_for_are_read(columns: list[str]) -> None:
    with Store.open(":memory:") as store:
        store.profiles.append("m", cells(list(range(40)), 1), 1)
        store.profiles.roll_up("m", START + DAY)
        window = Window(START, START + 2 * DAY)
        every = store.profiles.pieces("m", window).to_pylist()
        found = store.profiles.pieces("m", window, columns=columns).to_pylist()
    assert found == [row for row in every if row["column"] in columns]
    assert {row["column"] for row in found} == {"a", "b"} & set(columns)


def test_a_kill_between_the_steps_of_a_move_leaves_everything_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moving is one transaction: it fails at each of its statements in turn, and nothing is lost or doubled."""
    with Store.open(tmp_path / "a.db") as store:
        store.profiles.append("m", cells(list(range(48)), 1), 1)
        store.profiles.roll_up("m", START + DAY)
        store.profiles.append("m", cells([3, 30], 2), 2)  # one late, one in its time
        before = digest(store.profiles.pieces("m"))
        real, failing = store.database.write, 0

        def fails(statement: str, *arguments: object, **more: object) -> None:
            nonlocal failing
            if statement.startswith(("DELETE", "INSERT")):
                failing -= 1
                if failing == 0:
                    raise KeyboardInterrupt
            real(statement, *arguments, **more)

        with monkeypatch.context() as patched:
            patched.setattr(store.database, "write", fails)
            for failed in range(1, 4):
                failing = failed
                with pytest.raises(KeyboardInterrupt):
                    store.profiles.roll_up("m", START + 2 * DAY)
                assert digest(store.profiles.pieces("m")) == before
        assert store.profiles.roll_up("m", START + 2 * DAY) > 0
        assert digest(store.profiles.pieces("m")) == before
    with Store.open(tmp_path / "a.db") as store:
        assert digest(store.profiles.pieces("m")) == before


def test_what_is_kept_is_bounded_and_what_goes_is_counted() -> None:
    """Beyond the hours a day belongs to the window its midnight is in, so that windows still share out all rows."""
    with Store.open(":memory:") as store:
        store.profiles.append("m", cells(list(range(10 * 24)), 1), 1)
        store.profiles.roll_up("m", START + 10 * DAY)
        every = digest(store.profiles.pieces("m"))
        assert store.profiles.expire("m", START + 99 * DAY, hourly_days=3, daily_days=99) == 7 * 48
        spans = store.profiles.spans("m")
        assert (spans.hours_from, spans.days_from, spans.hours_gone) == (START + 7 * DAY, None, 336)
        assert digest(store.profiles.pieces("m")) == digest(store.profiles.pieces("m", hours=True)) == every
        half = timedelta(hours=12)
        parts = [store.profiles.pieces("m", Window(START + n * half, START + (n + 1) * half)) for n in range(20)]
        assert digest(pa.concat_tables(parts)) == every
        assert parts[1].num_rows == 0 < parts[17].num_rows
        store.profiles.append("m", cells([5], 2), 2)  # so late that its hours are gone: its day has it
        assert store.profiles.roll_up("m", START + 10 * DAY) == 2
        assert merge(store.profiles.pieces("m", hours=True)).num_rows == 3 * 48 + len(
            {(row["version"], row["hour"], row["column"]) for row in store.profiles.pieces("m").to_pylist()}
        ) - len(
            {
                (row["version"], row["hour"], row["column"])
                for row in store.profiles.pieces("m").to_pylist()
                if row["hour"] >= START + 7 * DAY
            }
        )
        assert store.profiles.expire("m", START + 99 * DAY, hourly_days=3, daily_days=5) > 0
        assert store.profiles.spans("m").days_from == START + 5 * DAY
        assert min(store.profiles.pieces("m")["hour"].to_pylist()) == START + 5 * DAY
        assert store.profiles.expire("m", START + 99 * DAY, hourly_days=3, daily_days=5) == 0


def test_history_of_long_ago_is_kept_and_a_time_to_come_lets_nothing_go() -> None:
    """Age counts from the newest closed day, not from today; a wrong clock of a sender does no harm."""
    with Store.open(":memory:") as store:
        store.profiles.append("m", cells([1, 30], 1), 1)
        store.profiles.append("m", cells([24 * 365 * 40], 2), 2)
        store.profiles.roll_up("m", START + 4000 * DAY)
        assert store.profiles.expire("m", START + 4000 * DAY) == 0
        assert store.profiles.pieces("m").num_rows == 6


def test_days_without_rows_stay_in_their_bins_when_the_others_are_profiled_again(store: Store, batch) -> None:
    """What can be made of what is left of rows, such as scores, goes too: it comes again."""
    old = cells(list(range(-96, 48)), 1)
    score = old.filter(pa.compute.equal(old["column"], "a"))
    named = score.set_column(score.schema.get_field_index("column"), "column", pa.array(["_score"] * len(score)))
    store.rows.commit("flights", batch(0, 5), None)
    first = store.database.scalar("SELECT min(_time) FROM captured.flights")
    assert isinstance(first, datetime)
    store.profiles.append("flights", pa.concat_tables([old, named]), 1)
    store.profiles.roll_up("flights", START + DAY)
    store.profiles.append("flights", PIECES.empty_table(), 2, replace=True)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    expected = old.filter(pa.compute.field("hour") < pa.scalar(midnight))
    assert 0 < expected.num_rows < old.num_rows
    assert digest(store.profiles.pieces("flights")) == digest(expected)
    assert all(store.profiles.days_equal_hours("flights"))

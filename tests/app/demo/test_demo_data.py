"""The flights: what the README says of them is so, and nothing of the future is in what a model may see."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyarrow.compute as pc
import pytest

from app.demo import data
from app.demo.story import Fault, Story, midnight
from monitor.errors import NotFound


def test_the_file_is_small_and_holds_the_whole_year() -> None:
    table = data.flights()
    assert data.FLIGHTS.stat().st_size <= 8_000_000
    assert table.num_rows == 336_776
    assert len(pc.unique(table["id"])) == table.num_rows
    assert pc.is_in(table["origin"], pc.unique(table["origin"])).to_pylist()[0]
    assert table["time"].to_pylist()[:50] == sorted(table["time"].to_pylist()[:50])


def test_labels_that_never_come_are_2_8_percent_and_null() -> None:
    table = data.flights()
    assert table["arr_delay"].null_count / table.num_rows == pytest.approx(0.028, abs=0.0005)
    first = table.slice(0, 2000)
    assert [value is None for value in data.outcomes(first)] == pc.is_null(first["arr_delay"]).to_pylist()


def test_late_means_more_than_fifteen_minutes() -> None:
    table = data.flights().slice(0, 5000)
    delay = np.array([np.nan if value is None else value for value in table["arr_delay"].to_pylist()])
    late = data.late(table)
    assert np.array_equal(np.isnan(late), np.isnan(delay))
    assert np.array_equal(late[~np.isnan(late)] == 1.0, delay[~np.isnan(delay)] > 15)


def test_columns_are_what_models_read() -> None:
    columns = data.columns(data.flights().slice(0, 300))
    assert tuple(columns) == data.COLUMNS == tuple(data.FEATURES)
    for name in data.CATEGORIES:
        assert columns[name].dtype == object
    for name in data.NUMBERS:
        assert columns[name].dtype == np.float64
    assert np.isnan(columns["airport_delay"]).any()  # before the year's first departures


def test_between_is_half_open() -> None:
    start = datetime(2013, 5, 1, tzinfo=UTC)
    times = data.between(start, start + timedelta(days=1))["time"].to_pylist()
    assert start <= min(times)
    assert max(times) < start + timedelta(days=1)


def test_a_missing_file_says_where_it_was_looked_for(tmp_path) -> None:
    with pytest.raises(NotFound, match="clone"):
        data.flights(tmp_path / "flights.parquet")


def test_the_story_replays_enough_flights_in_order() -> None:
    story = Story()
    replayed = data.between(midnight(story.first), midnight(story.until))
    assert replayed.num_rows >= 100_000
    for edition in story.editions:
        assert edition.train < edition.reference < edition.until <= edition.served  # learns nothing of what it serves
        assert story.serving(edition.served) is edition
    assert story.serving(story.until - timedelta(days=1)).version == "2"


def test_the_fault_changes_one_column_on_its_days_only() -> None:
    fault = Story().fault
    table = data.between(midnight(fault.first), midnight(fault.first + timedelta(days=1)))
    broken = fault.apply(table)
    for name in data.COLUMNS:
        same = broken[name].equals(table[name])
        assert same == (name != fault.column)
    assert broken["airport_delay"].null_count == table["airport_delay"].null_count
    assert pc.max(broken["airport_delay"]).as_py() == pc.max(table["airport_delay"]).as_py() * 60
    assert [fault.active(day) for day in (date(2013, 8, 11), fault.first, fault.until)] == [False, True, False]
    assert isinstance(fault, Fault)

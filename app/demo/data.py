"""The demo's flights: what is known of a flight an hour before it should leave, and how late it came in."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from monitor.errors import NotFound

FLIGHTS = Path(__file__).parents[2] / "sample_data" / "flights.parquet"
LATE_MINUTES = 15
"""A flight that arrives more than this many minutes after schedule is late; the model's positive class."""
CLASSES = ("on time", "late")

CATEGORIES = ("carrier", "origin", "dest", "weekday")
# Temperature and dew point are in the file too, but a model that has seen only winter reads too much into them.
# Pressure is left out because one month's range does not know summer storms: it raised three critical alerts, no fault.
NUMBERS = ("distance", "hour", "humid", "wind_speed", "precip", "visib", "airport_delay")
COLUMNS = CATEGORIES + NUMBERS
INTEGERS = frozenset({"distance", "hour"})

FEATURES: Mapping[str, Mapping[str, str]] = {
    "carrier": {"title": "Airline", "kind": "categorical", "description": "IATA code of the airline"},
    "origin": {"title": "Origin airport", "kind": "categorical", "description": "EWR, JFK or LGA"},
    "dest": {"title": "Destination", "kind": "categorical", "description": "IATA code of the airport flown to"},
    "weekday": {"title": "Weekday", "kind": "categorical", "description": "of the scheduled departure, New York time"},
    "distance": {"title": "Distance", "unit": "mi", "kind": "integer"},
    "hour": {"title": "Hour of departure", "unit": "h", "kind": "integer", "description": "scheduled, New York time"},
    "humid": {"title": "Humidity", "unit": "%", "kind": "numeric"},
    "wind_speed": {"title": "Wind speed", "unit": "mph", "kind": "numeric"},
    "precip": {"title": "Precipitation", "unit": "in", "kind": "numeric"},
    "visib": {"title": "Visibility", "unit": "mi", "kind": "numeric"},
    "airport_delay": {
        "title": "Delay at the airport",
        "unit": "min",
        "kind": "numeric",
        "description": "mean departure delay of flights that left the origin three hours to one hour before",
    },
}


@cache
def flights(path: Path = FLIGHTS) -> pa.Table:
    """Return all flights of 2013 in order of scheduled departure (`time`, UTC).

    Raises:
        NotFound: the sample data is not there, as when only the package was installed.
    """
    if not path.exists():
        raise NotFound(f"The demo's flights are not at {path}. Run the demo from a clone of the project.")
    table = pq.read_table(path)
    at = table.schema.get_field_index("time")
    return table.set_column(at, "time", table["time"].cast(pa.timestamp("us", tz="UTC")))


@cache
def names() -> Mapping[str, Mapping[str, str]]:
    """Return the full names of `carriers` and `airports` by their codes."""
    found: Mapping[str, Mapping[str, str]] = json.loads((FLIGHTS.parent / "places.json").read_text())
    return found


def spoken(row: Mapping[str, object]) -> str:
    """Say in words which flight a row is.

    >>> spoken({"carrier": "UA", "origin": "EWR", "dest": "ORD", "weekday": "Mon", "hour": 17})
    'United Air Lines Inc., Newark Liberty Intl to Chicago Ohare Intl, Mon 17 h'
    """
    airports = names()["airports"]
    origin, dest = (airports.get(str(row[end]), str(row[end])) for end in ("origin", "dest"))
    return f"{names()['carriers'][str(row['carrier'])]}, {origin} to {dest}, {row['weekday']} {row['hour']} h"


def between(start: datetime, end: datetime, table: pa.Table | None = None) -> pa.Table:
    """Return the flights whose scheduled departure is in [start, end)."""
    table = flights() if table is None else table
    kind = table.schema.field("time").type
    keep = pc.and_(
        pc.greater_equal(table["time"], pa.scalar(start, kind)), pc.less(table["time"], pa.scalar(end, kind))
    )
    return table.filter(keep)


def columns(table: pa.Table, names: Sequence[str] = COLUMNS) -> dict[str, np.ndarray]:
    """Return what a model takes: float64 with NaN for null, or objects (str or None), one array a column."""
    return {
        name: np.asarray(table[name].to_pylist(), dtype=object)
        if name in CATEGORIES
        else np.asarray(pc.cast(table[name], pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
        for name in names
    }


def late(table: pa.Table) -> np.ndarray:
    """Return 1.0 for late, 0.0 for on time, NaN where the flight never arrived: cancelled, diverted or not recorded."""
    delay = np.asarray(pc.cast(table["arr_delay"], pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
    return np.where(np.isnan(delay), np.nan, (delay > LATE_MINUTES).astype(np.float64))


def outcomes(table: pa.Table) -> list[str | None]:
    """Return the label people read, "late" or "on time", or None for one that never comes."""
    return [None if np.isnan(value) else CLASSES[int(value)] for value in late(table)]


def days(first: date, last: date) -> list[date]:
    """Return each day from ``first`` up to and without ``last``.

    >>> [day.day for day in days(date(2013, 5, 30), date(2013, 6, 2))]
    [30, 31, 1]
    """
    return [first + timedelta(days=step) for step in range((last - first).days)]

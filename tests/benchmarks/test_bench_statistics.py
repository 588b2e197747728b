"""The statistics bench in small: its streams count as the product does, and each group of rows gives its figures."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.profile.build import profile, read
from tests.benchmarks.statistics import figures, table
from tests.benchmarks.statistics_rows import Options, Row, alarms, power, robust, together
from tests.benchmarks.streams.coded import Coded, days
from tests.benchmarks.streams.folder import folder
from tests.benchmarks.streams.made import made

ROWS, DAYS = 60, 70

SAID = """
time = "at"
label = "y"
score = "p"
reference = 0.5
chunk = "1d"
[kinds]
amount = "numeric"
steps = "integer"
shop = "categorical"
"""


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """A made stream in a folder, 70 days of 60 rows."""
    path = tmp_path_factory.mktemp("shop")
    rng, size = np.random.default_rng(0), ROWS * DAYS
    amount = rng.lognormal(size=size)
    pq.write_table(
        pa.table(
            {
                "at": pa.array(np.arange(size) * (86_400_000_000 // ROWS), pa.timestamp("us", tz="UTC")),
                "amount": pa.array(np.where(rng.random(size) < 0.05, np.nan, amount), from_pandas=True),
                "steps": pa.array(rng.integers(0, 9, size), pa.int32()),
                "shop": rng.choice(["a", "b", "c", "d"], size, p=[0.5, 0.3, 0.18, 0.02]),
                "p": 1 / (1 + amount),
                "y": rng.random(size) < 0.5,
            }
        ).take(pa.array(rng.permutation(size))),
        path / "rows.parquet",
    )
    (path / "stream.toml").write_text(SAID)
    return path, folder(path)


def test_a_folder_is_read_in_order_of_time_with_what_it_says(stream):
    _, found = stream
    assert (np.diff(found.times) > 0).all()
    assert found.reference == ROWS * DAYS // 2
    assert set(found.label.tolist()) == {0.0, 1.0}
    assert found.table.column_names == ["amount", "steps", "shop", "_score"]
    assert found.chunks.max() == DAYS - 1


def test_chunks_are_counted_as_the_profile_kernel_counts_them(stream):
    _, found = stream
    rows = np.random.default_rng(1).integers(0, found.table.num_rows, (3, 200))
    coded = Coded.of(found.table, found.schema, np.arange(found.reference))
    batch = coded.batch(rows)
    for at in range(3):
        canonical = found.table.take(pa.array(rows[at])).append_column("_version", pa.array(["1"] * 200))
        canonical = canonical.append_column("_time", pa.array(days(200), pa.timestamp("us", tz="UTC")))
        profiles = read(profile(canonical, found.schema, coded.binning), coded.binning, found.schema)
        for name in ("amount", "shop", "_score"):
            bins = coded.binning.columns[name]
            kept = bins.length - (5 if bins.kind == "numeric" else 0)
            assert batch.tallies[name].counts[at, :kept].tolist() == profiles[name].counts[:kept].tolist()
            assert batch.tallies[name].minimum[at] == profiles[name].minimum
        assert batch.tallies["steps"].counts[at, :-3].tolist() == profiles["steps"].counts[:-3].tolist()


def test_made_columns_are_shifted_by_what_is_said():
    model = made(10, 0)
    moved = model.shifted("c00", 0.5).batch(np.random.default_rng(0), 200_000, 1).tallies["c00"]
    centres = (moved.binning.edges[:-1] + moved.binning.edges[1:]) / 2
    assert moved.mass[0, 1:-1] @ centres / 200_000 == pytest.approx(0.5, abs=0.02)


def test_each_group_gives_its_figures_on_a_folder_s_stream(stream):
    path, found = stream
    options = Options(seeds=(0,), data=path, scale=0.004, workers=1)
    rows = [row for group in (alarms, power) for row in group.measure(options)]
    said = figures(rows)
    asked = set(said["detections_per_90d"])
    assert {f"{found.name}_iid_1k.1", "made50_iid_10k.0.5", f"{found.name}_days.3"} <= asked
    assert set(said["dial_ratio"]) == asked
    assert {"dial_rises", "hard_power", "power_01sd_50col_10k", "power_01sd_1k"} <= set(said)
    assert {"localisation", "power_3sd_between_day"} <= set(said)
    assert said["hard_power"] == 1
    assert said["power_01sd_50col_10k"] == 1


def test_all_that_speaks_is_counted_together(stream):
    path, found = stream
    rows = {row.figure: row for row in together.measure(Options(seeds=(0,), data=path, scale=0.01, workers=1))}
    told = rows[f"detections_per_90d.{found.name}_iid_1k_together.1"]
    assert told.bar.startswith("asked 1; ")
    assert all(kind in told.bar for kind in together.KINDS)
    assert told.value <= 10
    assert rows[f"cells.classifier_loud.{found.name}_iid_1k_together"].value <= 0.2


def test_odd_columns_stop_nothing():
    assert figures(list(robust.measure(Options(seeds=(1,)))))["crashes"] == 0


def test_figures_nest_and_the_table_says_what_is_missed():
    rows = [Row("a.b.0.5", 1.0), Row("c", 2, "≥ 3", held=False)]
    assert figures(rows) == {"a": {"b.0.5": 1.0}, "c": 2}
    assert "MISSED" in table(rows)


def test_an_interval_by_day_holds_the_rate():
    rng = np.random.default_rng(0)
    pairs = [(int(day), int(rng.random() < 0.02)) for day in rng.integers(0, 300, 5_000)]
    low, high = alarms.by_day(pairs)
    assert low < 0.02 * 90 < high

"""Rows 9 and 13 of the statistics bench in small: what is quick there counts what profiles count, and the bars hold."""

import numpy as np
import pyarrow as pa
import pytest

from monitor.profile.segment_sums import CLASSIFICATION, SegmentSums, profile_segments, read_segments
from monitor.segments import Residuals
from monitor.types import Kind
from tests.benchmarks.statistics_rows.harm import as_it_was, tilted, turned
from tests.benchmarks.statistics_rows.segments import day_silence, flips, silence
from tests.benchmarks.streams.labelled import Labelled, stream_binning
from tests.benchmarks.streams.stream import HOUR, Stream, schema_of

ROWS = 12_000


@pytest.fixture(scope="module")
def stream() -> Stream:
    """A made stream of rows with honest scores."""
    rng = np.random.default_rng(0)
    x, c = rng.normal(size=ROWS), rng.choice(list("abcdefghij"), ROWS)
    p = 1 / (1 + np.exp(-3 * x))
    label = (rng.random(ROWS) < p).astype(float)
    table = pa.table({"x": x, "c": c, "_score": p})
    kinds = {"x": Kind.NUMERIC, "c": Kind.CATEGORICAL}
    return Stream("made", table, schema_of("made", kinds), np.arange(ROWS) * HOUR // 8, label, ROWS // 2, None)


def test_rows_are_summed_as_profiles_sum_them(stream: Stream) -> None:
    labelled, binning = Labelled.of(stream), stream_binning(stream)
    assert labelled is not None
    table = stream.table.append_column("_label", pa.array(np.where(stream.label == 1, "yes", "no")))
    table = table.append_column("_sign", pa.array(np.ones(ROWS, np.int8)))
    table = table.append_column("_version", pa.array(["1"] * ROWS))
    table = table.append_column("_time", pa.array(np.zeros(ROWS, np.int64), pa.timestamp("us", tz="UTC")))
    part = profile_segments(table.slice(0, 1_000), stream.schema, binning)
    known = read_segments(part["counts"][0].values.to_numpy(), stream.schema, binning)
    quick = labelled.even(np.arange(1_000)[None])
    exact = Residuals.of([SegmentSums(known.segments, CLASSIFICATION, known.counts)])
    assert quick.segments == exact.segments
    for name in ("n", "total", "variance", "third"):
        assert np.array_equal(getattr(quick, name), getattr(exact, name))


def test_flips_in_a_tenth_of_the_rows_are_found_and_named(stream: Stream) -> None:
    found = flips(stream, 30, 0)
    assert found["tried"] == 30
    assert found["found"] >= 24
    assert found["named"] >= 0.9 * found["found"]


def test_the_scan_is_silent_where_nothing_is_wrong(stream: Stream) -> None:
    assert silence(stream, 1_000, 200, 0)["1k:false"] <= 6
    assert day_silence(stream, 1, 0)["days.made:false"] <= 1


def test_harm_is_paged_and_benign_drift_is_not(stream: Stream) -> None:
    found = turned(stream, 6, 0) + tilted(stream, 4, 0) + as_it_was(stream)
    assert found["harm_paged:tried"] >= 10
    assert found["harm_paged:paged"] >= 0.8 * found["harm_paged:tried"]
    assert found["benign_paged:tried"] >= 10
    assert found["benign_paged:paged"] <= 0.1 * found["benign_paged:tried"]

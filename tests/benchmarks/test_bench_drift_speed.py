"""The drift benchmark in small: every figure is there, and what does not depend on the machine holds."""

import math

from tests.benchmarks import drift_speed


def test_the_benchmark_in_small_gives_every_figure() -> None:
    size = drift_speed.Sizes(
        rows=5_000, stores=(5_000, 10_000), keep=5_000, per_day=50, history=40, repeats=1, captured=50, peer=True
    )
    figures = drift_speed.run(size)
    assert {
        "evidently_s",
        "cold_s",
        "warm_s",
        "cold_ratio",
        "warm_ratio",
        "max_value_difference",
        "values_per_s",
        "kernel_vs_sum",
        "digests_differing",
        "query_ms_5000",
        "query_ms_10000",
        "query_flatness",
        "history_flatness",
        "rss_flatness",
        "peak_rss_mb",
        "capture_p99_ratio",
    } <= figures.keys()
    assert all(math.isfinite(each) for each in figures.values() if isinstance(each, float))
    assert figures["digests_differing"] == 0
    assert float(str(figures["max_value_difference"])) < 0.05  # so few rows leave wide bins in the tails
    assert 0.5 < float(str(figures["rss_flatness"])) < 1.5

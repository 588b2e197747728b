"""The overhead benchmark runs whole in small: with a collector in any state no answer differs, fails or is held up."""

from tests.benchmarks import overhead


def test_nothing_served_differs_whatever_becomes_of_the_collector(tmp_path):
    sizes = overhead.Sizes({"PAIRS": "1", "REQUESTS": "60", "RESPONSES": "160", "CALLS": "300"})
    found = overhead.measure(tmp_path, sizes)
    assert found["responses"] == 160
    assert (found["responses_differing"], found["responses_failed"], found["open_loop_failed"]) == (0, 0, 0)
    assert found["rss_over_queue_mb"] < 64
    assert found["exit_flush_s"] < 30  # two seconds, and what a busy machine adds; the benchmark is held to less
    assert {"log_p99_ms", "inprocess_added_p99_ms", "proxy_added_p99_ms", "aa_spread_ms"} <= found.keys()
    assert found["captured_share"] >= 0.99

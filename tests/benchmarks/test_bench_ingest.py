"""The ingest benchmark runs whole in small, and its figures are of what they say."""

from tests.benchmarks import ingest, ingest_dedupe


def test_it_measures_both_sides_of_every_figure(tmp_path):
    sizes = ingest.Sizes(
        {"PAIRS": "1", "SECONDS": "0.3", "ROWS": "20000", "STORED": "50000", "CONNECTIONS": "16", "SETTLE": "0"}
    )
    found = ingest.measure(tmp_path, sizes)
    asked = ("arrow_rows_per_s", "arrow_vs_bare_insert", "json_requests_per_s", "json_vs_bare_route")
    assert all(found[name] > 0 for name in (*asked, "dedupe_slowdown_10m"))
    assert 0 < found["generator_headroom"] < 1


def test_batches_cost_much_the_same_whatever_is_stored(tmp_path):
    """A loose bound, for a busy machine, met once in three; the benchmark itself is held to a tight one."""
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    assert any(ingest_dedupe.measure(each, 1_000, 300_000, 12)["dedupe_slowdown_10m"] < 3 for each in folders)

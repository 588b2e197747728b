"""What was captured and measured is read back: filtered, paged, and refused where a question makes no sense."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.types import Measurement, Window

M = "/v1/models/flights"
START = datetime(2013, 6, 1, tzinfo=UTC)


@pytest.fixture
def captured(flights):
    """48 rows, one an hour for two days; every fourth labelled, the positive class by its index."""
    rows = [
        {
            "id": f"r{hour:02}",
            "version": "2" if hour >= 24 else "1",
            "time": (START + timedelta(hours=hour)).isoformat(),
            "features": {"temp": float(hour % 24), "carrier": "AA" if hour % 2 else "UA"},
            "scores": [hour / 48],
        }
        for hour in range(48)
    ]
    assert flights("POST", f"{M}/inferences", json=rows).json()["stored"] == 48
    labels = [{"id": f"r{hour:02}", "value": 1} for hour in range(0, 48, 4)]
    assert flights("POST", f"{M}/labels", json=labels).json()["stored"] == 12
    return flights


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", range(48)),
        ("start=2013-06-02", range(24, 48)),
        ("end=2013-06-01T03:00:00Z", range(3)),
        ("start=2013-06-01T02:00:00%2B01:00&end=2013-06-01T03:00:00", range(1, 3)),
        ("version=2", range(24, 48)),
        ("where=carrier=AA", range(1, 48, 2)),
        ("where=carrier=AA&where=temp=3", (3, 27)),
        ("where=carrier=A%3DA", ()),
        ("score_min=0.5&score_max=0.52", (24,)),
        ("score_min=0.9", range(44, 48)),
        ("id_prefix=r0", range(10)),
        ("labelled=true", range(0, 48, 4)),
        ("labelled=false&end=2013-06-01T04:00:00Z", (1, 2, 3)),
    ],
)
def test_filters(captured, query: str, expected) -> None:
    page = captured("GET", f"{M}/inferences?descending=false&{query}").json()
    assert [row["id"] for row in page["inferences"]] == [f"r{hour:02}" for hour in expected]
    assert page["total"] == len(expected)
    assert page["next_offset"] is None


def test_a_filter_finds_columns_whose_names_hold_an_equals_sign(api) -> None:
    names = ("=cmd", "a", "a=b")
    features = [{"name": name, "kind": "categorical"} for name in names]
    schema = {"task": "regression", "features": features}
    assert api("PUT", "/v1/models/odd", json={"schema": schema}).status_code == 201
    row = {"id": "r", "features": {"=cmd": "x", "a": "b=c", "a=b": "c=d"}, "prediction": 1.0}
    assert api("POST", "/v1/models/odd/inferences", json=[row]).json()["stored"] == 1
    for where, total in (("=cmd=x", 1), ("a=b=c=d", 1), ("a=b=c", 0), ("=cmd=y", 0)):
        assert api("GET", "/v1/models/odd/inferences", params={"where": where}).json()["total"] == total
    assert api("GET", "/v1/models/odd/inferences", params={"where": "=x"}).status_code == 422


def test_pages_follow_one_another_without_gap_or_overlap(captured) -> None:
    found, offset = [], 0
    while offset is not None:
        page = captured("GET", f"{M}/inferences", params={"limit": 7, "offset": offset}).json()
        found += [row["id"] for row in page["inferences"]]
        offset = page["next_offset"]
    assert found == [f"r{hour:02}" for hour in range(47, -1, -1)]


def test_order_by_error_shows_the_worst_labelled_first(captured) -> None:
    rows = captured("GET", f"{M}/inferences?order=error&limit=2").json()["inferences"]
    assert [row["id"] for row in rows] == ["r00", "r04"]
    assert rows[0]["label"] == "late"


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=10001", "limit=many", "offset=-1", "order=size", "descending=maybe", "start=soon",
        "score_min=high", "where=carrier", "where=nobody=1", "where=temp=warm", "colour=red", "score_min=nan",
    ],
)  # fmt: skip
def test_questions_that_make_no_sense_are_refused_by_name(captured, query: str) -> None:
    answer = captured("GET", f"{M}/inferences?{query}")
    assert answer.status_code in {200, 422}
    if query != "score_min=nan":
        assert answer.status_code == 422
        assert query.partition("=")[0] in answer.json()["detail"]


def test_measurements_are_found_by_prefix_feature_and_window_and_a_cut_is_told(runtime, flights) -> None:
    def measured(metric: str, day: int, feature: str | None = None) -> Measurement:
        window = Window(START + timedelta(days=day), START + timedelta(days=day + 1))
        return Measurement(
            model="flights", version="1", metric=metric, feature=feature, window=window, value=day / 10, rows=5
        )

    runtime.store.measurements.put([measured("drift.psi", day, "temp") for day in range(5)])
    runtime.store.measurements.put([measured("traffic.rows", day) for day in range(5)])
    path = f"{M}/measurements"
    assert len(flights("GET", path).json()["measurements"]) == 10
    assert len(flights("GET", f"{path}?metric=drift.*&feature=temp&version=1&segment=all").json()["measurements"]) == 5
    windows = flights("GET", f"{path}?metric=traffic.rows&start=2013-06-02&end=2013-06-04").json()["measurements"]
    assert [each["window"]["start"] for each in windows] == ["2013-06-02T00:00:00Z", "2013-06-03T00:00:00Z"]
    cut = flights("GET", f"{path}?metric=drift.psi&limit=2").json()
    assert cut["truncated"]
    assert [each["value"] for each in cut["measurements"]] == [0.3, 0.4]
    assert not flights("GET", f"{path}?metric=drift.psi&limit=5").json()["truncated"]


def test_prometheus_figures_add_up(runtime, captured) -> None:
    runtime.store.measurements.put(
        [
            Measurement(
                model="flights", version="1", metric="traffic.rows", window=Window(START, START), value=24.0, rows=24
            )
        ]
    )
    text = captured("GET", "/metrics").text
    assert 'watchglass_rows_total{model="flights",outcome="stored",reason="",source="http"} 48.0' in text
    assert 'watchglass_rows_received_total{model="flights",source="labels"} 12.0' in text
    assert 'watchglass_measurement{feature="",metric="traffic.rows",model="flights",version="1"} 24.0' in text
    assert "watchglass_commit_seconds_count 2.0" in text
    assert "watchglass_queue_bytes 0.0" in text


def test_report_pages_are_served_in_a_sandbox_and_nothing_beside_them(runtime, flights) -> None:
    from monitor.types import Report

    folder = runtime.config.data_dir / "reports" / "r1"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<p>drift</p>")
    (folder / "data.bin").write_text("x")
    (folder.parent / "other.html").write_text("x")
    (folder / "link.html").symlink_to(runtime.config.data_dir / "clock")
    for place in ("reports/r1/report.html", str(folder / "report.html")):
        report = Report(id="r1", model="flights", window=Window(START, START), title="t", path=place, created=START)
        runtime.store.reports.put(report)
        page = flights("GET", "/v1/reports/r1/report.html")
        assert page.text == "<p>drift</p>"
        assert page.headers["content-security-policy"].startswith("sandbox")
    for name in (
        "data.bin",
        "../other.html",
        "..%2Fother.html",
        "%2e%2e%2fother.html",
        "link.html",
        "absent.html",
        "",
        "%00.html",
    ):
        assert flights("GET", f"/v1/reports/r1/{name}").status_code == 404


def test_run_takes_one_job_of_one_model_over_its_last_window_and_the_open_one(runtime, captured) -> None:
    reply = captured("POST", "/v1/run", json={"model": "flights", "job": "traffic", "until": "2013-06-02T05:00:00Z"})
    assert reply.json()["windows"] == 2
    found = captured("GET", f"{M}/measurements?metric=traffic.rows&segment=all").json()["measurements"]
    assert {each["window"]["start"] for each in found} <= {"2013-06-01T00:00:00Z", "2013-06-02T00:00:00Z"}
    assert captured("POST", "/v1/run", json={"job": "nobody"}).status_code == 404
    assert captured("POST", "/v1/run", json={"model": "nobody"}).status_code == 404
    assert captured("POST", "/v1/run").json()["windows"] > 0
    assert captured("POST", "/v1/run", content=b"").json()["windows"] == 0, "nothing is due twice"

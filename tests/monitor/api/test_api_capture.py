"""What is captured over HTTP is stored once, counted once, and answered only when it is durable."""

import io
import json

import pyarrow as pa
import pytest

from monitor.api.tables import read_table

INFERENCES, LABELS = "/v1/models/flights/inferences", "/v1/models/flights/labels"
ARROW = {"content-type": "application/vnd.apache.arrow.stream"}


def row(name: str, **given):
    return {
        "id": name,
        "time": "2013-06-09T12:00:00Z",
        "features": {"temp": 20.5, "carrier": "AA"},
        "scores": [0.25],
    } | given


def fates(api) -> dict[tuple[str, str, str], int]:
    lines = api("GET", "/v1/ledger", params={"model": "flights"}).json()["lines"]
    return {(line["source"], line["outcome"], line["reason"]): line["rows"] for line in lines}


def stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_repeats_are_duplicates_and_other_content_under_an_id_is_refused(flights) -> None:
    assert flights("POST", INFERENCES, json=[row("a"), row("b")]).json()["stored"] == 2
    again = flights("POST", INFERENCES, json=[row("a"), row("c"), row("b", scores=[0.9])]).json()
    assert (again["stored"], again["duplicate"], again["rejected"]) == (1, 1, 1)
    assert again["errors"][0] | {"detail": ""} == {"row": 2, "id": "b", "reason": "conflict", "detail": ""}
    assert flights("GET", f"{INFERENCES}/b").json()["scores"] == [0.25]
    assert sum(fates(flights).values()) == 5


def test_one_object_an_array_and_lines_are_the_same(flights) -> None:
    assert flights("POST", INFERENCES, json=row("a")).json()["received"] == 1
    lines = b"\n".join(json.dumps(row(name)).encode() for name in "bc")
    for media in ("application/x-ndjson", "application/ndjson", "application/jsonl; charset=utf-8"):
        assert flights("POST", INFERENCES, content=lines, headers={"content-type": media}).json()["received"] == 2
    page = flights("GET", INFERENCES).json()
    assert sorted(found["id"] for found in page["inferences"]) == ["a", "b", "c"]


def test_an_arrow_stream_is_taken_as_json_is(flights) -> None:
    flights("POST", INFERENCES, json=[row("a")])
    table = pa.table(
        {
            "_id": ["a", "d"],
            "_time": pa.array([row("a")["time"]] * 2).cast(pa.timestamp("us", tz="UTC")),
            "temp": [20.5, 3.0],
            "carrier": ["AA", "UA"],
            "_scores": pa.array([[0.25], [0.5]]),
        }
    )
    receipt = flights("POST", INFERENCES, content=stream(table), headers=ARROW).json()
    assert (receipt["stored"], receipt["duplicate"]) == (1, 1)
    labels = pa.table({"id": ["a", "d"], "value": ["late", "on time"]})
    assert flights("POST", LABELS, content=stream(labels), headers=ARROW).json()["stored"] == 2
    assert flights("POST", LABELS, content=stream(labels[:0]), headers=ARROW).status_code == 400
    assert flights("POST", INFERENCES, content=b"ARROW1 or not", headers=ARROW).status_code == 400


def test_errors_of_labels_carry_the_row_they_had_in_the_body(flights) -> None:
    body = [
        {"id": "a", "value": "late"},
        {"id": "a"},
        {"id": "b", "value": "perhaps"},
        {"id": "c", "value": [1]},
        {"id": "d", "value": 1},
        {"id": "e", "value": 1, "time": "tomorrow"},
        {"id": "f", "value": 1, "when": "now"},
    ]
    receipt = flights("POST", LABELS, json=body).json()
    assert (receipt["received"], receipt["stored"], receipt["rejected"]) == (7, 2, 5)
    assert [(error["row"], error["reason"]) for error in receipt["errors"]] == [
        (1, "bad_label"), (2, "bad_label"), (3, "bad_label"), (5, "bad_time"), (6, "bad_label"),
    ]  # fmt: skip
    assert fates(flights)["labels", "stored", ""] == 2


def test_a_label_may_come_before_its_inference_and_be_corrected(flights) -> None:
    flights("POST", LABELS, json={"id": "a", "value": "late"})
    flights("POST", INFERENCES, json=[row("a")])
    assert flights("GET", f"{INFERENCES}/a").json()["label"] == "late"
    assert flights("POST", LABELS, json={"id": "a", "value": "late"}).json()["duplicate"] == 1
    flights("POST", LABELS, json={"id": "a", "value": "on time"})
    assert flights("GET", f"{INFERENCES}/a").json()["label"] == "on time"


def test_what_a_client_dropped_is_counted_once(flights) -> None:
    """A client's counters only grow; they come with every request, and with an empty one when it has no rows."""
    headers = {"watchglass-client": "c1", "watchglass-dropped": "queue_full=12,too_large=1"}
    receipt = flights("POST", INFERENCES, json=[row("a")], headers=headers).json()
    assert (receipt["received"], receipt["stored"], receipt["dropped"]) == (14, 1, 13)
    headers["watchglass-dropped"] = "queue_full=15,too_large=1"
    assert flights("POST", INFERENCES, json=[], headers=headers).json()["dropped"] == 3
    assert flights("POST", INFERENCES, json=[], headers=headers).json()["dropped"] == 0
    found = fates(flights)
    assert found["client", "dropped", "queue_full"] == 15
    assert found["client", "dropped", "too_large"] == 1
    assert flights("GET", "/v1/verify").json()["ok"]


@pytest.mark.parametrize(
    "headers",
    [
        {"watchglass-dropped": "queue_full=1"},
        {"watchglass-client": "c", "watchglass-dropped": "queue_full"},
        {"watchglass-client": "c", "watchglass-dropped": "queue_full=-1"},
        {"watchglass-source": "Bad Name"},
    ],
)
def test_headers_that_cannot_be_read_are_refused(flights, headers: dict[str, str]) -> None:
    assert flights("POST", INFERENCES, json=[row("a")], headers=headers).status_code == 422
    assert fates(flights) == {}


def test_each_source_is_counted_apart(flights) -> None:
    flights("POST", INFERENCES, json=[row("a")])
    flights("POST", INFERENCES, json=[row("b")], headers={"watchglass-source": "import"})
    flights("POST", INFERENCES, json=[row("c")], headers={"watchglass-client": "x"})
    assert {source for source, _, _ in fates(flights)} == {"http", "import", "client"}


def test_a_full_queue_says_when_to_come_back_and_nothing_is_lost(runtime, flights) -> None:
    runtime.ingest.stop()
    answer = flights("POST", INFERENCES, json=[row("a")])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    runtime.ingest.start()
    assert flights("POST", INFERENCES, json=[row("a")]).json()["stored"] == 1


def test_large_bodies_are_read_like_small_ones(flights) -> None:
    rows = [row(f"r{place}") for place in range(700)] + [7]
    receipt = flights("POST", INFERENCES, json=rows).json()
    assert (receipt["stored"], receipt["errors"][0]["row"]) == (700, 700)
    labels = [{"id": f"r{place}", "value": 1, "time": "2013-06-10T00:00:00+00:00"} for place in range(1200)]
    assert flights("POST", LABELS, json=labels).json()["stored"] == 1200


def test_a_version_that_only_traffic_tells_of_is_listed_and_its_registration_is_kept(flights, monkeypatch) -> None:
    from monitor.api import capture

    endpoint = {"url": "http://127.0.0.1:1"}
    flights("PUT", "/v1/models/flights/versions/2", json={"endpoint": endpoint})
    flights("POST", INFERENCES, json=[row("a", version="2"), row("b", version="blue"), row("c", version=3)])
    found = {each["version"]: each["endpoint"] for each in flights("GET", "/v1/models/flights").json()["versions"]}
    assert found == {"2": endpoint, "3": None, "blue": None}
    monkeypatch.setattr(capture, "MOST_VERSIONS", 4)
    receipt = flights("POST", INFERENCES, json=[row(f"x{n}", version=f"x{n}") for n in range(3)]).json()
    assert receipt["stored"] == 3
    assert len(flights("GET", "/v1/models/flights").json()["versions"]) == 4


def test_an_id_may_hold_slashes_and_any_letter(flights) -> None:
    flights("POST", INFERENCES, json=[row("gate/7:ü")])
    assert flights("GET", f"{INFERENCES}/gate%2F7:%C3%BC").json()["id"] == "gate/7:ü"
    assert flights("GET", f"{INFERENCES}/gate%2F7:%C3%BC/explanations").json()["explanations"] == []


def test_arrow_and_parquet_are_told_apart() -> None:
    table = pa.table({"x": [1]})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    assert read_table(sink.getvalue(), "application/vnd.apache.arrow.file").equals(table)
    assert read_table(stream(table), ARROW["content-type"]).equals(table)


def test_a_row_of_a_table_with_a_name_no_column_may_have_costs_no_other(flights) -> None:
    """As in JSON: it is counted with its reason, and where there is no other row the request is refused."""
    long = "x" * 201
    mixed = stream(pa.table({"_id": ["odd-1", "odd-2"], long: [1.0, None], "temp": [50.0, 51.0]}))
    answer = flights("POST", INFERENCES, content=mixed, headers=ARROW).json()
    assert (answer["stored"], answer["rejected"]) == (1, 1)
    (error,) = answer["errors"]
    assert (error["row"], error["id"], error["reason"]) == (0, "odd-1", "bad_column")
    assert "1 to 200 characters are allowed, got 201" in error["detail"]
    alone = stream(pa.table({"_id": ["odd-3"], long: [1.0], "temp": [50.0]}))
    refused = flights("POST", INFERENCES, content=alone, headers=ARROW)
    same = flights("POST", INFERENCES, json=[{"id": "odd-3", "features": {long: 1.0, "temp": 50.0}}])
    assert (refused.status_code, refused.json()) == (same.status_code, same.json())
    assert refused.status_code == 422

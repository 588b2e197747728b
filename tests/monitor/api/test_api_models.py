"""Models are registered, grow, and are never changed under what is stored."""

import io
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

M = "/v1/models/flights"
PARQUET = {"content-type": "application/vnd.apache.parquet"}


def reference(rows: int = 200) -> pa.Table:
    start = datetime(2013, 5, 1, 7, 30, tzinfo=UTC)
    return pa.table(
        {
            "key": [f"k{place}" for place in range(rows)],
            "when": [start + timedelta(hours=place) for place in range(rows)],
            "temp": [float(place % 30) for place in range(rows)],
            "carrier": [("AA", "UA", None)[place % 3] for place in range(rows)],
            "p": [place / rows for place in range(rows)],
            "truth": [("on time", "late", None)[place % 3] for place in range(rows)],
        }
    )


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_what_registered_a_model_registers_it_again(api) -> None:
    """What the reference taught (its target, its classes) is no change asked for by leaving it out the second time."""
    wanted = {"task": "binary", "owner": "me", "schema": {"classes": ["on time", "late"]}}
    query = {"time": "when", "id": "key", "scores": "p", "label": "truth"}
    for status in (201, 200):
        assert api("PUT", M, json=wanted).status_code == status
        reply = api("POST", f"{M}/versions/1/reference", params=query, content=parquet(reference()), headers=PARQUET)
        assert reply.status_code == 201
    assert api("PUT", M, json={"task": "binary", "schema": {}}).json()["schema"]["classes"] == ["on time", "late"]
    refused = api("PUT", M, json={"task": "binary", "schema": {"target": "other"}})
    assert (refused.status_code, "target of 'flights' is truth, not other" in refused.json()["detail"]) == (409, True)


def test_a_task_and_a_reference_are_enough(api) -> None:
    assert (
        api("PUT", M, json={"task": "binary", "owner": "me", "schema": {"classes": ["on time", "late"]}}).status_code
        == 201
    )
    query = {"time": "when", "id": "key", "scores": "p", "label": "truth"}
    reply = api("POST", f"{M}/versions/1/reference", params=query, content=parquet(reference()), headers=PARQUET)
    assert reply.status_code == 201, reply.text
    told = reply.json()
    assert told["rows"] == 200
    assert told["labelled"] == 134
    assert told["inferred"] == ["temp", "carrier"]
    assert told["window"] == {"start": "2013-05-01T07:00:00Z", "end": "2013-05-09T15:00:00Z"}
    model = api("GET", M).json()
    assert [(each["name"], each["kind"]) for each in model["schema"]["features"]] == [
        ("temp", "numeric"), ("carrier", "categorical"),
    ]  # fmt: skip
    assert model["versions"][0]["reference_rows"] == 200


def test_classes_are_read_from_the_labels_where_none_are_named(api) -> None:
    assert api("PUT", M, json={"task": "binary"}).status_code == 201
    query = {"scores": "p", "label": "truth"}
    table = reference().drop_columns(["key", "when"])
    api("POST", f"{M}/versions/1/reference", params=query, content=parquet(table), headers=PARQUET)
    schema = api("GET", M).json()["schema"]
    assert (schema["classes"], schema["target"]) == (["late", "on time"], "truth")


def test_a_reference_may_be_arrow_and_several_score_columns(api) -> None:
    api("PUT", M, json={"task": "multiclass", "schema": {"classes": ["a", "b"]}})
    table = pa.table({"x": [1.0, 2.0], "pa": [0.2, 0.9], "pb": [0.8, 0.1], "y": ["a", "b"]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {"content-type": "application/vnd.apache.arrow.stream"}
    for scores in ("scores=pa,pb", "scores=pa&scores=pb"):
        path = f"{M}/versions/1/reference?{scores}&label=y"
        assert api("POST", path, content=sink.getvalue(), headers=headers).json()["rows"] == 2


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"time": "nothing"}, "no column nothing"),
        ({"label": "carrier"}, "one of on time, late is allowed"),
        ({"id": "temp"}, "text is allowed"),
    ],
)
def test_a_reference_that_does_not_fit_says_why(flights, query: dict[str, str], said: str) -> None:
    reply = flights("POST", f"{M}/versions/1/reference", params=query, content=parquet(reference()), headers=PARQUET)
    assert reply.status_code == 422
    assert said in reply.json()["detail"]


def test_an_empty_reference_is_refused(flights) -> None:
    body = parquet(reference()[:0])
    assert flights("POST", f"{M}/versions/1/reference", content=body, headers=PARQUET).status_code == 422


def test_a_schema_grows_and_is_described_better_but_never_changes_its_meaning(flights) -> None:
    grown = {"task": "binary", "classes": ["on time", "late"], "features": [
        {"name": "wind", "kind": "numeric"}, {"name": "temp", "kind": "numeric", "unit": "°F"},
    ]}  # fmt: skip
    reply = flights("PUT", M, json={"schema": grown}).json()
    assert reply["added"] == ["wind"]
    assert [(each["name"], each["unit"]) for each in reply["schema"]["features"]] == [
        ("temp", "°F"), ("carrier", ""), ("wind", ""),
    ]  # fmt: skip
    for change in ({"task": "regression", "classes": []}, {"classes": ["late", "on time"]}, {"threshold": 0.7}):
        assert flights("PUT", M, json={"schema": grown | change}).status_code == 409
    retyped = grown | {"features": [{"name": "temp", "kind": "categorical"}]}
    assert flights("PUT", M, json={"schema": retyped}).status_code == 409
    assert flights("GET", M).json()["schema"] == reply["schema"]


def test_settings_stay_where_they_are_not_given(flights) -> None:
    settings = {
        "title": "Late",
        "segments": ["carrier"],
        "rules": [{"name": "floor", "metric": "performance.auc", "op": "<", "threshold": 0.7}],
    }
    flights("PUT", M, json={"settings": settings, "owner": "a@b.c"})
    after = flights("PUT", M, json={"owner": "d@e.f"}).json()["settings"]
    assert (after["title"], after["segments"], after["owner"], after["rules"][0]["threshold"]) == (
        "Late",
        ["carrier"],
        "d@e.f",
        0.7,
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"taks": "binary"}, "taks"),
        ({"task": "guessing"}, "guessing"),
        ({"task": "multiclass"}, "classes"),
        ({"schema": {"task": "regression", "features": [{"name": "x", "kind": "odd"}]}}, "kind"),
        ({"schema": {"task": "regression", "model": "other"}}, "other"),
        ({"schema": {"task": "regression", "features": [{"name": "", "kind": "numeric"}]}}, "feature name"),
        (
            {
                "schema": {
                    "task": "regression",
                    "features": [{"name": "é", "kind": "numeric"}, {"name": "e\u0301", "kind": "numeric"}],
                }
            },
            "differ only",
        ),
        (
            {
                "schema": {"task": "regression", "features": [{"name": "x", "kind": "numeric"}]},
                "settings": {"segments": ["y"]},
            },
            "segments",
        ),
        ({"task": "regression", "settings": {"window_hours": 0}}, "window_hours"),
        ([1], "object"),
    ],
)
def test_what_is_wrong_with_a_registration_is_named(api, body: object, said: str) -> None:
    reply = api("PUT", "/v1/models/new", json=body)
    assert reply.status_code == 422
    assert said in reply.json()["detail"]
    assert api("GET", "/v1/models").json()["models"] == []


def test_versions_are_made_and_replaced(flights) -> None:
    artifact = {"adapter": "torch", "class": "a:B", "weights": "w", "config": "c"}
    assert flights("PUT", f"{M}/versions/2", json={"artifact": artifact}).status_code == 201
    assert (
        flights("PUT", f"{M}/versions/2", json={"endpoint": {"url": "http://127.0.0.1:1"}}).json()["artifact"] is None
    )
    assert flights("PUT", "/v1/models/nobody/versions/2", json={}).status_code == 404
    assert flights("PUT", f"{M}/versions/1 0", json={}).status_code == 422
    assert [each["version"] for each in flights("GET", M).json()["versions"]] == ["2"]

"""What model servers' loggers send is stored, at one address per format: both sides, in either order, each once."""

import base64
import gzip
import json
import struct
from datetime import timedelta

import pytest

from app.runtime import Runtime
from monitor.errors import InvalidInput

IRIS = {
    "task": "multiclass",
    "classes": ["a", "b", "c"],
    "features": [{"name": f"x-{n}", "kind": "numeric"} for n in range(2)],
}
KSERVE, V2 = "/v1/models/iris/collect/kserve", "/v1/models/iris/collect/v2"
ASKED = b'{"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP32", "data": [5.5, 3.5, 6.25, 2.5]}]}'
ANSWERED = (
    b'{"model_name": "iris", "model_version": "3", "outputs": [{"name": "p", "shape": [2, 3], "datatype": "FP64", '
    b'"data": [0.25, 0.5, 0.25, 0.125, 0.125, 0.75]}]}'
)
V1_ASKED = b'{"instances": [{"x-0": 5.5, "x-1": 3.5}]}'
V1_ANSWERED = b'{"predictions": [[0.25, 0.5, 0.25]]}'


@pytest.fixture
def iris(api):
    assert api("PUT", "/v1/models/iris", json={"schema": IRIS, "owner": "ops"}).status_code == 201
    return api


def event(side: str, name: str = "e", time: str = "2013-06-09T12:00:00Z", **more: str) -> dict[str, str]:
    return {
        "ce-specversion": "1.0",
        "ce-id": name,
        "ce-type": f"org.kubeflow.serving.inference.{side}",
        "ce-source": "http://localhost:9081/",
        "ce-time": time,
        "ce-inferenceservicename": "iris",
        "ce-namespace": "prod",
        "content-type": "application/json",
    } | more


def send(api, body: bytes, headers: dict[str, str], address: str = KSERVE):
    answer = api("POST", address, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


def stored(api) -> list[dict]:
    return sorted(api("GET", "/v1/models/iris/inferences").json()["inferences"], key=lambda row: row["id"])


def halves(api) -> dict[str, tuple[int, int]]:
    found = api("GET", "/v1/ledger").json()["halves"]
    return {line["side"]: (line["waiting"], line["orphan"]) for line in found if line["unpaired"]}


def adds_up(api) -> bool:
    told = api("GET", "/v1/verify").json()
    return told["ok"] or pytest.fail(str([check for check in told["checks"] if not check["ok"]]))


def fates(api) -> dict[tuple[str, str], int]:
    lines = api("GET", "/v1/ledger", params={"model": "iris"}).json()["lines"]
    return {(line["outcome"], line["reason"]): line["rows"] for line in lines}


@pytest.mark.parametrize("first", ["request", "response"])
def test_two_events_in_either_order_make_the_rows(iris, first) -> None:
    sides = {
        "request": (ASKED, event("request")),
        "response": (ANSWERED, event("response", time="2013-06-09T12:00:00.025Z")),
    }
    second = "response" if first == "request" else "request"
    told = send(iris, *sides[first])
    assert (told["waiting"], told["received"], told["stored"]) == (1, 0, 0)
    assert halves(iris) == {first: (1, 0)}
    told = send(iris, *sides[second])
    assert (told["paired"], told["received"], told["stored"], told["versions"]) == (1, 2, 2, ["3"])
    assert halves(iris) == {}
    rows = stored(iris)
    assert [row["id"] for row in rows] == ["e:0", "e:1"]
    assert [row["features"] for row in rows] == [{"x-0": 5.5, "x-1": 3.5}, {"x-0": 6.25, "x-1": 2.5}]
    assert [row["scores"] for row in rows] == [[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]]
    assert {(row["version"], row["time"], row["source"], row["latency_ms"]) for row in rows} == {
        ("3", "2013-06-09T12:00:00Z", "kserve", 25.0)
    }
    assert [version["version"] for version in iris("GET", "/v1/models/iris").json()["versions"]] == ["3"]
    assert adds_up(iris)


def test_events_are_read_however_they_are_packed(iris) -> None:
    """Structured mode, gzip with and without its header, a content type that lies, and V1 bodies."""
    structured = {key[3:]: value for key, value in event("request", "s").items() if key.startswith("ce-")}
    body = json.dumps({**structured, "data_base64": base64.b64encode(ASKED).decode()}).encode()
    send(iris, body, {"content-type": "application/cloudevents+json"})
    send(iris, gzip.compress(ANSWERED), event("response", "s", **{"content-type": "multipart/form-data; boundary=x"}))
    send(iris, gzip.compress(ASKED), event("request", "g", **{"content-encoding": "gzip"}))
    send(iris, ANSWERED, event("response", "g", **{"content-type": "text/plain"}))
    send(iris, V1_ASKED, event("request", "v"))
    send(iris, V1_ANSWERED, event("response", "v"))
    assert [row["id"] for row in stored(iris)] == ["g:0", "g:1", "s:0", "s:1", "v:0"]
    assert stored(iris)[-1]["features"] == {"x-0": 5.5, "x-1": 3.5}
    assert fates(iris) == {("stored", ""): 5}


def test_a_binary_body_without_its_header_is_read(iris) -> None:
    head = b'{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]}'
    send(iris, head + struct.pack("<2f", 5.5, 3.5), event("request", **{"content-type": "application/octet-stream"}))
    assert send(iris, V1_ANSWERED, event("response"))["stored"] == 1
    assert stored(iris)[0]["features"] == {"x-0": 5.5, "x-1": 3.5}


def test_an_event_told_twice_is_a_duplicate_and_one_that_contradicts_is_a_dead_letter(iris) -> None:
    """While the other side is awaited, and after."""
    for _ in range(2):
        send(iris, ASKED, event("request"))
    send(iris, ANSWERED, event("response"))
    assert send(iris, ANSWERED, event("response", time="2013-06-09T12:00:09Z"))["duplicate"] == 1
    assert send(iris, ASKED, event("request"))["duplicate"] == 1
    told = send(iris, ASKED.replace(b"5.5", b"9.5"), event("request"))
    assert (told["rejected"], told["errors"][0]["reason"]) == (1, "conflict")
    assert len(stored(iris)) == 2
    assert fates(iris) == {("stored", ""): 2, ("duplicate", "same_content"): 3, ("rejected", "conflict"): 1}
    assert adds_up(iris)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", event("request")),
        (b"{", event("request")),
        (b'{"instances": [[1, 2', event("request")),
        (b"\xff", event("request")),
        (b"null", event("request")),
        (gzip.compress(ASKED)[:-9], event("request")),
        (gzip.compress(gzip.compress(ASKED)), event("request")),
        (ASKED, event("request", **{"content-encoding": "br"})),
        (ASKED, {"content-type": "application/json"}),
        (ASKED, event("prayer")),
        (ASKED, event("request", "x" * 10_000)),
        (ASKED.replace(b"[2, 2]", b"[2, 3]"), event("request")),
        (ASKED.replace(b"FP32", b"FP99"), event("request")),
        (b"[" * 100_000, event("request")),
    ],
    ids=range(14),
)
def test_a_malformed_event_is_answered_200_and_kept_as_a_dead_letter(iris, body, headers) -> None:
    """KServe's logger never asks again: any other answer would only lose it."""
    told = send(iris, body, headers)
    assert (told["received"], told["rejected"], told["waiting"]) == (1, 1, 0)
    [letter] = iris("GET", "/v1/models/iris/dead-letters").json()["letters"]
    assert letter["source"] == "kserve"
    assert adds_up(iris)


def test_an_event_that_is_too_large_is_counted_though_it_is_refused(iris) -> None:
    for body in (b" " * 200_000, gzip.compress(bytes(2**20))):
        assert iris("POST", KSERVE, content=body, headers=event("request")).status_code == 413
    assert fates(iris) == {("rejected", "too_large"): 2}
    assert adds_up(iris)


def test_the_good_events_of_a_batch_are_stored_beside_the_bad(iris) -> None:
    def structured(side: str, data: bytes) -> dict:
        attributes = {key[3:]: value for key, value in event(side).items() if key.startswith("ce-")}
        return {**attributes, "data": json.loads(data)}

    batch = [structured("request", ASKED), {"specversion": "1.0"}, structured("response", ANSWERED)]
    told = send(iris, json.dumps(batch).encode(), {"content-type": "application/cloudevents-batch+json"})
    assert (told["received"], told["stored"], told["rejected"]) == (3, 2, 1)
    assert adds_up(iris)


def test_what_waits_too_long_is_an_orphan_and_is_paired_all_the_same(iris, runtime: Runtime) -> None:
    send(iris, ASKED, event("request"))
    send(iris, ANSWERED, event("response", "lonely"))
    runtime.clock.advance(runtime.clock.now() + timedelta(minutes=11))
    assert halves(iris) == {"request": (0, 1), "response": (0, 1)}
    listed = iris("GET", "/v1/models/iris/halves", params={"orphans": True}).json()["halves"]
    assert {(half["exchange"], half["side"], half["rows"]) for half in listed} == {
        ("e", "request", 2),
        ("lonely", "response", 2),
    }
    assert {half["orphan"] for half in listed} == {True}
    metrics = iris("GET", "/metrics").text
    assert 'watchglass_halves_unpaired{model="iris",side="request",source="kserve",state="orphan"} 1.0' in metrics
    assert send(iris, ANSWERED, event("response"))["stored"] == 2
    assert (
        'watchglass_halves_total{fate="late",model="iris",side="request",source="kserve"} 1.0'
        in iris("GET", "/metrics").text
    )
    assert adds_up(iris)


def test_orphans_expire_and_are_counted(iris, runtime: Runtime) -> None:
    send(iris, ASKED, event("request"))
    send(iris, V1_ASKED, event("request", "young"))
    send(iris, V1_ANSWERED, event("response", "young"))
    runtime.clock.advance(runtime.clock.now() + timedelta(days=8))
    send(iris, ASKED, event("request", "new", time="2013-06-17T12:00:00Z"))
    assert runtime.store.halves.expire(runtime.clock.now()) == 1
    assert halves(iris) == {"request": (1, 0)}
    assert runtime.store.halves.fates()["iris", "kserve", "request"] == {"received": 3, "paired": 1, "expired": 1}
    assert runtime.store.database.integer("SELECT count(*) FROM exchanges") == 0
    assert adds_up(iris)


def test_sides_of_different_rows_are_kept_unpaired_and_say_why(iris) -> None:
    send(iris, ASKED, event("request"))
    told = send(iris, b'{"predictions": [1, 2, 3]}', event("response"))
    assert (told["waiting"], told["paired"], told["stored"]) == (1, 0, 0)
    listed = iris("GET", "/v1/models/iris/halves").json()
    assert all("2 rows were asked and 3 answered" in half["note"] for half in listed["halves"])
    assert {count["side"]: count["mismatched"] for count in listed["counts"]} == {"request": 1, "response": 1}
    assert send(iris, ASKED, event("request"))["duplicate"] == 1
    assert adds_up(iris)


@pytest.mark.parametrize("order", [("request", "response"), ("response", "request")])
def test_probes_are_never_captured(iris, order) -> None:
    """Told by the V2 parameter, or by the header that the logger passes on."""
    probe = ASKED.replace(b'{"inputs"', b'{"parameters": {"watchglass_probe": true}, "inputs"')
    passed = json.dumps({"Watchglass-Probe": ["1"]})
    bodies = {"request": probe, "response": ANSWERED}
    for side in order:
        send(iris, bodies[side], event(side, "p"))
    for side in order:
        send(iris, {"request": ASKED, "response": ANSWERED}[side], event(side, "q", **{"ce-metadata": passed}))
    assert stored(iris) == []
    assert halves(iris) == {}
    assert runtime_fates(iris)["request"]["probe"] == 2
    assert adds_up(iris)


def runtime_fates(api) -> dict[str, dict[str, int]]:
    return {line["side"]: line["fates"] for line in api("GET", "/v1/ledger").json()["halves"]}


@pytest.mark.parametrize("order", [("request", "response"), ("response", "request")])
def test_an_answer_that_was_an_error_completes_its_exchange_without_rows(iris, order) -> None:
    """Newer loggers tell of every answer, with its status; what is not 2xx holds no prediction."""
    bodies = {"request": ASKED, "response": b"out of memory"}
    told = [
        send(iris, bodies[side], event(side, **({"ce-statuscode": "500"} if side == "response" else {})))
        for side in order
    ]
    assert (told[1]["failed"], told[1]["received"]) == (1, 0)
    assert halves(iris) == {}
    assert runtime_fates(iris)["request"] == {"received": 1, "failed": 1}
    send(iris, ASKED, event("request", "f"))
    send(iris, ANSWERED, event("response", "f", **{"ce-statuscode": "200"}))
    assert [row["status"] for row in stored(iris)] == ["200", "200"]
    assert adds_up(iris)


@pytest.mark.parametrize("time", ["2013-13-45", "soon", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_cannot_be_read_is_flagged(iris, time) -> None:
    send(iris, V1_ASKED, event("request", time=time))
    send(iris, V1_ANSWERED, event("response"))
    [row] = stored(iris)
    assert "bad_time" in row["flags"]
    assert row["time"] == "2013-06-10T00:00:00Z"
    assert row["latency_ms"] is None


def test_a_v2_body_posted_bare_is_paired_by_its_id_or_by_the_header(iris) -> None:
    json_body = {"content-type": "application/json"}
    send(iris, ASKED.replace(b"{", b'{"id": "r", ', 1), json_body, V2)
    send(iris, ANSWERED.replace(b"{", b'{"id": "r", ', 1), json_body, V2)
    send(iris, ASKED, json_body | {"x-request-id": "h"}, V2)
    send(iris, ANSWERED, json_body | {"x-request-id": "h"}, V2)
    assert [row["id"] for row in stored(iris)] == ["h:0", "h:1", "r:0", "r:1"]
    assert send(iris, ASKED, json_body, V2)["waiting"] == 1
    assert halves(iris) == {"request": (1, 0)}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'{"inputs":[',
        b"\xff",
        b"[" * 65 + b"]" * 65,
        b'{"id":"1","id":"2"}',
        b'{"inputs": ' + b"9" * 5_000 + b"}",
    ],
)
def test_a_body_that_is_not_of_the_format_is_400_for_senders_that_can_be_told(iris, body) -> None:
    assert iris("POST", V2, content=body, headers={"content-type": "application/json"}).status_code == 400
    assert fates(iris) == {}


def test_a_binary_header_longer_than_the_body_is_400(iris) -> None:
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": "9999"}
    assert iris("POST", V2, content=ASKED, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"[2, 2]", b"[2, 3]"),
        (b"[2, 2]", b"[-1]"),
        (b"[2, 2]", b"[1000000000, 1000000000]"),
        (b"FP32", b"FP99"),
        (b"FP32", b"INT8"),
        (b"[5.5, 3.5, 6.25, 2.5]", b"[[5.5], [1, 2]]"),
    ],
)
def test_a_tensor_that_contradicts_itself_is_a_dead_letter(iris, was, becomes) -> None:
    told = send(iris, ASKED.replace(was, becomes), {"content-type": "application/json"}, V2)
    assert (told["rejected"], told["waiting"]) == (1, 0)
    [letter] = iris("GET", "/v1/models/iris/dead-letters").json()["letters"]
    assert letter["form"] == "v2"


def test_unknown_models_and_collectors_are_404_and_nothing_is_made(iris) -> None:
    for address in ("/v1/models/nobody/collect/kserve", "/v1/models/iris/collect/nothing"):
        assert iris("POST", address, content=ASKED, headers=event("request")).status_code == 404
    assert iris("POST", KSERVE, params={"version": "a b"}, content=ASKED, headers=event("request")).status_code == 422


def test_a_dead_letter_is_replayed_through_its_collector(iris, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that could not be read once is a half when it can, and finds its other side."""
    send(iris, V1_ASKED, event("request"))
    with monkeypatch.context() as patched:
        patched.setattr("monitor.collectors.kserve.inflated", broken)
        assert send(iris, V1_ANSWERED, event("response"))["rejected"] == 1
    told = iris("POST", "/v1/models/iris/dead-letters/replay", json={}).json()
    assert (told["tried"], told["replayed"], told["stored"]) == (1, 1, 1)
    assert stored(iris)[0]["scores"] == [0.25, 0.5, 0.25]
    assert halves(iris) == {}
    assert adds_up(iris)


def broken(*_: object, **__: object) -> bytes:
    raise InvalidInput("kserve: not yet")


def test_a_pair_ahead_of_our_clock_is_a_dead_letter_until_then(iris, runtime: Runtime) -> None:
    send(iris, V1_ASKED, event("request", time="2013-06-10T01:00:00Z"))
    assert send(iris, V1_ANSWERED, event("response"))["errors"][0]["reason"] == "clock_skew"
    assert halves(iris) == {}
    runtime.clock.advance(runtime.clock.now() + timedelta(hours=2))
    assert iris("POST", "/v1/models/iris/dead-letters/replay", json={}).json()["stored"] == 1
    assert stored(iris)[0]["time"] == "2013-06-10T01:00:00Z"
    assert adds_up(iris)


def test_lines_of_a_logger_are_rows_and_labels(iris) -> None:
    """SageMaker's capture and ground truth; a bad line is counted and kept, and the same body again is duplicates."""
    capture = {
        "captureData": {
            "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "5.5,3.5", "encoding": "CSV"},
            "endpointOutput": {
                "observedContentType": "text/csv",
                "mode": "OUTPUT",
                "data": "0.25,0.5,0.25",
                "encoding": "CSV",
            },
        },
        "eventMetadata": {"eventId": "s", "inferenceTime": "2013-06-09T12:00:00Z"},
        "eventVersion": "0",
    }
    truth = {
        "groundTruthData": {"data": "b", "encoding": "CSV"},
        "eventMetadata": {"eventId": "s"},
        "eventVersion": "0",
    }
    body = "\n".join([json.dumps(capture), "{broken", json.dumps(truth)]).encode()
    told = send(iris, body, {}, "/v1/models/iris/collect/sagemaker?columns=x-0,x-1&version=7")
    assert (told["received"], told["stored"], told["rejected"]) == (3, 2, 1)
    [row] = stored(iris)
    assert (row["version"], row["features"], row["label"]) == ("7", {"x-0": 5.5, "x-1": 3.5}, "b")
    again = send(iris, body, {}, "/v1/models/iris/collect/sagemaker?columns=x-0,x-1&version=7")
    assert (again["stored"], again["duplicate"], again["rejected"]) == (0, 2, 1)
    assert iris("POST", "/v1/models/iris/collect/sagemaker", content=b"neither").status_code == 400
    assert adds_up(iris)


def test_torchserve_is_told_which_side_a_body_is(iris) -> None:
    address, common = (
        "/v1/models/iris/collect/torchserve?columns=x-0,x-1",
        {"x-request-id": "t", "content-type": "application/json"},
    )
    send(iris, b"[[5.5, 3.5]]", common | {"watchglass-path": "/predictions/iris/2.0"}, address)
    assert send(iris, b"[[0.25, 0.5, 0.25]]", common | {"watchglass-status": "200"}, address)["versions"] == ["2.0"]
    assert stored(iris)[0]["features"] == {"x-0": 5.5, "x-1": 3.5}

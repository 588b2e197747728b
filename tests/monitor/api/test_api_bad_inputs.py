"""Whatever is sent, the answer is a 4xx that says what was got, or the row is counted; never a 5xx, never a loss."""

import asyncio
import gzip
import json
import zlib
from typing import Any

import pytest

from monitor.api.intake import Place

PATH = "/v1/models/flights/inferences"
ROW: dict[str, Any] = {"id": "a", "features": {"temp": 1.0, "carrier": "AA"}, "scores": [0.5]}
JSON = {"content-type": "application/json"}


def post(api, content: bytes, **headers: str):
    return api("POST", PATH, content=content, headers=JSON | headers)


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"null", 400),
        (b"[]", 400),
        (b"3", 400),
        (b'{"inputs":[', 400),
        (b"\xff", 400),
        (b'[{"id":"a","id":"b"}]', 400),
        (b'[{"id": "a", "features": {"temp": 1, "temp": 2}}]', 400),
        (b"[" * 65 + b"]" * 65, 400),
        (b"[" * 40_000, 400),
        (b'[{"id":"a","features":{"temp":' + b"9" * 5000 + b"}}]", 400),
        (b"[" + b" " * 100_000 + b"]", 413),
        (b"\xef\xbb\xbf" + json.dumps([ROW]).encode(), 200),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, int) else repr(value[:16]),
)
def test_framing_and_json(flights, content: bytes, status: int) -> None:
    answer = post(flights, content)
    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status


@pytest.mark.parametrize("key", ["inferences", "rows", "instances"])
def test_an_object_that_holds_the_rows_is_no_row_and_refused_with_what_is_expected(flights, key: str) -> None:
    answer = post(flights, json.dumps({key: [ROW, ROW | {"id": "b"}]}).encode())
    assert answer.status_code == 400
    assert f"'{key}' holds a list of 2 objects; allowed: that array of rows itself" in answer.json()["detail"]
    inside = post(flights, json.dumps([ROW, {key: [ROW]}]).encode()).json()
    assert (inside["stored"], inside["rejected"]) == (1, 1)
    assert "allowed: that array of rows itself, or one row" in inside["errors"][0]["detail"]
    assert post(flights, b'{"inferences": []}').status_code == 400


def test_a_list_of_numbers_under_one_key_is_a_feature(flights) -> None:
    for body in (b'{"series": [1, 2]}', b'{"series": []}'):
        assert post(flights, body).json()["stored"] == 1


@pytest.mark.parametrize(
    ("features", "flag", "kept"),
    [
        (b'{"temp": NaN, "carrier": "AA"}', "non_finite:temp", None),
        (b'{"temp": Infinity, "carrier": "AA"}', "non_finite:temp", None),
        (b'{"temp": 1e400, "carrier": "AA"}', "non_finite:temp", None),
        (b'{"temp": "0.1", "carrier": "AA"}', "retyped:temp", {"temp": "0.1"}),
        (b'{"temp": true, "carrier": "AA"}', "retyped:temp", {"temp": True}),
        (b'{"temp": {"a": [1]}, "carrier": "AA"}', "retyped:temp", {"temp": {"a": [1]}}),
        (b'{"temp": 1, "carrier": 7}', "retyped:carrier", {"carrier": 7}),
        (b'{"temp": 1}', "missing:carrier", None),
        (b'{"temp": 1, "carrier": "AA", "</script>": 1}', "new:</script>", {"</script>": 1}),
    ],
)
def test_odd_values_are_stored_and_flagged(flights, features: bytes, flag: str, kept: Any) -> None:
    answer = post(flights, b'[{"id":"a","scores":[0.5],"features":' + features + b"}]")
    assert answer.json()["stored"] == 1, answer.text
    stored = flights("GET", f"{PATH}/a").json()
    assert flag in stored["flags"]
    assert stored["extra"] == kept


def test_strings_that_no_store_can_write_are_replaced(flights) -> None:
    surrogate, null = b'{"temp":1,"carrier":"\\ud800x"}', b'{"temp":1,"carrier":"a\\u0000b"}'
    body = b'[{"id":"a","features":' + surrogate + b'},{"id":"b","features":' + null + b"}]"
    assert post(flights, body).json()["stored"] == 2
    assert flights("GET", f"{PATH}/a").json()["features"]["carrier"] == "\ufffdx"
    assert flights("GET", f"{PATH}/b").json()["features"]["carrier"] == "a\0b"


def test_keys_beside_features_are_taken_as_features(flights) -> None:
    assert post(flights, b'{"id":"a","temp":3.5,"carrier":"AA","role":"admin"}').json()["stored"] == 1
    stored = flights("GET", f"{PATH}/a").json()
    assert stored["features"] == {"temp": 3.5, "carrier": "AA"}
    assert stored["extra"] == {"role": "admin"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (5, "bad_row"),
        (None, "bad_row"),
        ({"id": 7}, "bad_id"),
        ({"id": ""}, "bad_id"),
        ({"id": "x" * 10_000}, "bad_id"),
        ({"id": "a", "features": [1]}, "bad_features"),
        ({"id": "a", "scores": [[1]]}, "bad_scores"),
        ({"id": "a", "prediction": {"x": 1}}, "bad_prediction"),
        ({"id": "a", "version": "../1"}, "bad_version"),
        ({"id": "a", "version": ["1"]}, "bad_version"),
        ({"id": "a", "time": "9999-01-01T00:00:00Z"}, "clock_skew"),
    ],
)
def test_a_bad_row_is_rejected_with_its_number_and_its_neighbours_are_stored(flights, row: Any, reason: str) -> None:
    answer = post(flights, json.dumps([ROW, row, ROW | {"id": "z"}]).encode())
    receipt = answer.json()
    assert (receipt["received"], receipt["stored"], receipt["rejected"]) == (3, 2, 1)
    assert [(error["row"], error["reason"]) for error in receipt["errors"]] == [(1, reason)]


@pytest.mark.parametrize(
    "odd",
    [{"scores": ["x"]}, {"latency_ms": [1]}, {"batch_size": 2**40}, {"status": 5}, {"time": 3}, {"time": "2026-13-45"}],
)
def test_odd_values_beside_features_keep_the_row(flights, odd: Any) -> None:
    assert post(flights, json.dumps([ROW | odd]).encode()).json()["stored"] == 1
    assert flights("GET", f"{PATH}/a").json()["flags"]


def test_a_broken_line_of_ndjson_is_rejected_alone(flights) -> None:
    lines = json.dumps(ROW).encode() + b'\n{"id":\n\n' + json.dumps(ROW | {"id": "b"}).encode()
    receipt = flights("POST", PATH, content=lines, headers={"content-type": "application/x-ndjson"}).json()
    assert (receipt["received"], receipt["stored"], receipt["errors"][0]["row"]) == (3, 2, 1)
    assert receipt["errors"][0]["reason"] == "bad_json"
    assert flights("POST", PATH, content=b"{\n{", headers={"content-type": "application/x-ndjson"}).status_code == 400


@pytest.mark.parametrize(
    "line",
    [
        b"\xff",
        b'{"id":1,"id":2}',
        b"[" * 65 + b"]" * 65,
        b"[" * 20_000,
        b'{"id":"x","features":{"temp":' + b"9" * 5_000 + b"}}",
        b"{" + b",".join(b'"%x":1' % number for number in range(10_001)) + b"}",
        b"null",
        b'{"id":"x","features":{"":1}}',
        b'{"id":"x","features":{"' + b"y" * 300 + b'":1}}',
        b'{"id":"x","features":{"caf\xc3\xa9":1,"cafe\xcc\x81":2}}',
    ],
    ids=lambda value: repr(value[:30]),
)
def test_a_poisoned_line_is_kept_aside_and_its_neighbours_are_stored(flights, line: bytes) -> None:
    lines = b"\n".join([json.dumps(ROW).encode(), line, json.dumps(ROW | {"id": "z"}).encode()])
    receipt = flights("POST", PATH, content=lines, headers={"content-type": "application/x-ndjson"}).json()
    assert (receipt["received"], receipt["stored"], receipt["rejected"]) == (3, 2, 1)
    (letter,) = flights("GET", "/v1/models/flights/dead-letters").json()["letters"]
    assert letter["reason"] == receipt["errors"][0]["reason"]
    assert letter["size"] > 0


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("collect/v1", b'{"error": "\\ud800"}'),
        ("collect/v2", b'{"outputs": [{"name": "\\ud800", "shape": [2], "datatype": "FP32", "data": [1]}]}'),
        ("collect/bentoml", b'{"x": 1, "p": 0.5, "t": 1, "request_id": "\\udfff\\ud800"}\n'),
        (
            "inferences",
            b'[{"id": "\\ud800"}, {"version": "\\ud800"}, {"prediction": "\\ud800", "scores": ["\\ud800"]}]',
        ),
        ("labels", b'[{"id": "\\ud800", "value": "late"}, {"id": "a", "value": "\\ud800"}, {"\\ud800": 1}]'),
    ],
)
def test_surrogates_that_an_error_would_quote_do_no_harm(flights, what: str, body: bytes) -> None:
    schema = json.dumps({"columns": [{"name": n, "role": r} for n, r in (("x", "feature"), ("p", "prediction"))]})
    headers = JSON | {"watchglass-schema": schema}
    answer = flights("POST", f"/v1/models/flights/{what}", content=body, headers=headers)
    assert answer.status_code in {200, 400}, answer.text


def test_more_rows_than_a_body_may_have_are_refused_before_they_take_memory(flights, monkeypatch) -> None:
    for module in ("listed", "rows"):
        monkeypatch.setattr(f"monitor.api.{module}.MAX_ROWS", 10)
    for content, media in ((b"[" + b"1," * 10 + b"1]", "application/json"), (b"{}\n" * 11, "application/x-ndjson")):
        assert flights("POST", PATH, content=content, headers={"content-type": media}).status_code == 413


def test_gzip_is_inflated_with_and_without_its_header(flights) -> None:
    body = gzip.compress(json.dumps([ROW]).encode())
    assert post(flights, body, **{"content-encoding": "gzip"}).json()["stored"] == 1
    assert post(flights, body).json()["duplicate"] == 1


@pytest.mark.parametrize(
    ("content", "encoding", "status"),
    [
        (gzip.compress(b"[" + b" " * 1_000_000 + b"]"), "gzip", 413),
        (gzip.compress(gzip.compress(json.dumps([ROW]).encode())), "gzip", 400),
        (gzip.compress(json.dumps([ROW]).encode())[:-12], "gzip", 400),
        (b"[1]", "gzip", 400),
        (zlib.compress(b"[1]"), "deflate", 415),
        (b"[1]", "br", 415),
    ],
    ids=["bomb", "twice", "cut", "not gzip", "deflate", "brotli"],
)
def test_broken_and_hostile_compression(flights, content: bytes, encoding: str, status: int) -> None:
    assert post(flights, content, **{"content-encoding": encoding}).status_code == status


@pytest.mark.parametrize("media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_other_media_are_refused_by_name(flights, media: str) -> None:
    answer = flights("POST", PATH, content=b"[]", headers={"content-type": media} if media else {})
    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", 'a";drop table x;--', "A", "x" * 65, "x" * 10_000, "é", "a b", "a%00"]
)
def test_names_that_break_the_rules_are_refused_and_nothing_is_made(api, name: str) -> None:
    from urllib.parse import quote

    for method, path in (("PUT", ""), ("POST", "/inferences"), ("GET", "/measurements")):
        answer = api(
            method,
            f"/v1/models/{quote(name, safe='')}{path}",
            **({} if method == "GET" else {"json": {"task": "regression"}}),
        )
        assert answer.status_code in {404, 422}, answer.text  # a slash makes another path, of which there is none
    assert api("GET", "/v1/models").json()["models"] == []


def test_an_unknown_model_is_404_and_is_not_created(api) -> None:
    assert api("POST", "/v1/models/nobody/inferences", json=[ROW]).status_code == 404
    assert api("POST", "/v1/models/nobody/labels", json=[{"id": "a", "value": 1}]).status_code == 404
    assert api("GET", "/v1/models").json()["models"] == []


def test_a_stalled_body_is_given_up(flights, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection stands still after the first byte."""
    monkeypatch.setattr(Place, "stall", 0.05)
    sent: list[dict[str, Any]] = []

    async def call() -> None:
        first = iter([{"type": "http.request", "body": b"[", "more_body": True}])

        async def receive() -> dict[str, Any]:
            try:
                return next(first)
            except StopIteration:
                await asyncio.Event().wait()
                raise AssertionError from None

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": headers}
        await flights.app(scope | {"http_version": "1.1", "scheme": "http", "root_path": ""}, receive, send)

    asyncio.run(call())
    assert sent[0]["status"] == 408


def test_a_connection_that_closes_early_counts_nothing(flights) -> None:
    async def call() -> int:
        messages = [{"type": "http.disconnect"}, {"type": "http.request", "body": b"[", "more_body": True}]
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return messages.pop()

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"localhost"), (b"content-type", b"application/json")]
        scope = {"type": "http", "method": "POST", "path": PATH, "query_string": b"", "headers": headers}
        await flights.app(scope | {"http_version": "1.1", "scheme": "http", "root_path": ""}, receive, send)
        return int(sent[0]["status"])

    assert asyncio.run(call()) == 400
    assert flights("GET", "/v1/ledger").json()["lines"] == []

"""One plain row is answered the short way, with the very answer and the very row that the general way would give."""

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.runtime import Runtime
from app.server import create_app
from monitor.api.intake import Intake
from monitor.api.quick import Quick
from monitor.config import Config
from monitor.store import verify

NOW = datetime(2013, 6, 10, tzinfo=UTC)
SCHEMA = {
    "task": "binary",
    "classes": ["on time", "late"],
    "features": [{"name": "temp", "kind": "numeric"}, {"name": "carrier", "kind": "categorical"}],
}
PATH = "/v1/models/flights/inferences"
JSON = {"content-type": "application/json"}
PLAIN = {"id": "a", "features": {"temp": 20.5, "carrier": "AA"}, "scores": [0.25]}

Told = tuple[int, Any]


def ask(app: Any, body: bytes, headers: dict[str, str] = JSON, path: str = PATH, method: str = "POST") -> Told:
    """Send a request as uvicorn does, the body in one message; return the status and the answer."""
    return asyncio.run(asked(app, body, headers, path, method))


async def asked(app: Any, body: bytes, headers: dict[str, str] = JSON, path: str = PATH, method: str = "POST") -> Told:
    """Send a request in the running loop."""
    named = [(name.encode(), value.encode()) for name, value in headers.items()]
    if "content-length" not in headers:
        named.append((b"content-length", str(len(body)).encode()))
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), *named], "http_version": "1.1", "scheme": "http",
        "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 9), "root_path": "",
    }  # fmt: skip
    said: list[Any] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if waiting:
            return waiting.pop()
        return await asyncio.Event().wait()

    async def send(message: Any) -> None:
        said.append(message)

    await app(scope, receive, send)
    content = b"".join(message.get("body", b"") for message in said[1:])
    return said[0]["status"], json.loads(content)


class Server:
    """One runtime with its application; ``short`` counts the requests that the short way answered."""

    def __init__(self, directory: Path) -> None:
        self.runtime = Runtime.open(Config(data_dir=directory, clock="manual"), scheduling=False)
        self.runtime.clock.advance(NOW)  # type: ignore[attr-defined]  # the configuration asks for a manual clock
        self.app = create_app(self.runtime, dashboard=False)
        self.ask(json.dumps({"schema": SCHEMA}).encode(), path="/v1/models/flights", method="PUT")

    def ask(self, body: bytes, headers: dict[str, str] = JSON, **more: str) -> Told:
        return ask(self.app, body, headers, **more)

    def stored(self) -> list[dict[str, Any]]:
        query = "SELECT * EXCLUDE (_seq) FROM captured.flights ORDER BY _seq"
        rows: list[dict[str, Any]] = self.runtime.store.database.query(query).to_pylist()
        for row in rows:
            row["_id"] = "made" if "no_id" in row["_flags"] else row["_id"]
        return rows


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "short")
    yield made
    made.runtime.close()


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each request was answered the short way."""
    seen: list[bool] = []
    original: Callable[..., Any] = Quick.__call__

    async def noted(self: Quick, *given: Any) -> Any:
        left = await original(self, *given)
        seen.append(left is None)
        return left

    monkeypatch.setattr(Quick, "__call__", noted)
    return seen


def test_a_plain_row_is_answered_the_short_way_once_its_version_is_known(server: Server, answered: list[bool]) -> None:
    for name in "abc":
        assert server.ask(json.dumps(PLAIN | {"id": name}).encode()) == (
            200,
            {"received": 1, "stored": 1, "duplicate": 0, "rejected": 0, "dropped": 0, "errors": []},
        )
    assert server.ask(json.dumps([PLAIN | {"id": "d"}]).encode())[0] == 200
    assert answered == [False, True, True, True]
    assert [row["_id"] for row in server.stored()] == ["a", "b", "c", "d"]


def test_a_repeat_and_a_conflict_are_told_the_short_way_too(server: Server, answered: list[bool]) -> None:
    server.ask(json.dumps(PLAIN).encode())
    assert server.ask(json.dumps(PLAIN).encode())[1]["duplicate"] == 1
    status, told = server.ask(json.dumps(PLAIN | {"scores": [0.5]}).encode())
    assert (status, told["errors"][0]["reason"]) == (200, "conflict")
    assert answered == [False, True, True]


def together(server: Server, *rows: dict[str, Any]) -> list[Told]:
    """Send rows in one turn of a loop."""

    async def all_at_once() -> list[Told]:
        return await asyncio.gather(*(asked(server.app, json.dumps(row).encode()) for row in rows))

    return asyncio.run(all_at_once())


def test_rows_of_one_turn_are_each_told_their_own_fate(server: Server, answered: list[bool]) -> None:
    server.ask(json.dumps(PLAIN).encode())
    handed_in: list[int] = []
    ingest = server.runtime.ingest
    original = ingest._queue.put

    def noted(submission: Any) -> None:
        handed_in.append(len(submission.rows))
        original(submission)

    ingest._queue.put = noted  # type: ignore[method-assign]  # to see what is handed in
    rows = [PLAIN | {"id": name} for name in ("b", "c", "b", "a", "d")]
    rows += [PLAIN | {"id": "c", "scores": [0.5]}, PLAIN | {"id": "e", "time": "2099-01-01T00:00:00Z"}]
    told = together(server, *rows)
    assert [status for status, _ in told] == [200] * 7
    fates = [next(fate for fate in ("stored", "duplicate", "rejected") if said[fate]) for _, said in told]
    assert fates == ["stored", "stored", "duplicate", "duplicate", "stored", "rejected", "rejected"]
    assert [said["errors"][0]["reason"] for _, said in told[5:]] == ["conflict", "clock_skew"]
    more = together(server, *[PLAIN | {"id": f"f{number}"} for number in range(50)])
    assert all(said["stored"] == 1 for _, said in more)
    assert handed_in == [7, 50], "each turn at once"
    assert all(answered[1:])
    assert len(server.stored()) == 54
    assert all(check.ok for check in verify(server.runtime.store))


def test_rows_of_one_turn_that_are_refused_count_each(server: Server) -> None:
    server.ask(json.dumps(PLAIN).encode())
    server.runtime.ingest.stop()
    told = together(server, *[PLAIN | {"id": f"{n}"} for n in range(5)])
    assert [status for status, _ in told] == [503] * 5
    assert sum(server.runtime.ingest.refusals.totals().values()) == 5
    server.runtime.ingest.start()


def test_when_capture_is_stopped_it_says_so(server: Server, answered: list[bool]) -> None:
    server.ask(json.dumps(PLAIN).encode())
    server.runtime.ingest.stop()
    status, told = server.ask(json.dumps(PLAIN | {"id": "b"}).encode())
    assert (status, told["type"].rpartition("/")[2].rpartition(":")[2]) == (503, "unavailable")
    assert answered == [False, True]
    assert sum(server.runtime.ingest.refusals.totals().values()) == 1
    server.runtime.ingest.start()


def spoken(**more: Any) -> bytes:
    return json.dumps(PLAIN | more).encode()


BODIES = [
    spoken(),
    spoken(id=None),
    spoken(id="é€😀"),
    spoken(id=""),
    spoken(id=7),
    spoken(id="x" * 513),
    spoken(version="2"),
    spoken(version=1),
    spoken(version="no version!"),
    spoken(time="2013-06-09T12:00:00+02:00"),
    spoken(time="2013-06-09"),
    spoken(time="2099-01-01T00:00:00Z"),
    spoken(time="never"),
    spoken(time=5),
    spoken(prediction="late", latency_ms=3.5, batch_size=1, status="200", device="cpu"),
    spoken(prediction="unheard of"),
    spoken(prediction={"a": 1}),
    spoken(scores=0.5),
    spoken(scores=None),
    spoken(scores=[0.5, 0.5]),
    spoken(scores=[1, 2, 3]),
    spoken(scores=[[0.5]]),
    spoken(features={}),
    spoken(features={"temp": None, "carrier": ""}),
    spoken(features={"temp": "warm", "carrier": 3}),
    spoken(features={"temp": 10**30, "carrier": "A"}),
    spoken(features={"temp": 2**63, "carrier": "A"}),
    spoken(features={"temp": [1, 2], "carrier": {"a": 1}}),
    spoken(features={"temp": 1, "carrier": "A", "new": 3}),
    spoken(features={"temp": 1, "carrier": '":'}),
    spoken(features=[1]),
    spoken(surplus=1),
    b'{"id":"a","features":{"temp":1,"temp":2}}',
    b'{"id":"a","id":"b","features":{"temp":1}}',
    b'{"id":"a","features":{"temp":NaN,"carrier":"A"},"scores":[Infinity]}',
    b'{"id":"a","features":{"temp":1e999,"carrier":"A"}}',
    b'{"id":"a","features":{"temp":1,"carrier":"\\ud800"}}',
    b'{"id":"a","features":{"temp":1,"carrier":"\xff"}}',
    b'{"id" : "a", "features" : {"temp" : 1}}',
    b"\xef\xbb\xbf" + spoken(),
    b'{"temp": 1, "carrier": "A"}',
    b'[{"id":"a","features":{"temp":1}},{"id":"b","features":{"temp":2}}]',
    b"[]",
    b"7",
    b"",
    b"\x1f\x8b",
    b"{" * 70,
    b'{"id":"a","features":{"temp":' + b"[" * 70 + b"]" * 70 + b"}}",
]


def test_every_body_gets_the_answer_and_the_row_of_the_general_way(tmp_path: Path) -> None:
    """Each is sent twice, to both, after a plain one that makes the version known."""
    short, general = Server(tmp_path / "short"), Server(tmp_path / "general")
    try:
        told: list[list[Told]] = [[], []]
        for place, server in enumerate((short, general)):
            with pytest.MonkeyPatch.context() as patched:
                if server is general:

                    async def nothing(_self: Quick, _scope: Any, receive: Any, _send: Any) -> Any:
                        return receive

                    patched.setattr(Quick, "__call__", nothing)
                server.ask(spoken(id="first"))
                for number, body in enumerate(BODIES):
                    own = body.replace(b'"a"', b'"a%d"' % number)
                    told[place] += [server.ask(own), server.ask(own)]
        for number, (mine, its) in enumerate(zip(*told, strict=True)):
            assert mine == its, BODIES[number // 2]
        assert repr(short.stored()) == repr(general.stored()), "as text, where NaN equals itself"
        assert short.runtime.store.ledger.lines() == general.runtime.store.ledger.lines()
        assert short.runtime.store.ledger.received() == general.runtime.store.ledger.received()
    finally:
        short.runtime.close()
        general.runtime.close()


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/x-ndjson"},
        {"content-type": "text/plain"},
        JSON | {"content-encoding": "gzip"},
        JSON | {"watchglass-client": "c"},
        JSON | {"watchglass-source": "batch"},
        JSON | {"content-length": "99999999"},
        {},
    ],
)
def test_headers_that_ask_for_something_go_the_general_way(
    server: Server, answered: list[bool], headers: dict[str, str]
) -> None:
    server.ask(spoken(id="first"))
    server.ask(spoken(), headers)
    assert answered == [False, False]


def test_what_is_in_flight_is_given_back(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[Intake] = set()
    original = Intake.admit_now

    def noted(self: Intake, *given: Any) -> Any:
        seen.add(self)
        return original(self, *given)

    monkeypatch.setattr(Intake, "admit_now", noted)
    for body in BODIES:
        server.ask(body)
    assert [intake.bytes for intake in seen] == [0]

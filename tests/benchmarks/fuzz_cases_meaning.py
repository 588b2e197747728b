"""Bad inputs 32 to 60: columns, tensors, ids, times, and hostile names."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from tests.benchmarks.fuzz_case import CASES, GOOD, JSON, At, Case, case, row, same
from tests.benchmarks.fuzz_server import SCHEMA, Answer

EVENT = {"ce-specversion": "1.0", "ce-source": "x", **JSON}
ASKED = {**EVENT, "ce-type": "org.kubeflow.serving.inference.request"}
ANSWERED = {**EVENT, "ce-type": "org.kubeflow.serving.inference.response"}


@case(32, "column names that differ only in encoding are refused, registered or sent")
def _(at: At) -> None:
    _misnamed(at, {"caf\u00e9": 1, "cafe\u0301": 2})


@case(33, "a column without a name is refused, registered or sent")
def _(at: At) -> None:
    _misnamed(at, {"": 1})


@case(34, "a column's name of 10 kB is refused, registered or sent")
def _(at: At) -> None:
    _misnamed(at, {"x" * 10_000: 1})


def _misnamed(at: At, features: dict[str, int]) -> None:
    schema = SCHEMA | {"features": [{"name": name, "kind": "numeric"} for name in features]}
    same(at.server.ask("PUT", f"{at.path}-new", {"schema": schema}).status, 422)
    at.refused(422, json.dumps([row(features=features)]).encode())
    mixed = at.rows(row(), row(id="b", features=features))
    same((mixed["stored"], mixed["errors"][0]["reason"]), (1, "bad_column"))


def tensor(shape: Any, data: Any, datatype: str = "FP32", **more: Any) -> bytes:
    """Return a V2 request of one tensor."""
    one = {"name": "temp", "shape": shape, "datatype": datatype, "data": data, **more}
    return json.dumps({"id": "q", "inputs": [one]}).encode()


for _number, _words, _body in (
    (35, "a tensor with a value too few goes to the dead letters", tensor([2, 3], [1, 2, 3, 4, 5])),
    (36, "a tensor of a negative size goes to the dead letters", tensor([-1], [1])),
    (37, "a tensor that claims 10^18 values goes to the dead letters, and takes no memory",
     tensor([1_000_000_000, 1_000_000_000], [])),
    (38, "a tensor of no known type goes to the dead letters", tensor([1], [1], "FP99")),
    (39, "300 in eight bits goes to the dead letters", tensor([1], [300], "INT8")),
    (40, "base64 that is none goes to the dead letters",
     tensor([1], ["@@not base64@@"], "BYTES", parameters={"content_type": "base64"})),
    (43, "rows of different lengths go to the dead letters", tensor([2, 2], [[1, 2], [3]])),
):  # fmt: skip
    CASES[_number] = Case(_words, lambda at, body=_body: at.buried(body))  # type: ignore[misc] # its own body


@case(41, "a header of binary tensors that is longer than the body is refused")
def _(at: At) -> None:
    headers = {"content-type": "application/octet-stream", "inference-header-content-length": "9999"}
    same(at.post(tensor([1], [1]), headers, "collect/v2").status, 400)


@case(42, "an answer of other rows than were asked is kept, unpaired")
def _(at: At) -> None:
    same(at.post(tensor([2], [1, 2]), JSON, "collect/v2").status, 200)
    answer = {"id": "q", "outputs": [{"name": "p", "shape": [3], "datatype": "FP32", "data": [1, 2, 3]}]}
    told = at.post(json.dumps(answer).encode(), JSON, "collect/v2")
    same((told.status, told["paired"], told["stored"]), (200, 0, 0))
    same(len(at.server.ask("GET", f"{at.path}/halves")["halves"]), 2)


@case(44, "a tensor without rows is nothing wrong")
def _(at: At) -> None:
    told = at.post(tensor([0, 4], []), JSON, "collect/v2")
    same((told.status, told["rejected"]), (200, 0))


@case(45, "a row without an id gets one, and is flagged as one whose repeats are not seen")
def _(at: At) -> None:
    same(at.rows({key: value for key, value in row().items() if key != "id"})["stored"], 1)
    (kept,) = at.server.ask("GET", f"{at.path}/inferences")["inferences"]
    same("no_id" in kept["flags"], True)


@case(46, "the same row again is a duplicate")
def _(at: At) -> None:
    same((at.rows(row())["stored"], at.rows(row())["duplicate"]), (1, 1))


@case(47, "another row under the same id is kept as a conflict; the first stays")
def _(at: At) -> None:
    at.rows(row())
    told = at.rows(row(scores=[0.75]))
    same((told.status, told["errors"][0]["reason"]), (200, "conflict"))
    (letter,) = at.letters()
    same((json.loads(letter["body"])["scores"], at.stored("a")["scores"]), ([0.75], [0.25]))


@case(48, "an id of 10 kB is refused; beside good rows it goes to the dead letters")
def _(at: At) -> None:
    at.refused(422, json.dumps([row(id="x" * 10_000)]).encode())
    told = at.rows(row(), row(id="x" * 10_000))
    same((told["stored"], told["errors"][0]["reason"], len(at.letters())), (1, "bad_id", 1))


def _events(at: At, *sides: Mapping[str, str]) -> list[Answer]:
    bodies = {
        ASKED["ce-type"]: b'{"instances": [{"temp": 1.5, "carrier": "AA"}]}',
        ANSWERED["ce-type"]: b'{"predictions": [0.25]}',
    }
    return [at.post(bodies[side["ce-type"]], {**side, "ce-id": "e"}, "collect/kserve") for side in sides]


@case(49, "an answer that comes before its request is paired with it")
def _(at: At) -> None:
    first, second = _events(at, ANSWERED, ASKED)
    same((first.status, first["waiting"], second.status, second["paired"], second["stored"]), (200, 1, 200, 1, 1))


@case(50, "an answer whose request never comes waits where it can be seen")
def _(at: At) -> None:
    same(_events(at, ANSWERED)[0].status, 200)
    (half,) = at.server.ask("GET", f"{at.path}/halves")["halves"]
    same((half["side"], at.lines()), ("response", {}))


@case(51, "a row of the year 9999 is a wrong clock, and goes to the dead letters")
def _(at: At) -> None:
    told = at.rows(row(time="9999-01-01T00:00:00Z"))
    same((told.status, told["errors"][0]["reason"], len(at.letters())), (200, "clock_skew", 1))


@case(52, "a row of 1970 is late, and stored under its own time")
def _(at: At) -> None:
    same(at.rows(row(time="1970-01-01T00:00:00Z"))["stored"], 1)
    same(at.stored("a")["time"], "1970-01-01T00:00:00Z")


@case(53, "a moment that no calendar has is flagged; the time of arrival stands for it")
def _(at: At) -> None:
    same(at.rows(row(time="2026-13-45"))["stored"], 1)
    kept = at.stored("a")
    same((kept["flags"], kept["time"]), (["bad_time"], kept["received"]))
    same(abs(datetime.fromisoformat(kept["time"]) - datetime.now(UTC)).total_seconds() < 3600, True)


def _no_such_model(at: At, name: str) -> None:
    for method, end in (("PUT", ""), ("POST", "/inferences"), ("POST", "/collect/v2"), ("GET", "/dead-letters")):
        body = None if method == "GET" else GOOD
        same(at.server.ask(method, f"/v1/models/{quote(name, safe='')}{end}", body).status, 422)
    same({one["name"] for one in at.server.ask("GET", "/v1/models")["models"] if "case" not in one["name"]}, set())


@case(54, "a model's name that is a path is refused")
def _(at: At) -> None:
    _no_such_model(at, "../../etc/passwd")
    same(at.server.ask("POST", "/v1/models/../../etc/passwd/inferences", GOOD).status, 422)


@case(55, "a model's name that is SQL is refused")
def _(at: At) -> None:
    _no_such_model(at, 'a";drop table x;--')


@case(56, "rows of a model that is not registered are refused, and none is made")
def _(at: At) -> None:
    for end in ("inferences", "labels", "collect/v2", "collect/kserve"):
        same(at.server.ask("POST", f"/v1/models/case-nobody/{end}", GOOD).status, 404)
    same(at.server.ask("GET", "/v1/models/case-nobody").status, 404)


@case(57, "a column named like markup is stored as any other")
def _(at: At) -> None:
    at.flagged(b'{"temp": 1, "carrier": "AA", "seats": 1, "</script><script>": 1}',
               "new:</script><script>", {"</script><script>": 1})  # fmt: skip


@case(58, "a value that a spreadsheet would run is stored as it is")
def _(at: At) -> None:
    same(at.rows(row(features={"carrier": "=cmd|' /C calc'!A0"}))["stored"], 1)
    same(at.stored("a")["features"]["carrier"], "=cmd|' /C calc'!A0")


@case(59, "a role that a sender claims is a value like others")
def _(at: At) -> None:
    same(
        at.post(b'{"id":"a","temp":1,"carrier":"AA","seats":1,"role":"admin"}', {**JSON, "role": "admin"})["stored"], 1
    )
    same(at.stored("a")["extra"], {"role": "admin"})


@case(
    60, "there are no keys yet: whoever reaches loopback may write, but no other site's page and no other host's name"
)
def _(at: At) -> None:
    same(at.post(GOOD, {**JSON, "origin": "https://evil.example"}).status, 403)
    same(at.post(GOOD, {**JSON, "host": "evil.example"}).status, 421)
    same(at.lines(), {})

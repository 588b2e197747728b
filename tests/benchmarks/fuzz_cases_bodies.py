"""Bad inputs 1 to 31: framing, compression, JSON and strings."""

import gzip
import time

from tests.benchmarks.fuzz_case import CASES, GOOD, JSON, At, Case, case, row, same

MIB = 2**20
GZIP = {"content-encoding": "gzip"}
EVENT = {"ce-id": "e", "ce-type": "org.kubeflow.serving.inference.request", **JSON}

for _number, _words, _body in (
    (1, "an empty body is refused", b""),
    (2, "null is refused", b"null"),
    (3, "an empty array is refused", b"[]"),
    (4, "JSON that breaks off is refused", b'{"inputs":['),
    (5, "bytes that are no text are refused", b"\xff"),
    (16, "arrays nested 100,000 deep are refused", b"[" * 100_000 + b"]" * 100_000),
    (17, "arrays nested 65 deep are refused", b"[" * 65 + b"]" * 65),
    (18, "a key that is named twice is refused", b'{"id":1,"id":2}'),
    (23, "an integer of 5,000 digits is refused", b'[{"id":"a","features":{"temp":' + b"9" * 5_000 + b"}}]"),
):
    CASES[_number] = Case(_words, lambda at, body=_body: at.refused(400, body))  # type: ignore[misc] # its own body

for _number, _words, _features, _flag, _extra in (
    (19, "NaN is null and flagged", b'{"temp": NaN, "carrier": "AA", "seats": 1}', "non_finite:temp", None),
    (20, "1e400 is null and flagged", b'{"temp": 1e400, "carrier": "AA", "seats": 1}', "non_finite:temp", None),
    (22, "10^40 is kept as text and flagged",
     b'{"seats": 1' + b"0" * 40 + b"}", "retyped:seats", {"seats": "1" + "0" * 40}),
    (25, "a number in quotes is flagged", b'{"temp": "0.1"}', "retyped:temp", {"temp": "0.1"}),
    (26, "true where a number belongs is flagged", b'{"temp": true}', "retyped:temp", {"temp": True}),
):  # fmt: skip
    CASES[_number] = Case(
        _words,
        lambda at, features=_features, flag=_flag, extra=_extra: at.flagged(features, flag, extra),  # type: ignore[misc] # its own
    )


@case(6, "a byte order mark before good JSON is read over")
def _(at: At) -> None:
    same(at.post(b"\xef\xbb\xbf" + GOOD)["stored"], 1)


@case(7, "text/plain is refused by name")
def _(at: At) -> None:
    at.refused(415, GOOD, {"content-type": "text/plain"})


@case(8, "a content length of -1 is refused")
def _(at: At) -> None:
    head = f"POST {at.path}/inferences HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    same(at.server.raw(head.encode() + b"Content-Length: -1\r\n\r\n[]"), 400)


@case(9, "a body that stands still is given up")
def _(at: At) -> None:
    head = f"POST {at.path}/inferences HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    begun = time.monotonic()
    same(at.server.raw(head.encode() + b"Content-Length: 100\r\n\r\n["), 408)
    if time.monotonic() - begun > 25:
        raise AssertionError("it took longer than the limit")


@case(10, "11 MiB are too large, said or not")
def _(at: At) -> None:
    same(at.post(b" " * (11 * MIB)).status, 413)


@case(11, "gzip is inflated")
def _(at: At) -> None:
    same(at.post(gzip.compress(GOOD), {**JSON, **GZIP})["stored"], 1)


@case(12, "gzip is inflated where its header was lost")
def _(at: At) -> None:
    same(at.post(gzip.compress(GOOD))["stored"], 1)


@case(13, "a mebibyte that inflates to a gibibyte is too large, at the cost of 32 MiB at most")
def _(at: At) -> None:
    bomb = gzip.compress(b" " * MIB) * 1024

    def cost() -> float:
        before = at.server.peak_mb(reset=True)
        same(at.post(bomb, {**JSON, **GZIP}).status, 413)
        same(at.post(bomb, EVENT, "collect/kserve").status, 413)
        return at.server.peak_mb() - before

    grown = min(cost() for _ in range(3))  # a bomb costs the same each time; what else grew meanwhile does not
    if grown > 32:
        raise AssertionError(f"the server took {grown:.0f} MiB more")


@case(14, "gzip inside gzip is refused")
def _(at: At) -> None:
    at.refused(400, gzip.compress(gzip.compress(GOOD)), {**JSON, **GZIP})


@case(15, "gzip that is cut short is refused")
def _(at: At) -> None:
    at.refused(400, gzip.compress(GOOD)[:-10], {**JSON, **GZIP})


@case(21, "minus zero is a number")
def _(at: At) -> None:
    same(at.rows(row(features={"temp": -0.0, "carrier": "AA", "seats": 1}))["stored"], 1)
    same((at.stored("a")["flags"], at.stored("a")["features"]["temp"]), ([], 0.0))


@case(24, "2^63 is kept exactly, in a column of floats and beside one of integers")
def _(at: At) -> None:
    kept = at.flagged(b'{"temp": 9223372036854775808, "carrier": "AA", "seats": 9223372036854775808}',
                      "retyped:seats", {"seats": 2**63})  # fmt: skip
    same(int(kept["features"]["temp"]), 2**63)


@case(27, "a million keys are too many")
def _(at: At) -> None:
    at.refused(413, b"{" + b",".join(b'"%x":1' % number for number in range(1_000_000)) + b"}")


@case(28, "a lone surrogate is replaced and flagged")
def _(at: At) -> None:
    kept = at.flagged(b'{"temp": 1, "seats": 1, "carrier": "\\ud800x"}', "surrogate:carrier")
    same(kept["features"]["carrier"], "\ufffdx")


@case(29, "a null character comes back as it went in")
def _(at: At) -> None:
    same(at.post(b'[{"id":"a","features":{"carrier":"a\\u0000b"}}]')["stored"], 1)
    same(at.stored("a")["features"]["carrier"], "a\0b")


@case(30, "a string of a mebibyte is cut to 65,536 characters that end in its hash, and flagged")
def _(at: At) -> None:
    kept = at.flagged(b'{"temp": 1, "seats": 1, "carrier": "' + b"x" * MIB + b'"}', "truncated:carrier")["features"]
    same(len(kept["carrier"]), 65_536)
    same("1,048,576 characters, SHA-256" in kept["carrier"][-120:], True)


@case(31, "an override of the reading direction is stored as it is, and shown as what it is")
def _(at: At) -> None:
    same(at.rows(row(features={"carrier": "\u202egpj.exe"}))["stored"], 1)
    same(at.stored("a")["features"]["carrier"], "\u202egpj.exe")

"""Seeded mutations of a request: of its bytes, of its JSON's structure, of its headers, and with other requests."""

import gzip
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.benchmarks.fuzz_bodies import SPLINTERS
from tests.benchmarks.fuzz_seeds import Seed

TOKENS = (
    *("null", "true", "false", "0", "-1", "1.5", '""', '"a"', "[]", "{}", "[[]]", "[1,[2]]", '{"a":1,"a":2}'),
    *("NaN", "Infinity", "-Infinity", "1e400", "-0.0", "9223372036854775808", "1" + "0" * 40, "9" * 5_000, "1e-400"),
    *('"\\ud800"', '"\\udfff\\ud800"', '"a\\u0000b"', '"\u202e"', '"2026-13-45"', '"9999-12-31T23:59:59Z"'),
    *('"' + "x" * 70_000 + '"', "[" * 65 + "]" * 65, '{"a":' * 70 + "1" + "}" * 70, "[" * 3_000),
    *("[" + "1," * 500 + "1]", '"</script><script>"', '"=cmd|x"', '"../../etc/passwd"', "1000000000000", "[1e9,1e9]"),
    '"\'; drop table ledger; --"',
)
"""What a value is replaced by; some of it is no JSON."""

HEADERS = {
    "content-type": ("", "text/plain", "application/json; charset=utf-16", "application/cloudevents-batch+json", "*/*"),
    "content-encoding": ("gzip", "br", "identity", "gzip, gzip", "\xff"),
    "inference-header-content-length": ("0", "-1", "1e3", "99999999999999999999", "5"),
    "ce-id": ("", "x" * 5_000, "\xe9", "%ff%00"),
    "ce-type": ("a.request", "a.response", "x"),
    "ce-time": ("yesterday", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"),
    "watchglass-source": ("http", "../x", "x" * 100, "replay"),
    "watchglass-client": ("", "x" * 5_000, "\xe9"),
    "watchglass-dropped": ("a=1", "a=99999999999999999999", "=", "a=1,a=2", "queue_full=999999999999999999"),
    "watchglass-columns": ("a", ",,,", "x" * 5_000, "a,a,a,a"),
    "watchglass-tensor": ("x FP32", "x FP99 2", "x BYTES 99999999999", "x"),
    "watchglass-path": ("", "/predictions/" + "x" * 5_000, "/v2/models/../infer"),
    "watchglass-status": ("500", "abc", "2"),
    "watchglass-schema": ("[]", "{", '{"columns": 5}'),
}
_ID = re.compile(rb'("(?:id|_id|request_id|eventId|inferenceId)": ")([^"]{1,20})(")')
_MARK = "@@here@@"

Draw = random.Random


def mutated(seed: Seed, others: Sequence[Seed], draw: Draw) -> Seed:
    """Return a request that differs from ``seed`` by one to three mutations."""
    body, headers = _renamed(seed, draw)
    for _ in range(draw.randint(1, 3)):
        if draw.random() < 0.15:
            headers = _other_headers(headers, draw)
        else:
            body = draw.choice(_WAYS)(body, others, draw)
    return Seed(seed.path, body[: 2**20], headers)


def _renamed(seed: Seed, draw: Draw) -> tuple[bytes, dict[str, str]]:
    """Give the request another id half of the time: otherwise all of them would repeat or contradict the first."""
    headers = dict(seed.headers)
    if draw.random() < 0.5:
        return seed.body, headers
    name = f"n{draw.randrange(500)}"
    if "ce-id" in headers:
        headers["ce-id"] = name
    return _ID.sub(lambda found: found[1] + name.encode() + found[3], seed.body), headers


def _flip(body: bytes, _: Sequence[Seed], draw: Draw) -> bytes:
    out = bytearray(body)
    for _each in range(draw.randint(1, 8) if out else 0):
        out[draw.randrange(len(out))] ^= 1 << draw.randrange(8)
    return bytes(out)


def _cut(body: bytes, _: Sequence[Seed], draw: Draw) -> bytes:
    return body[: draw.randrange(len(body) + 1)]


def _double(body: bytes, _: Sequence[Seed], draw: Draw) -> bytes:
    start, end = sorted(draw.randrange(len(body) + 1) for _each in range(2))
    return body[:end] + body[start:end] * draw.choice((1, 1, 2, 50)) + body[end:]


def _splinter(body: bytes, _: Sequence[Seed], draw: Draw) -> bytes:
    place = draw.randrange(len(body) + 1)
    return body[:place] + draw.choice(SPLINTERS) + body[place + draw.choice((0, 0, 1, 8)) :]


def _splice(body: bytes, others: Sequence[Seed], draw: Draw) -> bytes:
    other = draw.choice(others).body
    return body[: draw.randrange(len(body) + 1)] + other[draw.randrange(len(other) + 1) :]


def _squeeze(body: bytes, _: Sequence[Seed], draw: Draw) -> bytes:
    packed = gzip.compress(body, mtime=0)
    return draw.choice((packed, packed[: draw.randrange(len(packed))], gzip.compress(packed, mtime=0), packed * 2))


def _restructure(body: bytes, _: Sequence[Seed], draw: Draw) -> bytes:
    """Replace one value of the JSON that the body begins with, drop a key, or name another one."""
    text = body.decode("latin-1")
    try:
        document, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return body
    places: list[tuple[Any, Any]] = []
    _walk(document, places)
    if not places:
        return draw.choice(TOKENS).encode(errors="surrogatepass") + text[end:].encode("latin-1")
    holder, key = draw.choice(places)
    token = draw.choice(TOKENS)
    if isinstance(holder, dict) and draw.random() < 0.2:
        holder[draw.choice(("", "_id", "id", "x" * 300, "caf\u00e9", "cafe\u0301", "\ud800"))] = holder.pop(key)
    elif draw.random() < 0.1:
        del holder[key]
    else:
        holder[key] = _MARK
    written = json.dumps(document).replace(f'"{_MARK}"', token, 1)
    return written.encode(errors="surrogatepass") + text[end:].encode("latin-1")


def _walk(value: Any, places: list[tuple[Any, Any]]) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        places.append((value, key))
        _walk(item, places)


def _other_headers(headers: Mapping[str, str], draw: Draw) -> dict[str, str]:
    out = dict(headers)
    if out and draw.random() < 0.3:
        del out[draw.choice(sorted(out))]
        return out
    name = draw.choice(sorted({*out, *HEADERS}))
    value = draw.choice(HEADERS.get(name, ("",)))
    if name in out and draw.random() < 0.3:
        value = _flip(out[name].encode("latin-1"), (), draw).decode("latin-1")
    # What would end the header or the request is not the server's to survive, but the sender's.
    return out | {name: value.replace("\r", "").replace("\n", "").replace("\0", "")}


_WAYS: tuple[Callable[[bytes, Sequence[Seed], Draw], bytes], ...] = (
    *(_flip, _cut, _double, _splinter, _splice, _squeeze),
    *(_restructure,) * 6,
)

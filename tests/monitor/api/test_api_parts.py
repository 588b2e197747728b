"""The parts that need no server: limits of JSON, inflating, parameters, and who may call."""

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.api.body import inflate
from monitor.api.decode import MAX_DEPTH, decode_json, too_deep
from monitor.api.guard import is_named
from monitor.api.operation import Parameter
from monitor.api.problem import Problem, from_error
from monitor.api.rows import read_inferences
from monitor.errors import WatchglassError

NASTY = st.text(st.sampled_from('[]{}"\\:,a\n'), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | NASTY,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NASTY, inner, max_size=4),
    max_leaves=30,
)


@given(JSON, st.booleans())
def test_json_reads_as_the_standard_library_reads_it(value: Any, spaced: bool) -> None:
    body = json.dumps(value, separators=(" , ", " : ") if spaced else (",", ":")).encode()
    assert decode_json(body) == json.loads(body)


@given(JSON, st.integers(0, 2 * MAX_DEPTH))
def test_depth_is_counted_outside_strings_only(value: Any, wraps: int) -> None:
    for place in range(wraps):
        value = [value, "]"] if place % 2 else {"[": value}

    def depth(inner: Any) -> int:
        if isinstance(inner, dict):
            inner = list(inner.values())
        return 1 + max(map(depth, inner), default=0) if isinstance(inner, list) else 0

    assert too_deep(json.dumps(value).encode()) == (depth(value) > MAX_DEPTH)


@given(st.dictionaries(NASTY, st.integers(), min_size=1, max_size=5), st.integers(0, 4))
def test_a_key_named_twice_is_always_noticed(value: dict[str, int], again: int) -> None:
    inner = json.dumps(value)
    twice = inner[:-1] + "," + json.dumps(list(value)[again % len(value)]) + ":0}"
    for body in (twice, f'[{{"x":{twice}}}]'):
        with pytest.raises(Problem, match="twice"):
            decode_json(body.encode())


@given(st.binary(max_size=300))
def test_no_bytes_at_all_crash_the_reader(body: bytes) -> None:
    for media in ("application/json", "application/x-ndjson"):
        try:
            read_inferences(body, media)
        except Problem as problem:
            assert problem.status == 400  # noqa: PT017 - either it is read, or it is refused so


@given(st.binary(max_size=5000), st.integers(1, 4))
def test_inflating_gives_back_what_was_compressed_in_any_number_of_members(body: bytes, members: int) -> None:
    packed = gzip.compress(body) * members
    assert inflate(packed, max(1, members * len(body))) == body * members
    if body:
        with pytest.raises(Problem, match="at most"):
            inflate(packed, members * len(body) - 1)


@given(st.binary(min_size=1, max_size=500), st.data())
def test_a_cut_or_damaged_body_is_never_taken_for_a_whole_one(body: bytes, data: st.DataObject) -> None:
    packed = gzip.compress(body)
    cut = packed[: data.draw(st.integers(1, len(packed) - 1))]
    with pytest.raises(Problem):
        inflate(cut, 10_000)
    place = data.draw(st.integers(10, len(packed) - 1))
    flipped = bytearray(packed)
    flipped[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        assert inflate(bytes(flipped), 10_000) == body
    except Problem as problem:
        assert problem.status == 400  # noqa: PT017 - either it is read right or it is refused


def test_a_bomb_costs_no_more_than_the_limit() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    with pytest.raises(Problem, match="at most 1,000"):
        inflate(bomb, 1000)


@pytest.mark.parametrize(
    ("kind", "given_text", "expected"),
    [
        ("integer", "7", 7),
        ("number", "1e3", 1000.0),
        ("boolean", "True", True),
        ("boolean", "0", False),
        ("string", "x", "x"),
    ],
)
def test_parameters_read_as_their_type(kind: Any, given_text: str, expected: object) -> None:
    assert Parameter(name="p", description="", type=kind).read([given_text]) == expected


def test_parameters_have_defaults_and_requirements() -> None:
    assert Parameter(name="p", description="", default=3).read([]) == 3
    assert Parameter(name="p", description="", repeated=True).read([]) == []
    with pytest.raises(ValueError, match="required"):
        Parameter(name="p", description="", required=True).read([])


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("//localhost", True),
        ("//LOCALHOST:1", True),
        ("http://127.0.0.1:8080", True),
        ("//[::1]:8080", True),
        ("//", False),
        ("//0.0.0.0", False),
        ("//127.0.0.1.nip.io", False),
        ("//localhost.example.org", False),
        ("http://evil.example@127.0.0.1.evil.example", False),
        ("//[::1", False),
        ("null", False),
    ],
)
def test_loopback_is_known_by_its_name_alone(address: str, own: bool) -> None:
    assert is_named(address) is own


def test_an_error_without_a_status_of_its_own_is_ours_to_mend() -> None:
    assert from_error(WatchglassError("?")).status == 500

"""The table of dialects: which requests are inferences, and bodies as they are on the wire."""

import gzip
import zlib

import pytest

from monitor.client.dialects import asked, decoded
from monitor.errors import InvalidInput

BOMB = b"0" * (17 * 2**20)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "/v2/models/iris/infer", ("v2", "iris", None)),
        ("POST", "/seldon/ns/v2/models/iris/versions/2/infer", ("v2", "iris", "2")),
        ("POST", "/v1/models/iris:predict", ("v1", "iris", None)),
        ("POST", "/v1/models/iris/versions/2:classify", ("v1", "iris", "2")),
        ("POST", "/v1/models/iris/labels/stable:regress", ("v1", "iris", "stable")),
        ("POST", "/predictions/iris", ("torchserve", "iris", None)),
        ("PUT", "/predictions/iris/1.0", ("torchserve", "iris", "1.0")),
        ("PUT", "/v2/models/iris/infer", None),
        ("GET", "/predictions/iris", None),
        ("POST", "/v2/models/iris/generate", None),
        ("POST", "/v2/models/iris", None),
        ("POST", "/v2/repository/models/iris/load", None),
        ("POST", "/v1/models/iris:explain", None),
        ("POST", "/v1/models/iris/metadata", None),
        ("POST", "/api/predictions/7", None),
        ("POST", "/explanations/iris", None),
    ],
)
def test_inferences_are_told_by_method_and_path(method, path, expected):
    """And nothing else is looked at: metadata, repositories, explanations, an application's own predictions."""
    found = asked(method, path)
    assert (found and (found.dialect.name, found.model, found.version)) == expected


def test_the_only_path_may_be_of_a_dialect_or_of_none():
    """Of a dialect, its model and version are read from it."""
    assert asked("POST", "/score", "/score").dialect.name == "any"
    assert asked("POST", "/v1/models/a:predict", "/v1/models/a:predict").model == "a"
    assert asked("POST", "/v1/models/b:predict", "/v1/models/a:predict") is None
    assert asked("GET", "/score", "/score") is None


def test_content_codings_are_undone():
    """Gzip with or without being told, deflate with and without zlib's envelope."""
    raw = zlib.compressobj(wbits=-15)
    bare = raw.compress(b"[1]") + raw.flush()
    for body, coding in [
        (b"[1]", None),
        (b"[1]", "identity"),
        (gzip.compress(b"[1]", mtime=0), None),
        (gzip.compress(b"[1]", mtime=0), "GZip"),
        (zlib.compress(b"[1]"), "deflate"),
        (bare, "deflate"),
    ]:
        assert decoded(body, {} if coding is None else {"content-encoding": coding}, name="x") == b"[1]"


@pytest.mark.parametrize(
    ("body", "coding"),
    [
        (b"[1]", "br"),
        (b"[1]", "gzip, gzip"),
        (b"not deflate", "deflate"),
        (zlib.compress(b"0" * 1000)[:-5], "deflate"),
        (zlib.compress(BOMB), "deflate"),
        (gzip.compress(BOMB, mtime=0), "gzip"),
        (b"", "deflate"),
    ],
    ids=["brotli", "twice", "no deflate", "cut", "bomb", "gzip bomb", "empty"],
)
def test_bodies_that_cannot_be_undone_are_refused(body, coding):
    """Unknown codings, broken and cut streams, and those that inflate beyond what is held."""
    with pytest.raises(InvalidInput, match=r"^x: "):
        decoded(body, {"content-encoding": coding}, name="x")

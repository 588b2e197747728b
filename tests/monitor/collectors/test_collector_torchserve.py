"""TorchServe: whatever a handler speaks, in either direction."""

import json

import pytest

from monitor.collectors.pairing import pair
from monitor.collectors.torchserve import TorchServe
from monitor.errors import InvalidInput

ASKED = {":path": "/predictions/iris/1.0", "x-request-id": "q"}
ANSWERED = {":status": "200", "x-request-id": "q"}
MULTIPART = {**ASKED, "content-type": 'multipart/form-data; boundary="b c"'}


def half(body, headers, **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    (found,) = TorchServe().parse(body, {**headers, **{key.replace("_", "-"): value for key, value in more.items()}})
    return found


def form_part(name, content, media=""):
    head = f'Content-Disposition: form-data; name="{name}"; filename="f"'
    return f"--b c\r\n{head}\r\n{media}\r\n".encode() + content + b"\r\n"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([[5.5, 3.5], [6.25, 2.5]], {"input": [[5.5, 3.5], [6.25, 2.5]]}),
        ({"instances": [[5.5, 3.5]]}, {"input": [[5.5, 3.5]]}),
        ({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [5.5, 3.5]}]}, {"x": [[5.5, 3.5]]}),
        ({"data": [[5.5, 3.5]]}, {"input": [[5.5, 3.5]]}),
        ({"data": "text"}, {"data": ["text"]}),
        ({"x": 1, "y": [1.5, 2.5]}, {"x": [1], "y": [[1.5, 2.5]]}),
        ([{"x": 1}, {"x": 2}], {"x": [1, 2]}),
        ([5.5, 3.5], {"input": [[5.5, 3.5]]}),
        ("words", {"input": ["words"]}),
        (b"a plain text", {"data": ["a plain text"]}),
        (b"\xff\xd8\xff", {"data": ["/9j/"]}),
        (b"a\x00b", {"data": ["YQBi"]}),
    ],
)
def test_requests_of_every_shape_become_columns(body, expected):
    """By what the body is: requests often say nothing of their media type."""
    found = half(body, ASKED)
    assert (found.side, found.model, found.version, found.exchange) == ("request", "iris", "1.0", "q")
    assert found.columns == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([[0.25, 0.75], [0.5, 0.5]], {"output": [[0.25, 0.75], [0.5, 0.5]]}),
        ({"tabby": 0.75, "lynx": 0.25}, {"tabby": [0.75], "lynx": [0.25]}),
        (b"tabby", {"data": ["tabby"]}),
        (b"3", {"output": [3]}),
        ({"predictions": [1]}, {"output": [1]}),
    ],
)
def test_responses_have_no_media_type(body, expected):
    """The server sends none."""
    assert half(body, ANSWERED).columns == expected


def test_the_two_sides_pair():
    """As recorded from a server: V1 in, bare rows out; and a flat list for many rows."""
    asked = half({"instances": [[5.5, 3.5], [6.25, 2.5]]}, ASKED)
    rows = pair(asked, half(b"[\n  [\n    0.25,\n    0.75\n  ],\n  [0.5, 0.5]\n]", ANSWERED))
    assert [(row.id, row.scores, row.version) for row in rows] == [
        ("q:0", (0.25, 0.75), "1.0"),
        ("q:1", (0.5, 0.5), "1.0"),
    ]
    assert [row.prediction for row in pair(asked, half(["cat", "dog"], ANSWERED))] == ["cat", "dog"]


def test_forms_are_columns_of_their_fields():
    """A field repeated as often as all others is rows."""
    body = (
        form_part("data", b"\xff\xd8")
        + form_part("n", b"[1, 2]", "Content-Type: application/json\r\n")
        + b"--b c--\r\n"
    )
    assert half(body, MULTIPART).columns == {"data": ["/9g="], "n": [[1, 2]]}
    body = form_part("data", b"a") + form_part("data", b"b") + b"--b c--"
    assert half(body, MULTIPART).columns == {"data": ["a", "b"]}
    body = form_part("data", b"a") + form_part("data", b"b") + form_part("k", b"1") + b"--b c--"
    assert half(body, MULTIPART).columns == {"data": ['["a", "b"]'], "k": ["1"]}
    url = half(b"data=The+recent%20climate&k=", ASKED, content_type="application/x-www-form-urlencoded")
    assert url.columns == {"data": ["The recent climate"], "k": [""]}


JSON_PART = "Content-Type: application/json\r\n"
END = b"--b c--"


@pytest.mark.parametrize("media", ["", "Content-Type: application/octet-stream\r\n", JSON_PART])
def test_a_part_of_json_alone_is_read_as_the_body_it_is(media):
    """As curl sends a file, which it calls octets; told by its first byte where its type says nothing."""
    for body in ({"temp": 1.5, "wind": 2}, [[1.5, 2.0], [3.0, 4.0]], [{"a": 1}, {"a": 2}], {"instances": [[1.0, 2.0]]}):
        content = json.dumps(body).encode()
        assert half(form_part("data", content, media) + END, MULTIPART) == half(body, ASKED)
    named = half(form_part("data", b"[[1, 2]]", media) + END, MULTIPART, watchglass_columns="a,b")
    assert named.columns == {"a": [1], "b": [2]}


def test_an_object_in_a_part_is_a_column_per_key_beside_the_other_parts():
    """Several parts of one name are as many rows; a name that two parts share is told with the part's."""
    image = form_part("image", b"\xff\xd8", "Content-Type: image/jpeg\r\n")
    about = form_part("about", b'{"age": 3, "ward": "A"}', JSON_PART)
    assert half(image + about + END, MULTIPART).columns == {"image": ["/9g="], "age": [3], "ward": ["A"]}
    twice = form_part("data", b'{"x": 1}') + form_part("data", b'{"x": 2}') + END
    assert half(twice, MULTIPART).columns == {"x": [1, 2]}
    shared = form_part("x", b"text") + form_part("about", b'{"x": 1}') + END
    assert half(shared, MULTIPART).columns == {"x.x": ["text"], "about.x": [1]}
    assert half(form_part("t", b"[not json") + form_part("u", b"v") + END, MULTIPART).columns == {
        "t": ["[not json"],
        "u": ["v"],
    }


def test_csv_and_json_lines_are_rows():
    """Typed column by column."""
    csv = half(b'5,0.5,AA,\r\n6,1,"U,A",7\r\n', ASKED, content_type="text/csv; charset=utf-8")
    assert csv.columns == {"input-0": [5, 6], "input-1": [0.5, 1.0], "input-2": ["AA", "U,A"], "input-3": [None, 7]}
    titled = half(b"a,b\n1,2\n", ASKED, content_type="text/csv; header=present")
    assert titled.columns == {"a": [1], "b": [2]}
    named = half(b"1,x\n", ASKED, content_type="text/csv", watchglass_columns="n,c")
    assert named.columns == {"n": [1], "c": ["x"]}
    pixels = half(b"1," * 99 + b"2.5", ASKED, content_type="text/csv")
    assert pixels.columns == {"input": [[1] * 99 + [2.5]]}
    found = half(b'{"x": 1}\n{"x": 2}\n', ASKED, content_type="application/jsonlines")
    assert found.columns == {"x": [1, 2]}


@pytest.mark.parametrize(
    ("body", "headers", "says"),
    [
        (b"[[1]]", {}, "neither :path"),
        (b"", ASKED, "empty"),
        (b"[", {**ASKED, "content-type": "application/json"}, "JSON"),
        ({"code": 503}, {":status": "503"}, "answered 503"),
        ({"error": "gone"}, ANSWERED, "gone"),
        ({"predictions": [1]}, ASKED, "other side"),
        (b"1,2\n3\n", {**ASKED, "content-type": "text/csv"}, "differ in fields"),
        (b'"', {**ASKED, "content-type": "text/csv"}, "CSV"),
        (b"1," * 200_001, {**ASKED, "content-type": "text/csv"}, "200,002 fields"),
        (b"\xff", {**ASKED, "content-type": "text/csv"}, "CSV"),
        (b"x", {**ASKED, "content-type": "multipart/form-data"}, "no boundary"),
        (b"x", MULTIPART, "cut short"),
        (form_part("x", b"y"), MULTIPART, "cut short"),
        (b"--b c\r\n\r\nx\r\n--b c--", MULTIPART, "no name"),
        (form_part("x" * 5_000, b"y") + b"--b c--", MULTIPART, "no name within"),
        (form_part("x", b"y") * 1_001 + b"--b c--", MULTIPART, "1,000 parts"),
        (form_part("x", b"[", "Content-Type: application/json\r\n") + b"--b c--", MULTIPART, "JSON"),
        (b"&&", {**ASKED, "content-type": "application/x-www-form-urlencoded"}, "form"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(body, headers, says):
    """And named as TorchServe's."""
    with pytest.raises(InvalidInput, match=f"torchserve.*{says}"):
        half(body, headers)

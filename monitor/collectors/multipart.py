"""Forms as HTTP sends them: ``multipart/form-data`` and ``application/x-www-form-urlencoded``."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl

from monitor.errors import InvalidInput

MAX_PARTS = 1_000
"""The most parts or fields of one form."""

_MAX_HEAD = 4_096

_BOUNDARY = re.compile(r';\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))', re.IGNORECASE)
_NAME = re.compile(rb'content-disposition:[^\r\n]*?;\s*name="?([^"\r\n;]*)"?', re.IGNORECASE)
_TYPE = re.compile(rb"content-type:\s*([^\s;]+)", re.IGNORECASE)


def parts(body: bytes, content_type: str) -> Iterator[tuple[str, str, bytes]]:
    r"""Yield name, media type (or nothing) and content of every part.

    Raises:
        InvalidInput: no boundary, parts that are cut short or have no name, or more than `MAX_PARTS`.

    >>> body = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\nhi\r\n--b--\r\n'
    >>> list(parts(body, "multipart/form-data; boundary=b"))
    [('x', '', b'hi')]
    """
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise InvalidInput(f"the content type {content_type[:80]!r} names no boundary")
    mark = b"\r\n--" + (match[1] or match[2]).encode()
    # The first mark may stand at the very start; behind the last stand two hyphens.
    pieces = (b"\r\n" + body).split(mark, MAX_PARTS + 1)[1:]
    if not pieces or not pieces[-1].startswith(b"--"):
        raise InvalidInput(f"the multipart body is cut short, or has more than {MAX_PARTS:,} parts")
    for piece in pieces[:-1]:
        head, gap, content = piece.partition(b"\r\n\r\n")
        # Searching a long head costs its length squared.
        name = _NAME.search(head) if gap and len(head) <= _MAX_HEAD else None
        if name is None:
            raise InvalidInput(f"a part of the multipart body has no name within {_MAX_HEAD:,} bytes")
        media = _TYPE.search(head)
        yield name[1].decode("utf-8", "replace"), media[1].decode("latin-1").lower() if media else "", content


def form(body: bytes) -> list[tuple[str, str]]:
    """Return the fields of a form in a query's syntax.

    Raises:
        InvalidInput: it is not of that syntax, or has more than `MAX_PARTS` fields.

    >>> form(b"data=a+b&n=1")
    [('data', 'a b'), ('n', '1')]
    """
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MAX_PARTS
        )
    except ValueError as error:
        raise InvalidInput(f"the form cannot be read: {str(error)[:200]}") from None

"""Read a request's body: bounded in bytes and in time, inflated with the same bound."""

import asyncio
import zlib

from starlette.requests import Request

from monitor.api.intake import Intake, Place
from monitor.api.problem import Problem

_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 16


async def place_for(request: Request, limit: int, intake: Intake) -> Place:
    """Wait until there is room for a request's body in memory.

    Raises:
        Problem: 413 it says itself that it is over the limit.
        Overloaded: there was no room.
    """
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdigit() else _CHUNK
    if size > limit:
        raise _too_large(size, limit)
    return await intake.admit(size, request.path_params.get("model", ""))


async def read_body(request: Request, limit: int, place: Place) -> bytes:
    """Return the whole body, inflated where it is gzip.

    Compression is told by ``Content-Encoding``, and by the first two bytes where a proxy dropped that header.

    Args:
        request: the request, its body not yet read.
        limit: the most bytes read, and the most that inflating may give.
        place: what it may have in memory; told of what it has.

    Raises:
        Overloaded: it has more than it said, and there is no room for that.
        Problem: 400 empty, broken or doubly compressed; 408 stalled; 413 over the limit; 415 another encoding.
    """
    body = await _collect(request, limit, place)
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in {"identity", "gzip"}:
        raise Problem(415, f"Content-Encoding {encoding!r} is not read; send gzip or identity.")
    if encoding == "gzip" or body.startswith(_GZIP_MAGIC):
        body = inflate(body, limit) if len(body) < _CHUNK else await asyncio.to_thread(inflate, body, limit)
        place.use(len(body))
        if body.startswith(_GZIP_MAGIC):
            raise Problem(400, "The body is gzip inside gzip; compress it once.")
    if not body:
        raise Problem(400, "The body is empty.")
    place.complete()
    return body


async def _collect(request: Request, limit: int, place: Place) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    try:
        while more:
            async with asyncio.timeout(place.stall):
                message = await request.receive()
            if message["type"] == "http.disconnect":
                raise Problem(400, "The connection closed before the body was complete.")
            chunk, more = message.get("body", b""), message.get("more_body", False)
            size += len(chunk)
            if size > limit:
                raise _too_large(size, limit)
            place.use(len(chunk))
            if chunk:
                chunks.append(chunk)
    except TimeoutError:
        raise Problem(408, f"No byte of the body came for {place.stall:g} s.") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def inflate(body: bytes, limit: int) -> bytes:
    """Inflate gzip in steps, so that a bomb costs no more than ``limit`` bytes.

    >>> import gzip
    >>> inflate(gzip.compress(b"[]"), 10)
    b'[]'

    Raises:
        Problem: 400 broken or cut short; 413 more than ``limit`` bytes come out.
    """
    out = bytearray()
    while body:  # a gzip file may be several members, one after another
        inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        try:
            while not inflater.eof:
                piece = inflater.decompress(body, max_length=min(_CHUNK, limit - len(out) + 1))
                out += piece
                if len(out) > limit:
                    raise _too_large(len(out), limit)
                body = inflater.unconsumed_tail
                if not piece and not body and not inflater.eof:
                    raise Problem(400, "The gzip body is cut short.")
        except zlib.error as error:
            raise Problem(400, f"The body is not valid gzip ({error}).") from None
        body = inflater.unused_data
    return bytes(out)


def _too_large(size: int, limit: int) -> Problem:
    return Problem(413, f"The body has {size:,} bytes or more; at most {limit:,} are read. Send smaller batches.")

"""Inflate gzip that a server's logger or a proxy sent, told by its first bytes alone."""

import zlib

from monitor.errors import InvalidInput

LIMIT = 16 * 2**20
"""The most bytes one body may inflate to."""

_MAGIC = b"\x1f\x8b"
_STEP = 1 << 16


def inflated(body: bytes, *, name: str, limit: int = LIMIT) -> bytes:
    """Return ``body``, inflated if it is gzip; ``Content-Encoding`` is not asked, because proxies drop it.

    Args:
        body: any bytes; gzip of several members is read as one.
        name: the format, for the message.
        limit: the most bytes to give; no more than that is ever held.

    Raises:
        InvalidInput: the gzip is broken, cut short, gzip inside gzip, or more than ``limit`` bytes come out.

    >>> import gzip
    >>> inflated(gzip.compress(b"[]"), name="x"), inflated(b"[]", name="x")
    (b'[]', b'[]')
    """
    if not body.startswith(_MAGIC):
        return body
    out = bytearray()
    while body:
        inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not inflater.eof:
            try:
                piece = inflater.decompress(body, max_length=min(_STEP, limit - len(out) + 1))
            except zlib.error as error:
                raise InvalidInput(f"{name}: the body begins as gzip but is not: {error}; send it whole") from None
            out += piece
            if len(out) > limit:
                raise InvalidInput(f"{name}: the gzip body inflates beyond the allowed {limit:,} bytes; send less")
            body = inflater.unconsumed_tail
            if not piece and not body and not inflater.eof:
                raise InvalidInput(f"{name}: the gzip body is cut short; send it whole")
        body = inflater.unused_data
    if out.startswith(_MAGIC):
        raise InvalidInput(f"{name}: the body is gzip inside gzip; compress it once")
    return bytes(out)

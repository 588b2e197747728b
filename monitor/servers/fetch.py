"""Get a metrics page from a host that may be asked, within two seconds and four mebibytes, following nothing."""

import time

import urllib3

from monitor.errors import Unavailable

SECONDS = 2.0
MAX_BYTES = 4 * 2**20


def fetch(url: str, pool: urllib3.PoolManager) -> str:
    """Return the text of a metrics page.

    Raises:
        Unavailable: it cannot be had: no answer, too slow, too large, a redirect or another status than 200.
    """
    deadline = time.monotonic() + SECONDS
    try:
        reply = pool.request(
            "GET",
            url,
            headers={"accept": "text/plain;version=0.0.4", "accept-encoding": "identity"},
            timeout=urllib3.Timeout(connect=SECONDS, read=SECONDS),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            if reply.status != 200:
                where = f" to {reply.headers['location'][:200]!r}; not followed" if "location" in reply.headers else ""
                raise Unavailable(f"it answered {reply.status}{where}; 200 is needed")
            return _read(reply, deadline).decode("utf-8", errors="replace")
        finally:
            reply.close()  # not put back: what was not read must not be taken for the next answer
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise Unavailable(f"it does not answer: {error}") from None


def _read(reply: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while part := reply.read1(1 << 16, decode_content=True):
        size += len(part)
        if size > MAX_BYTES:
            raise Unavailable(f"its answer is larger than {MAX_BYTES // 2**20} MiB")
        if time.monotonic() > deadline:
            raise Unavailable(f"it takes longer than {SECONDS:.0f} s to answer")
        parts.append(part)
    return b"".join(parts)

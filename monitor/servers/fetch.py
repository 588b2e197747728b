"""Get a metrics page from a host that may be asked, within two seconds and four mebibytes, following nothing."""

import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import urllib3

from monitor.errors import InvalidInput, Unavailable

SECONDS = 2.0
MAX_BYTES = 4 * 2**20


def check_address(url: str, hosts: Sequence[str]) -> None:
    """Accept an http(s) address whose host, or host:port, is listed.

    >>> check_address("http://127.0.0.1:8002/metrics", ["127.0.0.1"])

    Raises:
        InvalidInput: anything else; the message says what is allowed.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput(f"metrics_url {url[:200]!r} is not an address: {error}") from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise InvalidInput(f"metrics_url {url[:200]!r} must be http(s)://host[:port]/path, without a user name")
    if host not in hosts and f"{host}:{port}" not in hosts:
        listed = ", ".join(hosts) or "none"
        raise InvalidInput(
            f"metrics_url: the host {host!r} is not allowed; explain.endpoints in the configuration lists: {listed}"
        )


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

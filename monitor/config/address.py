"""Addresses of served models and of their metrics pages: which the configuration allows to be contacted."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from monitor.errors import InvalidInput


def check_address(url: str, hosts: Sequence[str], what: str) -> None:
    """Accept an http(s) address whose host, or host:port, is listed.

    Args:
        url: the address.
        hosts: what is listed in ``explain.endpoints``.
        what: what the address is of, as the message says it.

    >>> check_address("http://127.0.0.1:8002/metrics", ["127.0.0.1"], "metrics_url")

    Raises:
        InvalidInput: anything else; the message says what is allowed, and repeats no password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # whose words would repeat a password
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise InvalidInput(
            f"{what} {without_user(url)[:200]!r} must be http(s)://host[:port]/path, without a user name"
        )
    if host not in hosts and f"{host}:{port}" not in hosts:
        listed = ", ".join(hosts) or "none"
        raise InvalidInput(
            f"{what}: the host {host!r} is not allowed; explain.endpoints in the configuration lists: {listed}"
        )


def names_user(url: str) -> bool:
    """Tell whether an address has a user name in it, or is none and might have.

    >>> names_user("http://ann:secret@models/v2"), names_user("http://models/m@prod"), names_user("http://a:b@[")
    (True, False, True)
    """
    try:
        return urlsplit(url).username is not None
    except ValueError:
        return "@" in url


def without_user(url: str) -> str:
    """Return an address without a user name and password in it, and without what is before them.

    >>> without_user("http://ann:secret@models/v2"), without_user("http://models/v2")
    ('…@models/v2', 'http://models/v2')
    """
    _, user, rest = url.rpartition("@")
    return f"…@{rest}" if user else url

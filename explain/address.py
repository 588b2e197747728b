"""Addresses of served models: which may be contacted, and to which machine a name is bound.

A name is looked up once, when a model is loaded; from then on every request goes to that machine, so that a name whose
answer changes cannot lead to another. Addresses of this machine itself, of the local link and the others where clouds
serve credentials, of groups, and none at all are contacted only if the address itself is listed ("localhost" is what it
says); an IPv4 address in the clothes of an IPv6 one counts as what it is.
"""

import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from monitor.config.address import check_address
from monitor.errors import InvalidInput, Unavailable

Resolve = Callable[[str, int], str]
"""Host and port → the machine's address."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where requests go. ``host`` is the name in the address, ``ip`` the machine; ``path`` has the query in it."""

    scheme: str
    host: str
    port: int
    ip: str
    path: str

    @property
    def named(self) -> str:
        """What the header Host says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


_PORTS = {"http": 80, "https": 443}
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last four bytes are an IPv4 address
_NOWHERE = ipaddress.IPv4Network("0.0.0.0/8")
_OF_CLOUDS = frozenset({"fd00:ec2::254", "100.100.100.200"})  # metadata services beside 169.254.169.254


def resolved(url: str, allowed: tuple[str, ...], resolve: Resolve | None = None) -> Address:
    """Return an allowed address, bound to its machine.

    Args:
        url: the address.
        allowed: the hosts that may be contacted.
        resolve: looks up names; the system's by default.

    Raises:
        InvalidInput: the address is not allowed, or its name leads where none is.
        Unavailable: the name is not known.

    >>> resolved("http://127.0.0.1:9000/v2?a=b", ("127.0.0.1",)).path
    '/v2?a=b'
    """
    check_address(url, allowed, "endpoint")
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    try:
        ip = (resolve or _look_up)(host, port)
    except OSError as error:
        raise Unavailable(f"the endpoint's host {host!r} does not answer: {error}; is its name right?") from error
    if _own(ip) and ip not in allowed and host != "localhost":
        raise InvalidInput(
            f"endpoint host {host!r} leads to {ip}, where machines keep their own services; list that address itself "
            "in explain.endpoints if it is meant"
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, host, port, ip, path)


def _own(ip: str) -> bool:
    """Tell whether at an address machines keep their own services, or nobody is.

    >>> [_own(ip) for ip in ("127.0.0.1", "::ffff:169.254.169.254", "10.0.0.7")]
    [True, True, False]
    """
    kind = ipaddress.ip_address(ip.partition("%")[0])
    if isinstance(kind, ipaddress.IPv6Address):
        inside = kind.ipv4_mapped or kind.sixtofour or (_v4(kind) if kind in _TRANSLATED else None)
        kind = inside or kind
    return (
        kind.is_loopback
        or kind.is_link_local
        or kind.is_multicast
        or kind.is_unspecified
        or (kind.version == 4 and kind.is_reserved)
        or kind in _NOWHERE
        or str(kind) in _OF_CLOUDS
    )


def _v4(kind: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(kind.packed[-4:])


def _look_up(host: str, port: int) -> str:
    return str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])

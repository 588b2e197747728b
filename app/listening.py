"""The socket a server of ours listens on, opened before anything else so that a taken port costs nothing."""

import ipaddress
import socket

from monitor.errors import Unavailable

_BACKLOG = 2048


def listen(host: str, port: int, *, option: str = "--port") -> socket.socket:
    """Return a socket that listens on ``host`` and ``port`` (0: any free one); ``option`` is what sets the port.

    Raises:
        Unavailable: the port is taken, or the host is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"Cannot listen on {host}:{port}: {error.strerror}. Give another {option} (0: any)."
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the address of a listening socket, such as ``http://127.0.0.1:8080``."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` can be reached from this machine only.

    >>> is_loopback("localhost"), is_loopback("[::1]"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

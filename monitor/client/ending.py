"""What happens to all clients of a process when it ends or forks."""

import atexit
import os
import time
from typing import Protocol
from weakref import WeakSet

EXIT_SECONDS = 1.5
"""How long the end of a process may be held up to send what is left: two seconds in all, with what ending
takes on a busy machine."""


class Ends(Protocol):
    """What is told when the process ends, and when it goes on as a forked child."""

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """Send what can still be sent within ``timeout`` seconds."""

    def begin_anew(self) -> None:
        """Begin anew, in a forked child."""


_clients: "WeakSet[Ends]" = WeakSet()


def register(client: Ends) -> None:
    """Have a client told, for as long as anybody holds it."""
    _clients.add(client)


def _close_all() -> None:
    deadline = time.monotonic() + EXIT_SECONDS
    for client in list(_clients):
        client.close(max(deadline - time.monotonic(), 0))


def _begin_anew() -> None:
    for client in list(_clients):
        client.begin_anew()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_begin_anew)

"""What the reading child tells its parent: one line of JSON each, and behind it the bodies that the line announces."""

import json
import os
import selectors
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from monitor.errors import WatchglassError

_MOST_HEAD = 4 * 2**20
_MOST_BODY = 256 * 2**20


class Broken(WatchglassError):
    """The child ended, or said what no child says."""


class Slow(WatchglassError):
    """The child said nothing in time."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: ``what`` it is, what it says, and its bodies."""

    what: str
    says: dict[str, Any]
    bodies: list[bytes] = field(default_factory=list)


def write(stream: BinaryIO, what: str, says: Mapping[str, object], bodies: Sequence[bytes] = ()) -> None:
    """Write one frame, whole."""
    head = {"what": what, "sizes": [len(body) for body in bodies], **says}
    stream.write(json.dumps(head).encode() + b"\n")
    stream.writelines(bodies)
    stream.flush()


class FrameReader:
    """Reads frames from a pipe, and never waits longer than it is told."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._held = bytearray()
        self._selector = selectors.DefaultSelector()
        self._selector.register(pipe, selectors.EVENT_READ)

    def next(self, seconds: float) -> Frame:
        """Return the next frame.

        Raises:
            Slow: it did not come whole within ``seconds``.
            Broken: the pipe ended, or what came is no frame.
        """
        deadline = time.monotonic() + seconds
        while (end := self._held.find(b"\n")) < 0:
            self._more(deadline)
            if len(self._held) > _MOST_HEAD:
                raise Broken("a head without an end")
        try:
            head = json.loads(bytes(self._held[:end]))
            sizes = [int(size) for size in head.pop("sizes")]
            what = str(head.pop("what"))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Broken(f"no frame: {error}") from None
        if any(size < 0 for size in sizes) or sum(sizes) > _MOST_BODY:
            raise Broken("a frame too large")
        del self._held[: end + 1]
        bodies = []
        for size in sizes:
            while len(self._held) < size:
                self._more(deadline)
            bodies.append(bytes(self._held[:size]))
            del self._held[:size]
        return Frame(what, head, bodies)

    def close(self) -> None:
        """Let go of the pipe's registration."""
        self._selector.close()

    def _more(self, deadline: float) -> None:
        if not self._selector.select(max(deadline - time.monotonic(), 0)):
            raise Slow("nothing came in time")
        piece = os.read(self._pipe, 1 << 20)
        if not piece:
            raise Broken("the pipe ended")
        self._held += piece

"""A sender's connection: a request whose head has come before, byte for byte, is not parsed again.

Senders of single rows repeat themselves: all but the body is the same each time, and to parse it, to make a task and to
find the way to the handler costs more than all the rest. So a handler may say of a request's head that whatever else
comes with the very same bytes is for it: then it is given the body at once, and writes its answer when it has one. What
HTTP is stays the business of uvicorn's parser: only heads that it has read are known, and everything that does not come
as one piece, in turn, with a known head goes to it. What stands before the handler (the guard, the routes) must judge a
request by its head alone, for it is asked once a head. Such requests are in no access log.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.types import Message
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from monitor.api.quick import SAME_HEAD, Taker

MOST_HEADS, LONGEST = 2_048, 1_024
"""How many heads are known at a time, and how long they may be, in bytes."""

_END = b"\r\n\r\n"


class Heads:
    """The heads that are known to all connections of a server: who takes what comes with them, and its length."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Taker, int]] = {}

    def add(self, head: bytes, length: int, taker: Taker) -> None:
        """Know a head from now on; where there are too many, those before are forgotten."""
        if len(self._known) >= MOST_HEADS:
            self._known.clear()
        self._known[head] = (taker, length)

    def taker(self, data: bytes) -> tuple[Taker, bytes] | None:
        """Return who takes a request that is one piece with a known head, and its body; None for all others."""
        end = data.find(_END) + len(_END)
        known = self._known.get(data[:end])
        return (known[0], data[end:]) if known is not None and len(data) - end == known[1] else None


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with a short way for requests whose heads are known.

    Args:
        heads: which are; one for all connections of a server.
        config: uvicorn's, as are the others.
        server_state: the server's.
        app_state: the application's.
        more: what else uvicorn hands in.
    """

    def __init__(self, heads: Heads, config: Config, server_state: ServerState, app_state: dict[str, Any], **more: Any):
        super().__init__(config=config, server_state=server_state, app_state=app_state, **more)
        self._heads = heads
        self._begun = self._ended = self._answered = 0  # how many requests went through the parser
        self._asked = False  # a request that came the short way is not answered yet
        self._last = False  # it is the connection's last: the server is stopping
        self._behind = b""  # what came behind it

    def data_received(self, data: bytes) -> None:
        """Take what came: give it away the short way, keep it behind a request that went there, or parse it."""
        if self._asked:
            self._behind += data
            self.flow.pause_reading()
            return
        if not self._begun == self._ended == self._answered:
            super().data_received(data)
            return
        found = self._heads.taker(data)
        if found is None or self.flow.write_paused or self.transport.is_closing():
            self._parse(data)
            return
        taker, body = found
        self._asked = True
        if taker(body, self.respond):
            self._unset_keepalive_if_required()
        else:
            self._asked = False
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Parse what came between requests; where it is just one, let its handler say that its head may be known."""
        ended = self._ended
        super().data_received(data)
        length = len(data) - data.find(_END) - len(_END)
        if (
            self._begun == self._ended == ended + 1
            and self.scope["http_version"] == "1.1"
            and not self.parser.should_upgrade()  # a WebSocket's opening has no cycle
            and self.cycle.keep_alive
            and not self.expect_100_continue
            and len(data) - length <= LONGEST
            and (b"content-length", b"%d" % length) in self.headers
        ):
            head = data[: len(data) - length]
            self.scope["extensions"] = {SAME_HEAD: {"taker": partial(self._heads.add, head, length)}}

    def on_message_begin(self) -> None:
        """Note that a request begins."""
        self._begun += 1
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """Note that a request is complete."""
        self._ended += 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note that a request is answered."""
        self._answered += 1
        super().on_response_complete()

    def respond(self, start: Message, content: Message) -> None:
        """Write the answer to the request that went the short way, and go on with what came behind it."""
        self._asked = False
        if self.transport.is_closing():
            return
        headers = [*self.server_state.default_headers, *start["headers"]]
        if self._last:
            headers.append((b"connection", b"close"))
        lines = b"".join([b"%b: %b\r\n" % line for line in headers])
        self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[start["status"]], lines, content["body"]))
        if self._last:
            self.transport.close()
            return
        super().on_response_complete()
        if self._behind:
            behind, self._behind = self._behind, b""
            self.data_received(behind)

    def shutdown(self) -> None:
        """Stop: once the request that went the short way is answered, if there is one."""
        if self._asked:
            self._last = True
        else:
            super().shutdown()


def connections() -> Callable[..., Connection]:
    """Return what makes the connections of one server, as uvicorn's setting ``http`` takes it."""
    return partial(Connection, Heads())

"""Receivers that messages really reach: a web server and a mail server on this machine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer
from socketserver import StreamRequestHandler, TCPServer, ThreadingTCPServer
from threading import Thread
from typing import ClassVar


class Hook(BaseHTTPRequestHandler):
    """Keeps what it is posted, with the key of each; answers as it is told."""

    got: ClassVar[list[tuple[str, dict[str, object]]]] = []
    answer: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((self.headers["Idempotency-Key"], json.loads(body)))
        self.send_response(self.answer)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Keep the tests' output quiet."""


class Mailbox(StreamRequestHandler):
    """Speaks as much SMTP as it takes to be given a message."""

    got: ClassVar[list[Message]] = []

    def handle(self) -> None:
        self._say("220 here")
        while line := self.rfile.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"DATA":
                self._say("354 go on")
                self.got.append(message_from_bytes(self._message()))
            elif word == b"QUIT":
                self._say("221 bye")
                return
            self._say("250 ok")

    def _message(self) -> bytes:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        return b"".join(lines)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def web() -> Iterator[str]:
    """Run a web server; yields the address of its hook."""
    Hook.got, Hook.answer = [], 200
    with _running(HTTPServer(("127.0.0.1", 0), Hook)) as port:
        yield f"http://127.0.0.1:{port}/hook"


@contextmanager
def mail() -> Iterator[str]:
    """Run a mail server; yields an Apprise address of it."""
    Mailbox.got = []
    with _running(ThreadingTCPServer(("127.0.0.1", 0), Mailbox)) as port:
        yield f"mailto://127.0.0.1:{port}?from=wg@example.com&to=ops@example.com&mode=insecure"


@contextmanager
def _running(server: TCPServer) -> Iterator[int]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""Replay recordings of model servers: through the proxy before an upstream that answers as recorded, and to the API.

What is stored is compared with the tensors on the wire, which `servers_wire` reads for itself.
"""

import asyncio
import contextlib
import http.client
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvicorn

from app.link import HttpTransport, Link
from monitor.client import Client
from monitor.client.asgi import CaptureMiddleware
from monitor.proxy import Proxy
from tests.benchmarks.servers_compare import differing, rows_of, schema_of
from tests.benchmarks.servers_notes import say
from tests.benchmarks.servers_wire import Recording, Tensor, exchange, load

_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server"})


@contextlib.contextmanager
def upstream(recordings: Mapping[str, Recording]) -> Iterator[int]:
    """Give each recording's answer to a request with its name in the header ``x-recording``; the port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            recording = recordings[self.headers["x-recording"]]
            self.send_response(recording.status)
            for name, value in recording.answer_headers.items():
                if name not in _HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(recording.answer)))
            self.end_headers()
            self.wfile.write(recording.answer)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names are the base's

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listening.server_address[1]
        finally:
            listening.shutdown()
            thread.join()


@contextlib.contextmanager
def proxied(port: int, client: Client, **reading: Any) -> Iterator[int]:
    """The proxy before ``port``, in this process; its port."""
    app = CaptureMiddleware(Proxy(f"http://127.0.0.1:{port}"), client=client, **reading)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="on", ws="none"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline:
            raise TimeoutError("the proxy did not start")
        time.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def replay(folder: Path, url: str) -> dict[str, Any]:
    """Replay every recording of a folder to a running Watchglass.

    Args:
        folder: the recordings.
        url: the address of Watchglass.

    Returns:
        What was ``sent`` and ``stored`` in rows and how many rows were ``differing``, over all recordings; ``ignored``,
        those that are no inferences and left nothing; ``bodies_differing``, answers that the proxy changed; and
        ``problems`` in words.
    """
    recordings = load(folder)
    told: dict[str, Any] = dict.fromkeys(
        ("recordings", "sent", "stored", "differing", "ignored", "bodies_differing"), 0
    )
    problems: list[str] = []
    described = _metadata(recordings)
    mark = uuid4().hex[:8]  # a folder may be replayed again
    with Link(HttpTransport(url), url) as link, upstream({one.name: one for one in recordings}) as port:
        for place, recording in enumerate(recordings):
            told["recordings"] += 1
            outcome = _one(link, url, port, f"recorded-{mark}-{place}", recording, described)
            for name in ("sent", "stored", "differing", "ignored", "bodies_differing"):
                told[name] += outcome[name]
            problems += [f"{recording.name}: {problem}" for problem in outcome["problems"]]
            counts = ", ".join(f"{outcome[name]} {name}" for name in ("sent", "stored", "differing"))
            say(f"{recording.name}: {counts}{'' if recording.inference else ' (no inference)'}")
    return told | {"problems": problems}


def _one(
    link: Link, url: str, port: int, model: str, recording: Recording, described: dict[str, Any]
) -> dict[str, Any]:
    outcome: dict[str, Any] = dict.fromkeys(("sent", "stored", "differing", "ignored", "bodies_differing"), 0)
    outcome["problems"] = problems = []
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    metadata = described.get(recording.path.partition("/infer")[0].partition("/versions")[0], {})
    own = recording.inference and not recording.spoken  # of no protocol: its path has to be named
    reading: dict[str, Any] = {"model": model, "path": recording.path.partition("?")[0] if own else None}
    if recording.inference:
        try:
            inputs, outputs = exchange(recording, metadata)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            problems.append(f"the bench itself cannot read it: {type(error).__name__}: {error}")
        outcome["sent"] = rows_of(inputs, outputs)
    schema = schema_of(inputs, outputs)
    link.ask("PUT", f"/v1/models/{model}", json_body={"schema": schema, "owner": "bench@localhost"})
    client = Client(url, model, "1", source="proxy")
    headers = {key: value for key, value in recording.headers.items() if key not in _HOP} | {
        "x-recording": recording.name
    }
    if recording.headers.get("inference-header-content-length") == "0" and metadata:
        (tensor,) = metadata["inputs"]
        sizes = " ".join(str(size) for size in tensor["shape"] if size > 0)
        headers["watchglass-tensor"] = f"{tensor['name']} {tensor['datatype']} {sizes}".strip()
    with proxied(port, client, task=schema["task"], **reading) as mine:
        connection = http.client.HTTPConnection("127.0.0.1", mine, timeout=30)
        connection.request(recording.method, recording.path, recording.body or None, headers)
        reply = connection.getresponse()
        if (reply.status, reply.read()) != (recording.status, recording.answer):
            outcome["bodies_differing"] += 1
            problems.append("the proxy changed the answer")
        connection.close()
    if not client.flush(timeout=30):
        problems.append("what was captured was not sent")
    stats = client.stats()
    client.close()
    if stats["dropped"]:
        problems.append(f"dropped {stats['dropped']}: {stats['last_error']:.300}")
    stored = stored_rows(link, model)
    outcome["stored"] = len(stored)
    if not recording.inference:
        outcome["ignored"] = int(not stored and not stats["dropped"])
        return outcome
    wrong = differing(inputs, outputs, stored)
    outcome["differing"] = len({one.partition(":")[0] for one in wrong})
    problems += wrong[:5]
    return outcome


def stored_rows(link: Link, model: str) -> list[dict[str, Any]]:
    """Return a model's rows in the order of their requests' rows."""
    found: list[dict[str, Any]] = []
    offset: int | None = 0
    while offset is not None:
        query = {"limit": 10_000, "offset": offset, "descending": "false"}
        page = link.ask("GET", f"/v1/models/{model}/inferences", query=query)
        found += page["inferences"]
        offset = page["next_offset"]
    return sorted(found, key=_place)


def _place(row: Mapping[str, Any]) -> tuple[str, str, int]:
    base, _, last = row["id"].rpartition(":")
    return row["time"], base, int(last) if last.isdigit() else 0


def _metadata(recordings: list[Recording]) -> dict[str, Any]:
    """Return what models say of themselves, by their path."""
    found = {}
    for recording in recordings:
        if recording.method == "GET" and "/v2/models/" in recording.path and recording.status == 200:
            with contextlib.suppress(ValueError):
                import json

                told = json.loads(recording.answer)
                if isinstance(told, dict) and told.get("inputs"):
                    found[recording.path.partition("/versions")[0].rstrip("/")] = told
    return found

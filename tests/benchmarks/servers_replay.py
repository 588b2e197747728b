"""Replay recordings of model servers: through the proxy before an upstream that answers as recorded, and to the API.

What is stored is compared with the tensors on the wire, which `servers_wire` reads for itself.
"""

import asyncio
import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import urllib3
import uvicorn

from app.link import HttpTransport, Link
from monitor.client import Client
from monitor.client.asgi import CaptureMiddleware
from monitor.proxy import Proxy
from tests.benchmarks.servers_compare import differing, rows_of, schema_of
from tests.benchmarks.servers_notes import say
from tests.benchmarks.servers_wire import Recording, Tensor, exchange, load

_COUNTS = (
    *("sent", "stored", "differing", "ignored", "bodies_differing"),
    *("events_sent", "events_stored", "events_differing"),
)
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
        What was ``sent`` and ``stored`` in rows and how many rows were ``differing``, over all recordings, through the
        proxy and, as ``events_…``, as events of KServe's logger where they can be such; ``ignored``, those that are no
        inferences and left nothing; ``bodies_differing``, answers that the proxy changed; and ``problems`` in words.
    """
    recordings = load(folder)
    told: dict[str, Any] = dict.fromkeys(("recordings", *_COUNTS), 0)
    problems: list[str] = []
    described = _metadata(recordings)
    mark = uuid4().hex[:8]  # a folder may be replayed again
    with Link(HttpTransport(url), url) as link, upstream({one.name: one for one in recordings}) as port:
        for place, recording in enumerate(recordings):
            one = _Replayed(link, url, recording, f"recorded-{mark}-{place}", described)
            one.run(port)
            told["recordings"] += 1
            for name in _COUNTS:
                told[name] += one.counts[name]
            problems += [f"{recording.name}: {problem}" for problem in one.problems]
            shown = ", ".join(f"{one.counts[name]} {name}" for name in ("sent", "stored", "differing"))
            say(f"{recording.name}: {shown}{'' if recording.inference else ' (no inference)'}")
    return told | {"problems": problems}


class _Replayed:
    """One recording, replayed in every way that applies to it."""

    def __init__(self, link: Link, url: str, recording: Recording, model: str, described: Mapping[str, Any]) -> None:
        self._link, self._url, self._recording, self._model = link, url, recording, model
        self.counts = dict.fromkeys(_COUNTS, 0)
        self.problems: list[str] = []
        self._metadata = described.get(recording.path.partition("/infer")[0].partition("/versions")[0], {})
        self._inputs: list[Tensor] = []
        self._outputs: list[Tensor] = []
        if recording.inference:
            try:
                self._inputs, self._outputs = exchange(recording, self._metadata)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                self.problems.append(f"the bench itself cannot read it: {type(error).__name__}: {error}")
            self.counts["sent"] = rows_of(self._inputs, self._outputs)
        self._schema = schema_of(self._inputs, self._outputs)

    def run(self, port: int) -> None:
        """Replay to the proxy before ``port``, and to the API."""
        dropped = self._pass(port)
        stored = stored_rows(self._link, self._model)
        self.counts["stored"] = len(stored)
        if not self._recording.inference:
            self.counts["ignored"] = int(not stored and not dropped)
            return
        self.counts["differing"] = self._compare(stored, "")
        agreed = len({len(tensor.rows) for tensor in [*self._inputs, *self._outputs]}) == 1
        # The logger tells of V1 and V2, and loses what a form or a raw tensor is read by.
        if "/models/" in self._recording.path and self._recording.spoken and agreed and not self._raw:
            self._tell()

    @property
    def _raw(self) -> bool:
        return self._recording.headers.get("inference-header-content-length") == "0"

    def _register(self, model: str) -> None:
        body = {"schema": self._schema, "owner": "bench@localhost"}
        self._link.ask("PUT", f"/v1/models/{model}", json_body=body)

    def _pass(self, port: int) -> Mapping[str, int]:
        """Ask through the proxy as was asked then; return what was captured but could not be read, by reason."""
        recording = self._recording
        self._register(self._model)
        headers = {key: value for key, value in recording.headers.items() if key not in _HOP}
        headers["x-recording"] = recording.name
        if self._raw and self._metadata:
            (tensor,) = self._metadata["inputs"]
            sizes = [str(size) for size in tensor["shape"] if size > 0]
            headers["watchglass-tensor"] = " ".join([tensor["name"], tensor["datatype"], *sizes])
        own = recording.inference and not recording.spoken  # of no protocol: its path has to be named
        path = recording.path.partition("?")[0] if own else None
        client = Client(self._url, self._model, "1", source="proxy")
        with proxied(port, client, task=self._schema["task"], model=self._model, path=path) as mine:
            connection = http.client.HTTPConnection("127.0.0.1", mine, timeout=100)
            connection.request(recording.method, recording.path, recording.body or None, headers)
            reply = connection.getresponse()
            if (reply.status, reply.read()) != (recording.status, recording.answer):
                self.counts["bodies_differing"] += 1
                self.problems.append("the proxy changed the answer")
            connection.close()
        if not client.flush(timeout=100):
            self.problems.append("what was captured was not sent")
        stats = client.stats()
        client.close()
        if stats["dropped"]:
            self.problems.append(f"dropped {stats['dropped']}: {stats['last_error']:.300}")
        return dict(stats["dropped"])

    def _tell(self) -> None:
        """Send both sides as the events of KServe's logger, the answer first."""
        recording, model = self._recording, f"{self._model}-events"
        self._register(model)
        for side, body in (("response", recording.answer), ("request", recording.body)):
            headers = {"ce-id": recording.name, "ce-type": f"org.kubeflow.serving.inference.{side}"}
            headers |= {"ce-specversion": "1.0", "ce-source": "bench", "content-type": "application/json"}
            address = f"{self._url}/v1/models/{model}/collect/kserve"
            reply = urllib3.request("POST", address, body=body, headers=headers, retries=False)
            if reply.status != 200:
                self.problems.append(f"the event of the {side} was answered {reply.status}: {reply.data[:200]!r}")
        stored = stored_rows(self._link, model)
        self.counts |= {"events_sent": self.counts["sent"], "events_stored": len(stored)}
        self.counts["events_differing"] = self._compare(stored, "by events: ")

    def _compare(self, stored: list[dict[str, Any]], way: str) -> int:
        wrong = differing(self._inputs, self._outputs, stored)
        self.problems += [f"{way}{one}" for one in wrong[:5]]
        return len({one.partition(":")[0] for one in wrong})


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
                told = json.loads(recording.answer)
                if isinstance(told, dict) and told.get("inputs"):
                    found[recording.path.partition("/versions")[0].rstrip("/")] = told
    return found

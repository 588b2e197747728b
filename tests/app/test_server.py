"""One application: our paths before the dashboard, for this machine only, and whole without its extras."""

import asyncio
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import urllib3

import monitor
from app.demo.processes import Child, free_port
from app.runtime import Runtime, runtime, set_runtime
from app.server import create_app
from monitor.clock import ManualClock
from monitor.config import Config
from monitor.errors import Unavailable
from tests.waiting import until


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Runtime]:
    found = Runtime.open(Config(data_dir=tmp_path, clock="manual"))
    yield found
    found.close()


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(opened: Runtime) -> Ask:
    app = create_app(opened, dashboard=False)

    def send(path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def call() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost:1") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(call())

    return send


def test_the_api_comes_first_and_without_a_dashboard_the_root_says_so(ask: Ask) -> None:
    assert ask("/healthz").json()["status"] == "ok"
    assert ask("/v1/models").json() == {"models": []}
    assert ask("/v1/nothing").headers["content-type"] == "application/problem+json"
    assert "/v1/openapi.json" in ask("/").text
    assert "/v1/openapi.json" in ask("/metricsque").text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", ""])
def test_requests_under_another_name_are_refused(ask: Ask, host: str) -> None:
    """A page that rebinds its own name to 127.0.0.1 gets nothing, from the API or the dashboard."""
    for path in ("/v1/models", "/", "/_stcore/health"):
        assert ask(path, host=host).status_code == 421
    assert ask("/v1/models", host="[::1]:8080").status_code == 200


def test_requests_from_pages_of_other_sites_are_refused(ask: Ask) -> None:
    assert ask("/v1/run", "POST", origin="https://evil.example").status_code == 403
    assert ask("/v1/run", "POST", origin="null").status_code == 403
    assert ask("/v1/run", "POST", origin="http://127.0.0.1:8501").status_code == 200


def test_closing_does_not_wait_for_an_explanation_that_a_job_asked_for(tmp_path: Path) -> None:
    """A supervisor kills what takes longer to stop than it allows."""
    found = Runtime.open(Config(data_dir=tmp_path, clock="manual"))
    said: list[bool] = []

    def wait() -> None:
        until(lambda: found.explain.closed)
        said.extend((found.explain.closed, found.scheduler.context.stopping.is_set()))

    found.scheduler._threads = [Thread(target=wait)]
    found.scheduler._threads[0].start()
    found.close()
    assert said == [True, True]


def test_the_address_of_a_proxy_in_front_is_named_by_the_configuration(tmp_path: Path) -> None:
    opened = Runtime.open(Config(data_dir=tmp_path, base_url="https://watch.example"))
    app = create_app(opened, dashboard=False)

    async def call(host: str, origin: str) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return (await client.get("/healthz", headers={"host": host, "origin": origin})).status_code

    assert asyncio.run(call("watch.example", "https://watch.example")) == 200
    assert asyncio.run(call("watch.example.evil", "https://watch.example")) == 421
    assert asyncio.run(call("watch.example", "https://evil.example")) == 403
    opened.close()


def test_websockets_of_other_sites_are_closed(opened: Runtime) -> None:
    app = create_app(opened, dashboard=False)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    for host, code in ((b"evil.example", 1008), (b"localhost", 1000)):
        scope = {"type": "websocket", "path": "/_stcore/stream", "headers": [(b"host", host)]}
        asyncio.run(app(scope, receive, send))
        assert (sent[-1]["type"], sent[-1]["code"]) == ("websocket.close", code)


def test_pages_find_the_runtime_and_without_one_are_told_why(opened: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runtime._running", [])
    with pytest.raises(RuntimeError, match="watchglass serve"):
        runtime()
    set_runtime(opened)
    assert runtime() is opened


def test_one_process_owns_the_store(opened: Runtime) -> None:
    command = [sys.executable, "-m", "app.cli", "serve", "--no-dashboard", "--port", "0"]
    environment = {"WATCHGLASS_DATA_DIR": str(opened.config.data_dir)}
    other = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=200)
    assert other.returncode == 3
    assert "One process owns the file" in other.stderr


def test_a_server_waits_for_a_command_that_holds_the_store(opened: Runtime) -> None:
    """Where a command ran just before the server was up, it is waited for."""
    command = [sys.executable, "-m", "app.cli", "serve", "--no-dashboard", "--port", "0"]
    environment = {"WATCHGLASS_DATA_DIR": str(opened.config.data_dir)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            said = [server.stderr.readline()]
            opened.close()
            said.append(server.stderr.readline())
        finally:
            server.terminate()
            rest = server.stderr.read()
    assert "Another process holds the store" in said[0]
    assert "listens at" in said[1], (said, rest)


def test_a_server_that_is_told_to_stop_just_as_it_starts_stops(tmp_path: Path) -> None:
    """The signal came after the server said that it listens, and before it listened for signals: it was lost."""
    code = (
        "import os, signal, sys, uvicorn\n"
        "run = uvicorn.Server.run\n"
        "def told(self, **given):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    run(self, **given)\n"
        "uvicorn.Server.run = told\n"
        "from app.cli import main\n"
        "sys.argv = ['watchglass', 'serve', '--no-dashboard', '--port', '0']\n"
        "main()\n"
    )
    environment = {"WATCHGLASS_DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)}
    ended = subprocess.run(
        [sys.executable, "-c", code], check=False, env=environment, capture_output=True, text=True, timeout=200
    )
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "data" / "server.url").exists()


def test_a_manual_clock_outlives_the_process(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    moment = datetime(2013, 5, 1, 6, 30, 0, 5, tzinfo=UTC)
    for _ in range(2):
        found = Runtime.open(Config(data_dir=tmp_path, clock="manual"))
        assert isinstance(found.clock, ManualClock)
        found.clock.advance(moment)
        assert found.clock.now() == moment
        found.close()
        moment = moment.replace(minute=31)


def test_a_runtime_that_cannot_open_leaves_the_store_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.runtime.Scheduler", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Runtime.open(Config(data_dir=tmp_path))
    monkeypatch.undo()
    Runtime.open(Config(data_dir=tmp_path)).close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """A real server with its dashboard."""
    port = free_port()
    environment = {"WATCHGLASS_DATA_DIR": str(tmp_path / "data"), "HOME": str(tmp_path)}
    child = Child("watchglass", ["app.cli", "serve", "--port", str(port)], tmp_path / "log", environment)
    child.wait_ready(f"http://127.0.0.1:{port}/healthz")
    yield f"http://127.0.0.1:{port}"
    child.stop()
    assert child._process.returncode == 0, child.tail()
    assert "Traceback" not in child.tail(1000)
    assert not (tmp_path / "data" / "server.url").exists()


def test_dashboard_and_api_share_one_port(served: str) -> None:
    """The dashboard's own health, its page, and a client's rows, all at one address."""
    assert urllib3.request("GET", f"{served}/_stcore/health").data == b"ok"
    assert b"Streamlit" in urllib3.request("GET", f"{served}/alerts").data
    schema = {"task": "regression", "features": [{"name": "x", "kind": "numeric"}]}
    assert urllib3.request("PUT", f"{served}/v1/models/m", json={"schema": schema}).status == 201
    client = monitor.Client(served, model="m")
    client.log({"x": [1.0, 2.0, float("nan")]}, {"prediction": [1.0, 2.0, 3.0]}, ids=["a", "b", "c"])
    client.label(["a", "b"], [1.5, 2.5])
    assert client.flush(timeout=60), client.stats()
    client.close()
    page = urllib3.request("GET", f"{served}/v1/models/m/inferences?labelled=true").json()
    assert sorted((row["id"], row["label"]) for row in page["inferences"]) == [("a", 1.5), ("b", 2.5)]
    lines = urllib3.request("GET", f"{served}/v1/ledger").json()["lines"]
    assert {(line["source"], line["outcome"], line["rows"]) for line in lines} == {
        ("client", "stored", 3),
        ("labels", "stored", 2),
    }


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.org", "::"])
def test_other_addresses_than_loopback_are_refused_with_the_reason(tmp_path: Path, host: str) -> None:
    command = [sys.executable, "-m", "app.cli", "serve", "--no-dashboard"]
    environment = {"WATCHGLASS_HOST": host, "WATCHGLASS_DATA_DIR": str(tmp_path), "PATH": "/usr/bin"}
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 2
    assert "no access control yet" in done.stderr


def test_a_taken_port_is_unavailable(tmp_path: Path) -> None:
    from app.serving import serve

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(Unavailable, match="Give another --port"):
            serve(None, port=taken.getsockname()[1], data_dir=tmp_path)


CORE = """
    import asyncio, importlib.abc, json, sys

    BLOCKED = {"torch", "shap", "lime", "streamlit", "pandas", "plotly", "evidently", "sklearn", "scipy", "safetensors"}

    class Absent(importlib.abc.MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in BLOCKED:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(0, Absent())
    import monitor
    monitor.Client
    assert not {"duckdb", "pyarrow", "starlette"} & set(sys.modules), "the client is light"
    from app.link import Link
    from app.transport import LocalTransport
    from monitor.config import Config

    with Link(LocalTransport(Config(data_dir=sys.argv[1])), "here") as link:
        schema = {"task": "binary", "features": [{"name": "x", "kind": "numeric"}]}
        link.ask("PUT", "/v1/models/m", json_body={"schema": schema})
        rows = [{"id": str(i), "features": {"x": i / 7}, "scores": [i / 100]} for i in range(100)]
        assert link.ask("POST", "/v1/models/m/inferences", json_body=rows)["stored"] == 100
        link.ask("POST", "/v1/models/m/labels", json_body=[{"id": str(i), "value": i % 2} for i in range(100)])
        assert link.ask("GET", "/v1/models/m/inferences")["total"] == 100
        assert link.ask("POST", "/v1/run")["failures"] == 0
        assert link.ask("POST", "/v1/run", json_body={"model": "m"})["failures"] == 0
        assert link.ask("GET", "/v1/verify")["ok"]
        try:
            link.ask("POST", "/v1/models/m/reports")
        except Exception as error:
            assert "watchglass[reports]" in str(error), error
    assert not BLOCKED & {name.partition(".")[0] for name in sys.modules}
    print("whole")
"""


def test_the_core_alone_registers_captures_measures_and_answers(tmp_path: Path) -> None:
    """As after ``pip install watchglass`` without extras: everything that is not core is made impossible to import."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(CORE), str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=200)
    assert done.stdout.strip() == "whole", done.stderr

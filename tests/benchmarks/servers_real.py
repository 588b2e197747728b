"""Install real model servers, each into an environment of its own; drive them with real clients while capturing.

A server that cannot be had here is reported as unavailable, with the reason; nothing is made up for it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from app.demo.processes import Child, free_port
from app.link import HttpTransport, Link
from monitor.errors import Unavailable
from tests.benchmarks.servers_compare import differing, schema_of
from tests.benchmarks.servers_notes import Noted, read_notes, say
from tests.benchmarks.servers_replay import stored_rows

HERE = Path(__file__).parent / "served"
ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("WATCHGLASS_SERVERS", Path.home() / ".cache" / "watchglass" / "servers"))
_INSTALL_SECONDS, _READY_SECONDS, _DRIVE_SECONDS = 1_200, 300.0, 600


@dataclass(frozen=True)
class Server:
    """A model server: what to install, how it is asked, and what its readiness is told by.

    ``python`` is an interpreter that it needs, ``itself`` whether it also captures itself, by the middleware, and
    ``events`` whether its exchanges are also sent as KServe's logger does, ``logs`` whether its monitor's files are
    imported. ``arguments`` of ``serve`` for single cases, beside the port.
    """

    requirements: tuple[str, ...]
    cases: tuple[str, ...]
    ready: str
    python: str = sys.executable
    itself: bool = False
    events: bool = False
    logs: bool = False
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    path: str | None = None


SERVERS = {
    "kserve": Server(
        ("kserve==0.21.0", "scikit-learn==1.7.2"), ("v1", "v2_json", "v2_binary"), "/v2/health/ready", events=True
    ),
    "torchserve": Server(
        (
            "torchserve==0.12.0",
            "torch-model-archiver==0.12.0",
            "torch==2.13.0",
            "numpy",
            "psutil",
            "pyyaml",
            "packaging",
            "setuptools==80.9.0",
        ),
        ("predictions", "versioned", "v1", "v2"),
        "/ping",
        arguments={"v2": ("kservev2",)},
    ),
    # 1.4.40 wants a certifi of a day that not every index has.
    "bentoml": Server(
        ("bentoml==1.4.39", "scikit-learn==1.7.2"), ("classify",), "/readyz", logs=True, path="/classify"
    ),
    # Its stub dies on Python 3.11.7; Debian's 3.11.2 is known to do.
    "triton": Server(
        ("nvidia-pytriton==0.7.0", "tritonclient[http]==2.51.0", "scikit-learn==1.7.2"),
        ("v2_json", "v2_binary"),
        "/v2/models/iris/ready",
        python="/usr/bin/python3",
    ),
    "mlserver": Server(("mlserver==1.7.1", "scikit-learn==1.7.2"), ("v2_flat", "v2_nested"), "/v2/models/iris/ready"),
    "onnxruntime": Server(
        ("onnxruntime==1.23.2", "onnx==1.19.1", "fastapi==0.115.12", "uvicorn==0.34.3", "msgspec", "urllib3"),
        ("v2_json",),
        "/v2/health/ready",
        itself=True,
    ),
}


def run(chosen: list[str], folder: Path, url: str) -> dict[str, Any]:
    """Run the chosen servers, or all; return what was sent, stored and differing for each, or why it is unavailable."""
    strange = set(chosen) - SERVERS.keys()
    if strange:
        raise SystemExit(f"SERVERS names {', '.join(sorted(strange))}; allowed: {', '.join(SERVERS)}")
    figures: dict[str, Any] = {}
    for name in chosen or SERVERS:
        try:
            python = install(name, SERVERS[name])
            figures[name] = _Run(name, SERVERS[name], python, folder / name, url).figures()
        except (Unavailable, OSError, subprocess.SubprocessError) as error:
            figures[name] = {"unavailable": str(error)[-600:]}
        say(f"{name}: {figures[name]}")
    return figures


def install(name: str, server: Server) -> Path:
    """Return the interpreter of the server's environment, made first where it is not there yet.

    Raises:
        Unavailable: it cannot be installed; the message ends with what pip said.
    """
    home = CACHE / name
    python, wanted = home / "venv" / "bin" / "python", "\n".join((server.python, *server.requirements))
    done = home / "installed"
    if done.exists() and done.read_text() == wanted:
        return python
    say(f"{name}: installing {' '.join(server.requirements)} …")
    if shutil.which(server.python) is None:
        raise Unavailable(f"there is no {server.python}")
    home.mkdir(parents=True, exist_ok=True)
    commands = [
        [server.python, "-m", "venv", "--clear", str(home / "venv")],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *server.requirements],
    ]
    for command in commands:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False)
        if ended.returncode:
            raise Unavailable(f"it cannot be installed: {(ended.stderr or ended.stdout).strip()[-500:]}")
    done.write_text(wanted)
    return python


class _Run:
    """One server, started, driven and compared."""

    def __init__(self, name: str, server: Server, python: Path, folder: Path, url: str) -> None:
        self._name, self._server, self._python, self._folder, self._url = name, server, python, folder, url
        self._totals = {"sent": 0, "stored": 0, "differing": 0}
        self._told: dict[str, Any] = {}
        self._before: list[Noted] = []

    def figures(self) -> dict[str, Any]:
        """Run every case in every way that applies."""
        with Link(HttpTransport(self._url), self._url) as link:
            for case in self._server.cases:
                self._proxied(link, case)
                if self._server.itself:
                    self._captured_by_itself(link, case)
        return {**self._totals, "by_way": self._told}

    def _proxied(self, link: Link, case: str) -> None:
        port = free_port()
        with self._serving(case, port) as server:
            model = self._registered(link, case, "proxy", port)
            mine = free_port()
            more = [f"--path={self._server.path}"] if self._server.path else []
            told = [
                f"--upstream=http://127.0.0.1:{port}",
                f"--model={model}",
                f"--listen-port={mine}",
                f"--url={self._url}",
            ]
            proxy = Child("proxy", ["app.cli", "proxy", *told, *more], self._folder / f"proxy-{case}.log")
            try:
                proxy.wait_ready(f"http://127.0.0.1:{mine}{self._server.ready}")
                noted = self._drive(case, f"http://127.0.0.1:{mine}")
            finally:
                proxy.stop()
            self._compare(link, f"{case} by proxy", model, noted, proxy.tail(2))
            if self._server.events:
                self._sent_as_events(link, case, noted)
            if self._server.logs:
                self._imported(link, case, server.folder, self._before + noted)  # the monitor saw both

    def _captured_by_itself(self, link: Link, case: str) -> None:
        port = free_port()
        model = f"{self._name}-{case}-itself"
        environment = {"WATCHGLASS": self._url, "MODEL": model, "PYTHONPATH": str(ROOT)}
        with self._serving(case, port, environment):
            self._registered(link, case, "itself", port)
            noted = self._drive(case, f"http://127.0.0.1:{port}")
        self._compare(link, f"{case} by middleware", model, noted, "")

    def _sent_as_events(self, link: Link, case: str, noted: list[Noted]) -> None:
        from tests.benchmarks.servers_events import send_events

        model = f"{self._name}-{case}-events"
        link.ask("PUT", f"/v1/models/{model}", json_body=_document(noted))
        problem = send_events(self._url, model, case, noted)
        if problem:
            self._told[f"{case} by logger events"] = problem
        else:
            self._compare(link, f"{case} by logger events", model, noted, "")

    def _imported(self, link: Link, case: str, folder: Path, noted: list[Noted]) -> None:
        model = f"{self._name}-{case}-logs"
        renamed = [Noted(one.inputs, [type(one.outputs[0])("p", one.outputs[0].rows)]) for one in noted]
        link.ask("PUT", f"/v1/models/{model}", json_body=_document(renamed))
        command = [sys.executable, "-m", "app.cli", "import", model, str(folder / "monitoring"), "--format", "bentoml"]
        environment = {**os.environ, "WATCHGLASS_URL": self._url}
        ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
        self._compare(link, f"{case} by monitor logs, imported", model, renamed, ended.stdout + ended.stderr)

    def _serving(self, case: str, port: int, environment: Mapping[str, str] | None = None) -> "_Serving":
        arguments = self._server.arguments.get(case, ())
        return _Serving(
            self._name, self._python, self._folder / f"{case}-{port}", port, arguments, environment, self._server.ready
        )

    def _registered(self, link: Link, case: str, way: str, port: int) -> str:
        """Register a model whose columns are those that an exchange, asked without capture, has."""
        model = f"{self._name}-{case}-{way}"
        self._before = self._drive(case, f"http://127.0.0.1:{port}", model)
        link.ask("PUT", f"/v1/models/{model}", json_body=_document(self._before))
        return model

    def _drive(self, case: str, url: str, note: str = "notes") -> list[Noted]:
        notes = self._folder / f"{case}-{note}.jsonl"
        command = [str(self._python), str(HERE / f"serve_{self._name}.py"), "drive", case, url, str(notes)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_DRIVE_SECONDS, check=False)
        if ended.returncode:
            raise Unavailable(f"the client of {case} failed: {ended.stderr[-600:]}")
        return read_notes(notes)

    def _compare(self, link: Link, way: str, model: str, noted: list[Noted], log: str) -> None:
        stored = stored_rows(link, model)
        sent = sum(one.rows for one in noted)
        wrong = [] if len(stored) == sent else [f"{sent} rows were sent, {len(stored)} stored; {log[-400:]}"]
        at = 0
        for one in noted if not wrong else ():
            wrong += differing(one.inputs, one.outputs, stored[at : at + one.rows])
            at += one.rows
        counts = {"sent": sent, "stored": len(stored), "differing": len(wrong)}
        self._told[way] = counts
        for what, rows in counts.items():
            self._totals[what] += rows
        say("\n    ".join([f"  {self._name}, {way}: {counts}", *wrong[:3]]))


def _document(noted: list[Noted]) -> dict[str, Any]:
    return {"schema": schema_of(noted[0].inputs, noted[0].outputs), "owner": "bench@localhost"}


class _Serving:
    """A server while it runs, in a folder of its own."""

    def __init__(
        self,
        name: str,
        python: Path,
        folder: Path,
        port: int,
        arguments: tuple[str, ...],
        environment: Mapping[str, str] | None,
        ready: str,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._name, self._ready = name, f"http://127.0.0.1:{port}{ready}"
        script = str(HERE / f"serve_{name}.py")
        command = [str(python), script, "serve", str(port), *arguments]
        module = ["tests.benchmarks.servers_exec", str(folder), *command]
        self._start = lambda: Child(name, module, folder / "server.log", environment)

    def __enter__(self) -> Self:
        self._child = self._start()
        try:
            self._child.wait_ready(self._ready, _READY_SECONDS)
        except Unavailable:
            self._child.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stop()
        with contextlib.suppress(ProcessLookupError):  # some leave workers behind
            os.killpg(self._child._process.pid, signal.SIGKILL)

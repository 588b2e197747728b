"""A real server process on a free port, and a real Chromium."""

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from app.demo.processes import free_port

SERVER = Path(__file__).parents[1] / "app" / "parcels" / "parcels_server.py"
CHROMIUM = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@dataclass(frozen=True)
class Site:
    """Where the dashboard is, and what to go looking for."""

    url: str
    faulty: str
    alert: str


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The seeded server, healthy."""
    directory = tmp_path_factory.mktemp("served")
    log, port = directory / "server.log", free_port()
    with log.open("w") as out:
        command = [sys.executable, str(SERVER), str(directory), str(port)]
        server = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=directory)
        try:
            url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 300
            while not (("READY" in log.read_text()) and _healthy(url)):
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the server did not come up:\n{log.read_text()[-3000:]}")
                server_wait(server)
            words = next(line for line in log.read_text().splitlines() if line.startswith("READY")).split()
            yield Site(url, words[1], words[2])
        finally:
            server.terminate()
            server.wait(120)


def server_wait(server: "subprocess.Popen[bytes]") -> None:
    """Give the server a fifth of a second, or less if it ends."""
    try:
        server.wait(0.2)
    except subprocess.TimeoutExpired:
        return


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium; without one the tests fail, because an unseen dashboard is an untested one.

    Of the module, not the session: while it is open, an event loop runs that other tests could not share.
    """
    path = next((each for each in CHROMIUM if Path(each).exists()), shutil.which("chromium"))
    if path is None:
        pytest.fail(
            "NO BROWSER: the dashboard's tests need Chromium. On Debian and Ubuntu: apt install chromium. "
            f"Looked for {', '.join(CHROMIUM)}."
        )
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()

"""The demo's processes, folder and webhook: started, seen, counted and cleaned up."""

import json
import signal
import socket
import urllib.request
from contextlib import ExitStack

import pytest

from app.demo.folder import prepare
from app.demo.processes import Child, PeakMemory, family, free_port, memory_mb, orderly_end
from app.demo.receiver import Receiver
from monitor.errors import Conflict, Unavailable
from tests.waiting import until


def test_a_child_is_waited_for_and_stopped(tmp_path) -> None:
    port = free_port()
    child = Child("files", ["http.server", str(port), "--bind", "127.0.0.1"], tmp_path / "logs" / "files.log")
    try:
        child.wait_ready(f"http://127.0.0.1:{port}/", seconds=100)
        assert child.running
    finally:
        child.stop()
    assert not child.running
    child.stop()  # once more changes nothing


def test_a_child_that_ends_is_told_with_the_end_of_its_log(tmp_path) -> None:
    child = Child("broken", ["no_such_module_anywhere"], tmp_path / "broken.log")
    with pytest.raises(Unavailable, match=r"broken ended with status 1(.|\n)*no_such_module_anywhere"):
        child.wait_ready("http://127.0.0.1:9/", seconds=100)
    child.stop()


def test_a_child_hears_nothing_of_the_users_own_settings(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WATCHGLASS_PORT", "1")
    (tmp_path / "show.py").write_text("import os; print(sorted(k for k in os.environ if k.startswith('WATCHGLASS')))")
    given = {"PYTHONPATH": str(tmp_path), "WATCHGLASS_CONFIG": "mine.toml"}
    child = Child("show", ["show"], tmp_path / "show.log", given)
    until(lambda: not child.running)
    child.stop()
    assert child.tail() == "['WATCHGLASS_CONFIG']"


def test_a_taken_port_gives_way_to_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert free_port(port) != port
    assert free_port() > 0


def test_a_termination_ends_the_program_in_order() -> None:
    before = signal.getsignal(signal.SIGTERM)
    stopped = []

    def terminated() -> None:
        with orderly_end(), ExitStack() as stack:
            stack.callback(stopped.append, "child")
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(SystemExit) as ended:
        terminated()
    assert ended.value.code == 128 + signal.SIGTERM
    assert stopped == ["child"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_memory_of_the_family_is_sampled(tmp_path) -> None:
    port = free_port()
    with PeakMemory() as alone:
        pass
    child = Child("files", ["http.server", str(port), "--bind", "127.0.0.1"], tmp_path / "files.log")
    try:
        child.wait_ready(f"http://127.0.0.1:{port}/", seconds=100)
        with PeakMemory() as both:
            pass
    finally:
        child.stop()
    assert 10 < alone.pss_mb < both.pss_mb
    assert alone.pss_mb <= alone.rss_mb < both.rss_mb
    assert family(1 << 30) == []
    assert memory_mb(1 << 30) == (0.0, 0.0)


def test_the_folder_is_emptied_only_if_the_demo_made_it(tmp_path) -> None:
    made = prepare(tmp_path / "demo")
    (made / "old").touch()
    assert [path.name for path in sorted(prepare(tmp_path / "demo").iterdir())] == [".watchglass-demo", "tmp"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(Conflict, match="--dir"):
        prepare(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_the_receiver_keeps_each_message_once() -> None:
    with Receiver() as receiver:
        for key in ("a", "a", "b"):
            request = urllib.request.Request(
                receiver.url, json.dumps({"event": "firing", "key": key}).encode(), {"Idempotency-Key": key}
            )
            with urllib.request.urlopen(request, timeout=60) as reply:
                assert reply.status == 204
    assert [message["key"] for message in receiver.messages] == ["a", "b"]

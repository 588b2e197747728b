"""The client and the process around it: what is imported, what a fork inherits, what the end waits for."""

import subprocess
import sys
import textwrap

import pytest


def run(script, *arguments, timeout=300):
    """Run a script in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script), *arguments],
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_capturing_imports_nothing_heavy(receiver):
    """Neither at import nor after rows were sent is any heavy package loaded."""
    out = run(
        """
        import sys
        heavy = ("torch", "shap", "lime", "streamlit", "pandas", "duckdb", "pyarrow", "numpy", "evidently", "pydantic")
        import monitor, monitor.client.asgi
        client = monitor.Client(sys.argv[1], "flights")
        client.log({"x": [1.0]}, [0.5])
        assert client.flush(60)
        client.close()
        print([name for name in heavy if name in sys.modules])
        """,
        receiver.url,
    )
    assert out.strip() == "[]"
    assert len(receiver.rows()) == 1


def test_what_is_logged_just_before_the_end_arrives(receiver):
    """The end of the process sends what is left."""
    run(
        """
        import sys, monitor, monitor.client.ending
        monitor.client.ending.EXIT_SECONDS = 60  # a busy machine takes longer than two seconds
        client = monitor.Client(sys.argv[1], "flights", flush_interval=60, timeout=60)
        client.log({"x": [1.0]}, [0.5])
        """,
        receiver.url,
    )
    assert len(receiver.rows()) == 1


def test_the_end_waits_at_most_two_seconds_for_a_hanging_server(receiver):
    """A server that does not answer cannot keep a process alive."""
    receiver.hang.set()
    script = """
        import sys, time, monitor
        client = monitor.Client(sys.argv[1], "flights", flush_interval=0.01, timeout=250)
        client.log({"x": [1.0]}, [0.5])
        """
    run(script, receiver.url, timeout=200)
    assert receiver.requests == 0, "nothing was answered"


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="this system has no fork")
def test_a_forked_child_starts_empty_and_sends_its_own(receiver):
    """What the parent queued is sent once, by the parent; the child has another identity and a working thread."""
    out = run(
        """
        import os, sys, monitor
        client = monitor.Client(sys.argv[1], "flights", flush_interval=60)
        client.log({"who": ["parent"]}, [0.5])
        child = os.fork()
        if child == 0:
            fresh = client.stats()["logged"] == 0 and client.stats()["queued"] == 0
            client.log({"who": ["child"]}, [0.5])
            ok = client.flush(60)
            os._exit(0 if fresh and ok else 1)
        _, status = os.waitpid(child, 0)
        assert client.flush(60)
        print(os.waitstatus_to_exitcode(status))
        """,
        receiver.url,
    )
    assert out.strip() == "0"
    assert sorted(row["features"]["who"] for row in receiver.rows()) == ["child", "parent"]
    assert len({headers["watchglass-client"] for _, headers, _ in receiver.bodies}) == 2

"""What the client holds in memory while nobody takes it is what it says it holds."""

import subprocess
import sys
import textwrap

import pytest

_ROW = '{**{f"n{i}": float(place) for i in range(14)}, **{f"c{i}": f"{place}é" for i in range(6)}}'
FORMS = {
    "columns": f"{{name: [value] * 32 for name, value in {_ROW}.items()}}",
    "records": f"[{_ROW}] * 32",
    "row": _ROW,
    "lists": '{"vector": [[float(place)] * 64] * 32}',
}


@pytest.mark.parametrize("form", FORMS)
def test_memory_stays_within_the_queue_and_a_little(form):
    """With a server that refuses: queue + 64 MiB at most, whatever is logged for however long."""
    script = f"""
        import resource, sys, monitor
        def rss():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * resource.getpagesize()
        client = monitor.Client("http://127.0.0.1:9", "m", max_bytes=16 * 2**20)
        outputs = 0.5 if {form == "row"} else [0.5] * 32
        before = rss()
        for place in range(40_000):
            client.log({FORMS[form]}, outputs)
            if client.stats()["dropped"]: break
        for place in range(200):
            client.log({FORMS[form]}, outputs)
        assert client.stats()["dropped"], client.stats()
        print((rss() - before) / 2**20)
        client.close(timeout=0)
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True)
    assert float(done.stdout) <= 16 + 64

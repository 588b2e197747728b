"""The server's linear algebra takes one thread: what jobs compute must not take the processors of capture."""

import os
import subprocess
import sys

SERVE = """
import sys, types
stub = types.ModuleType("app.serving")
def serve(*_, **__):
    assert "numpy" not in sys.modules, "too late: it has read how many threads it may take"
    import numpy
    from threadpoolctl import threadpool_info
    numpy.ones((2, 2)) @ numpy.ones((2, 2))
    print(max(each["num_threads"] for each in threadpool_info()))
stub.serve = serve
sys.modules["app.serving"] = stub
sys.argv = ["watchglass", "serve"]
from app.cli import cli
cli()
"""


def served(**environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", SERVE], env={**kept, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_it_takes_one_unless_the_environment_asks_for_more() -> None:
    assert served() == "1"
    assert served(OPENBLAS_NUM_THREADS="2", MKL_NUM_THREADS="2") == "2"

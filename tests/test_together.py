"""Tests that share a server, a browser or a demo run in one worker."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.together import FILES, Together

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("file", FILES)
def test_the_files_are_there(file: str) -> None:
    assert (ROOT / file).exists()


def test_only_their_tests_stay_together() -> None:
    work = object.__new__(Together)
    file = FILES[0]
    assert work._split_scope(f"{file}::test_a[x::y]") == work._split_scope(f"{file}::test_b") == file
    assert work._split_scope("tests/other.py::test_a[1]") == "tests/other.py::test_a[1]"


def test_the_workers_are_given_their_tests_by_it(tmp_path: Path) -> None:
    """As `make test` calls them, with the file of tests that is together here named as one of `FILES`."""
    (tmp_path / "conftest.py").write_text("from tests.conftest import pytest_xdist_make_scheduler\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    file = tmp_path / FILES[0]
    file.parent.mkdir(parents=True)
    body = "import os, pytest\n@pytest.mark.parametrize('n', range(12))\ndef test_it(n):\n"
    file.write_text(f"{body}    open('workers', 'a').write(os.environ['PYTEST_XDIST_WORKER'] + ' ')\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup", "."]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    workers = (tmp_path / "workers").read_text().split()
    assert len(workers) == 12
    assert len(set(workers)) == 1

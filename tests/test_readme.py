"""The README is true: its guide runs as written, and every command it names exists; so are CONTRIBUTING's layers."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from app.demo.processes import free_port

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"```(\w+)(?: file=(\S+))?\n(.*?)```", re.DOTALL)
WAIT = """
for _ in $(seq 600); do
    python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz')" 2>/dev/null && break; sleep 0.3
done
"""


def guide() -> str:
    """The section between the guide's heading and the next."""
    return re.search(r"## Five minutes with your own model\n(.*?)(?=\n## |\Z)", README, re.DOTALL).group(1)


def test_the_guide_runs_as_written_from_model_to_explanation_report_and_ledger(tmp_path: Path) -> None:
    """Files are written as the guide says, and its commands run in order in one shell against a real server."""
    port = str(free_port())
    script = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT"]
    for language, file, text in BLOCK.findall(guide()):
        if language == "python" and file:
            (tmp_path / file).write_text(text.replace("8080", port))
        elif language == "bash":
            script.append(text)
            if "serve &" in text:
                script.append(WAIT)
    (tmp_path / "guide.sh").write_text("\n".join(script).replace("8080", port))
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "WATCHGLASS_PORT": port,
    }
    process = subprocess.Popen(
        ["bash", "guide.sh"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=550)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        pytest.fail(f"the guide did not end:\n{output}")
    assert process.returncode == 0, output
    assert re.search(r"[1-9]\d* measurements", output), "the open window was measured"
    for shown in ("loan-7", "purpose", "income", "amount"):
        assert shown in output


def test_every_make_target_the_readme_names_exists() -> None:
    """`make -n` accepts each of them."""
    targets = set(re.findall(r"`?make ([a-z]+)", README)) - {"sure"}
    assert {"demo", "test", "setup"} <= targets
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


def test_every_command_the_readme_names_is_a_command() -> None:
    """`watchglass <command> --help` succeeds for each of them."""
    watchglass = shutil.which("watchglass", path=str(Path(sys.executable).parent))
    assert watchglass is not None
    for command in sorted(set(re.findall(r"^watchglass ([a-z]+)|`watchglass ([a-z]+)", README, re.MULTILINE))):
        name = "".join(command)
        subprocess.run([watchglass, name, "--help"], check=True, capture_output=True)


def test_the_files_the_readme_links_exist() -> None:
    """Relative links and pictures lead somewhere."""
    for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_layers_that_contributing_shows_are_those_that_are_checked() -> None:
    """One line of layers, the highest first, as import-linter is told."""
    shown = re.search(r"^monitor:(.*?)^```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL | re.MULTILINE).group(1)
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    inside = next(contract for contract in contracts if contract["name"] == "inside monitor")
    assert [" ".join(layer.split()) for layer in shown.split(">")] == inside["layers"]

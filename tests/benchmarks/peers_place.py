"""The environment that NannyML runs in: its own, for its requirements and ours do not go together."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ("nannyml==0.13.1", "statsmodels<0.15", "pandas<3", "pyarrow")
"""NannyML needs statsmodels and does not say so, and does not run with pandas 3."""

QUIET = {"NML_DISABLE_USAGE_LOGGING": "1"}
"""Without this it tells its makers of every run."""

_READY = "import nannyml, sys; sys.exit(nannyml.__version__ != '0.13.1')"


@cache
def nannyml_python() -> str | None:
    """Return the path of a Python that has NannyML, installed where it is missing; None, said on stderr, if it cannot.

    ``NANNYML=path/to/python`` names one; else ``build/nannyml`` is used.
    """
    named = os.environ.get("NANNYML", "")
    if named:
        return named
    home = ROOT / "build" / "nannyml"
    python = str(home / "bin" / "python")
    try:
        if not (home / "bin" / "python").exists():
            _run([sys.executable, "-m", "venv", str(home)])
        if not _has(python):
            print(f"installing {', '.join(REQUIREMENTS)} in {home}", file=sys.stderr, flush=True)  # noqa: T201 - progress
            _run([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *REQUIREMENTS])
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"NannyML is left out: {error}", file=sys.stderr, flush=True)  # noqa: T201 - progress
        return None
    if _has(python):
        return python
    print("NannyML is left out: it was installed and cannot be imported", file=sys.stderr, flush=True)  # noqa: T201 - progress
    return None


def peer_environment() -> dict[str, str]:
    """Return the environment of a process of NannyML: it is told to keep quiet, and knows nothing of ours."""
    ours = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if name not in ours} | QUIET


def _has(python: str) -> bool:
    return (
        subprocess.run([python, "-c", _READY], check=False, capture_output=True, env=peer_environment()).returncode == 0
    )


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr, env=peer_environment())

"""The guide shows every document, and what the documents and the README say can be typed, asked and set."""

import importlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import typer
from streamlit.testing.v1 import AppTest

import app
from app.cli import cli
from app.runtime import Runtime
from app.server import table
from monitor.config import Config
from monitor.detection.evidence import FAULT_SHARE, SEGMENT_SHARE

HERE = Path(app.__file__).parent
DOCS = sorted((HERE / "docs").glob("*.md"))
WRITTEN = [*DOCS, HERE.parent / "README.md", HERE.parent / "CONTRIBUTING.md"]
FIVE_MINUTES = 1_100
"""Words."""


def visit(**query: str) -> AppTest:
    """The view alone."""
    at = AppTest.from_file(str(HERE / "views" / "guide.py"), default_timeout=120)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    assert not at.exception, at.exception
    return at


def test_every_document_is_listed_by_its_title_and_found_by_its_address() -> None:
    for file in DOCS:
        title, _, rest = file.read_text().partition("\n")
        at = visit(page=file.stem)
        assert at.title[0].value == title.removeprefix("# ")
        assert rest.split("\n\n")[1].split("\n")[0] in at.markdown[0].value
        assert len(at.radio[0].options) == len(DOCS)
    assert visit(page="../../etc/passwd").title[0].value == visit().title[0].value


def test_the_guide_begins_with_how_to_capture() -> None:
    assert visit().title[0].value == "Capture from any model server"


def test_documents_are_part_of_the_package() -> None:
    settings = tomllib.loads((HERE.parent / "pyproject.toml").read_text())
    assert "docs/*" in settings["tool"]["setuptools"]["package-data"]["app"]


@pytest.mark.parametrize("file", WRITTEN, ids=lambda file: file.stem)
def test_commands_and_imports_in_documents_exist(file: Path) -> None:
    """Each `watchglass` command with each of its options, in blocks and in sentences; each import of ours."""
    text = file.read_text().replace("\\\n", " ")
    commands = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)).splitlines()
    said = [" ".join(each.split()) for each in re.findall(r"`(watchglass [a-z][^`]*)`", text)]
    for line in [*(line for line in blocks if line.startswith("watchglass ")), *said]:
        words = shlex.split(line, comments=True)
        known = {option for parameter in commands[words[1]].params for option in parameter.opts}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, line
    for module, name in re.findall(r"^from (monitor[\w.]*) import (\w+)", text, re.MULTILINE):
        assert hasattr(importlib.import_module(module), name)
    for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", text):
        assert (file.parent / target).exists(), target


def same(written: str, path: str) -> bool:
    """Tell whether what is written leads to a path, part by part; a name in braces stands for anything."""
    parts, there = written.split("/"), path.split("/")
    if parts[0] == "…":
        parts, there = parts[1:], there[1 - len(parts) :]
    return len(parts) == len(there) and all(
        one == other or {one[:1], other[:1]} & {"{", "<"} for one, other in zip(parts, there, strict=True)
    )


def test_addresses_in_documents_are_operations(tmp_path: Path) -> None:
    """Each method and path; one that begins with … is the end of a path."""
    running = Runtime.open(Config(data_dir=tmp_path, clock="manual"), scheduling=False)
    try:
        there = [(each.method, each.path) for each in table(running, running.services)]
    finally:
        running.close()
    found = 0
    for file in WRITTEN:
        for method, written in re.findall(r"`(GET|POST|PUT|DELETE)\s+([…/][^`?\s]+)", file.read_text()):
            assert any(one == method and same(written, path) for one, path in there), f"{file.name}: {method} {written}"
            found += 1
    assert found > 15


def test_settings_of_the_server_in_documents_exist() -> None:
    """Each `section.key` of a section of the configuration."""
    found = 0
    for file in WRITTEN:
        for section, key in re.findall(r"`([a-z_]+)\.([a-z_]+)`", file.read_text()):
            kind = Config.model_fields[section].annotation if section in Config.model_fields else None
            if hasattr(kind, "model_fields"):
                assert key in kind.model_fields, f"{file.name}: {section}.{key}"
                found += 1
    assert found > 5


def test_the_page_about_alarms_is_read_in_five_minutes_and_tells_how_the_dial_is_shared() -> None:
    page = (HERE / "docs" / "alarms.md").read_text()
    assert len(re.findall(r"\w[\w.,’'/-]*", page)) <= FIVE_MINUTES
    for share, what in (
        (1 - FAULT_SHARE - SEGMENT_SHARE, "drift"),
        (SEGMENT_SHARE, "segments"),
        (FAULT_SHARE, "hard faults"),
    ):
        assert f"| {share:.0%} | {what}".replace("%", " %") in page

"""The guide shows every document, and what the documents say can be typed."""

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

HERE = Path(app.__file__).parent
DOCS = sorted((HERE / "docs").glob("*.md"))


def visit(**query: str) -> AppTest:
    """The view alone."""
    at = AppTest.from_file(str(HERE / "views" / "guide.py"), default_timeout=30)
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
    assert visit(page="../../etc/passwd").title[0].value == DOCS[0].read_text().partition("\n")[0].removeprefix("# ")


def test_documents_are_part_of_the_package() -> None:
    settings = tomllib.loads((HERE.parent / "pyproject.toml").read_text())
    assert "docs/*" in settings["tool"]["setuptools"]["package-data"]["app"]


@pytest.mark.parametrize("file", DOCS, ids=lambda file: file.stem)
def test_commands_and_imports_in_documents_exist(file: Path) -> None:
    """Each `watchglass` command with each of its options; each import of ours."""
    text = file.read_text().replace("\\\n", " ")
    commands = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
    blocks = "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)).splitlines()
    for line in [line for line in blocks if line.startswith("watchglass ")]:
        words = shlex.split(line, comments=True)
        known = {option for parameter in commands[words[1]].params for option in parameter.opts}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, line
    for module, name in re.findall(r"^from (monitor[\w.]*) import (\w+)", text, re.MULTILINE):
        assert hasattr(importlib.import_module(module), name)
    for target in re.findall(r"\]\((?!https?://|#)([^)]+)\)", text):
        assert (file.parent / target).exists(), target

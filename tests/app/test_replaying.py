"""``watchglass replay``: what could not be stored is listed, stays while its cause lasts, and then becomes rows."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app import cli
from app.demo.processes import free_port

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def watchglass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    # Of its own: whoever serves the usual port would be asked instead of the files here.
    Path("watchglass.toml").write_text(f'clock = "manual"\ndata_dir = "data"\nport = {free_port()}\n')
    Path("data").mkdir()

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["watchglass", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return int(str(ended.value.code)), out + err

    return run


def test_replay_from_the_command_line(watchglass: Run) -> None:
    Path("data/clock").write_text("2024-01-01T00:00:00+00:00")
    Path("m.json").write_text('{"task": "regression", "features": [{"name": "x", "kind": "numeric"}]}')
    assert watchglass("register", "m", "--schema", "m.json")[0] == 0
    rows = [{"id": f"r{n}", "time": f"2024-01-01T0{n}:00:00", "x": 1.5, "prediction": 2.5} for n in range(3)]
    Path("rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    watchglass("import", "m", "rows.jsonl")
    code, said = watchglass("replay", "m", "--list")
    assert (code, said.splitlines()[-1], said.count("clock_skew")) == (0, "2 dead letters", 2)
    code, said = watchglass("replay", "m")
    assert (code, "0 replayed" in said, "2 still cannot be stored" in said) == (1, True, True)
    Path("data/clock").write_text("2024-01-01T01:30:00+00:00")
    code, said = watchglass("replay", "m", "--json")
    told = json.loads(said.splitlines()[-1])
    assert (code, told["replayed"], told["stored"], told["failed"]) == (1, 1, 1, 1)
    Path("data/clock").write_text("2024-01-02T00:00:00+00:00")
    assert watchglass("replay", "m", "--reason", "clock_skew", "--source", "import")[0] == 0
    code, said = watchglass("verify")
    assert (code, "2 replayed, 0 waiting" in said) == (0, True), said


def test_what_cannot_be_replayed_says_why(watchglass: Run) -> None:
    for arguments, why in (
        (("nobody",), "no model 'nobody'"),
        (("nobody", "--list", "--number", "3"), "leave out --number"),
    ):
        code, said = watchglass("replay", *arguments)
        assert (code, why in said) == (1, True), said

"""What was captured cannot act on the terminal of whoever reads it."""

from datetime import UTC, datetime

import pytest

from app import cli, options, telling
from monitor.errors import InvalidInput

HOSTILE = "delay\x1b[2J\x1b]0;owned\x07\u202e\r"


def test_names_and_values_of_rows_print_as_what_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    told = {
        "method": "shap", "output": HOSTILE, "base_value": 0.2, "prediction": 0.5, "seconds": 0.1,
        "attributions": {HOSTILE: 0.3}, "values": {HOSTILE: HOSTILE}, "created": datetime(2013, 5, 1, tzinfo=UTC),
    }  # fmt: skip
    options.say(told, False, telling.explanation)
    said = capsys.readouterr().out
    assert r"delay\x1b[2J\x1b]0;owned\x07\u202e" in said
    assert all(one.isprintable() or one == "\n" for one in said)


def test_errors_do_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(**_: object) -> None:
        raise InvalidInput(f"no feature {HOSTILE}")

    monkeypatch.setattr(cli, "cli", fail)
    with pytest.raises(SystemExit):
        cli.main()
    said = capsys.readouterr().err
    assert said.startswith(r"watchglass: no feature delay\x1b[2J")
    assert all(one.isprintable() or one == "\n" for one in said)

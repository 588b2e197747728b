"""A command that takes long says what it waits for; others say nothing."""

import pytest

from app.options import told_if_slow
from tests.waiting import until


def test_only_what_takes_long_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with told_if_slow("Measuring.", seconds=600):
        pass
    assert capsys.readouterr() == ("", "")
    said = []
    with told_if_slow("Measuring.", seconds=0):
        until(lambda: said.append(capsys.readouterr().err) or "Measuring.\n" in "".join(said))

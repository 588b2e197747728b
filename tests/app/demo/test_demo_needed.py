"""The demo says what it lacks before it begins."""

import pytest

from app.demo import needed
from monitor.errors import Unavailable


def test_where_everything_is_installed_nothing_is_said() -> None:
    needed.check()


def test_what_is_missing_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(needed, "PACKAGES", ("torch", "no_such_package"))
    with pytest.raises(Unavailable, match=r"needs no_such_package, which is not installed.*make demo, or pip install"):
        needed.check()

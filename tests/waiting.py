"""Waiting in tests: for a condition, with a deadline, never for a time."""

import time
from collections.abc import Callable

STEP = 0.005


def until(true: Callable[[], object], seconds: float = 120) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: it did not come true in time.
    """
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(STEP)

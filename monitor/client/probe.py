"""Predictions that nobody asked for, such as an explanation's: made in a serving process, and not captured there."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_probing: ContextVar[bool] = ContextVar("watchglass_probing", default=False)


@contextmanager
def probing() -> Iterator[None]:
    """Leave what a watched model is asked inside, by this thread or task, out of what is captured.

    >>> with probing():
    ...     is_probing()
    True
    >>> is_probing()
    False
    """
    token = _probing.set(True)
    try:
        yield
    finally:
        _probing.reset(token)


def is_probing() -> bool:
    """Whether this thread or task is inside `probing`."""
    return _probing.get()

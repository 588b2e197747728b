"""What a serving process says of the call it is about to make: the ids of its rows, and whether nobody asked for it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

request_id: ContextVar[str | Sequence[str] | None] = ContextVar("watchglass_request_id", default=None)
"""Set around a call of a watched model: the id of its one row, or the ids of its rows; labels find them by it."""

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

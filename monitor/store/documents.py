"""Nouns kept as JSON beside the columns they are found by."""

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Document(Generic[T]):
    """How one kind of noun is written as JSON and read back, types checked.

    >>> from datetime import UTC, datetime
    >>> from monitor.types import Window
    >>> window = Window(datetime(2013, 5, 1, tzinfo=UTC), datetime(2013, 5, 2, tzinfo=UTC))
    >>> Document(Window).read(Document(Window).write(window)) == window
    True
    """

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    def write(self, value: T) -> str:
        """Return ``value`` as JSON."""
        return msgspec.json.encode(value).decode()

    def read(self, body: object) -> T:
        """Return the value that ``body`` holds."""
        return self._decoder.decode(str(body))

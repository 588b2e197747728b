"""Bodies of many records, where a bad one must not cost the others."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from monitor.errors import InvalidInput

Record = TypeVar("Record")
Found = TypeVar("Found")

_SHOWN = 3


def each(
    records: Iterable[tuple[int, Record]], read: Callable[[Record], Iterable[Found]], *, name: str, what: str
) -> Iterator[Found]:
    """Yield what ``read`` makes of every record; then tell of those it refused.

    Args:
        records: the records with their places.
        read: makes one record; may raise InvalidInput.
        name: the format, for the message.
        what: what a record is called, such as "line".

    Raises:
        InvalidInput: after the last record, when some were refused: how many, and why the first few.
    """
    seen, refused = 0, 0
    reasons: list[str] = []
    for place, record in records:
        seen += 1
        try:
            found = list(read(record))
        except InvalidInput as error:
            refused += 1
            if len(reasons) < _SHOWN:
                reasons.append(f"{what} {place}: {error}")
            continue
        yield from found
    if refused:
        raise InvalidInput(f"{name}: {refused:,} of {seen:,} {what}s cannot be read; {'; '.join(reasons)}")


def lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    r"""Yield the lines that are not blank, with their numbers from 1.

    >>> list(lines(b"a\n\nb\r\n"))
    [(1, b'a'), (3, b'b')]
    """
    # Only newlines end a line: splitlines would also cut at form feeds and the like.
    for number, line in enumerate(body.split(b"\n"), 1):
        if stripped := line.strip():
            yield number, stripped

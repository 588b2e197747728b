"""Bodies of many records, where a bad one must not cost the others."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from monitor.errors import InvalidInput

Record = TypeVar("Record")
Found = TypeVar("Found")

_SHOWN, _KEPT = 3, 1_000


@dataclass(frozen=True, slots=True)
class BadRecord:
    """One record that could not be read: its place, why, and what it was."""

    place: int
    detail: str
    body: bytes


class BadRecords(InvalidInput):
    """Some records of a body cannot be read, the others could.

    ``refused`` is how many of how many ``seen``; ``records`` are the first thousand of them.
    """

    def __init__(self, message: str, refused: int, seen: int, records: Sequence[BadRecord]) -> None:
        super().__init__(message)
        self.refused, self.seen, self.records = refused, seen, tuple(records)


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
        BadRecords: after the last record, when some were refused: how many, and why the first few.
    """
    seen, refused = 0, 0
    bad: list[BadRecord] = []
    for place, record in records:
        seen += 1
        try:
            found = list(read(record))
        except InvalidInput as error:
            refused += 1
            if len(bad) < _KEPT:
                bad.append(BadRecord(place, f"{what} {place}: {error}", _bytes(record)))
            continue
        yield from found
    if refused:
        reasons = "; ".join(record.detail for record in bad[:_SHOWN])
        message = f"{name}: {refused:,} of {seen:,} {what}s cannot be read; {reasons}"
        raise BadRecords(message, refused, seen, bad)


def _bytes(record: object) -> bytes:
    if isinstance(record, bytes):
        return record
    try:
        return json.dumps(record, default=str).encode()
    except (ValueError, RecursionError):
        return b""


def lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    r"""Yield the lines that are not blank, with their numbers from 1.

    >>> list(lines(b"a\n\nb\r\n"))
    [(1, b'a'), (3, b'b')]
    """
    # Only newlines end a line: splitlines would also cut at form feeds and the like.
    for number, line in enumerate(body.split(b"\n"), 1):
        if stripped := line.strip():
            yield number, stripped

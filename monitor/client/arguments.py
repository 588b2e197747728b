"""Read what callers give beside inputs and outputs: moments, ids, and how many rows there are."""

from datetime import datetime

from monitor.client.snapshot import plain


def moments_of(times: object, rows: int) -> list[object] | None:
    """Return one moment a row; a single one stands for all, None for now."""
    if times is None:
        return None
    if isinstance(times, str | datetime):
        return [times] * rows
    listed = list(plain(times))
    return listed if len(listed) != 1 else listed * rows


def check_rows(rows: int, **others: int | list[object] | None) -> None:
    """Refuse what is not there once for each row.

    Raises:
        ValueError: one of ``others`` has another count; the message names it.
    """
    for name, other in others.items():
        count = other if isinstance(other, int) else rows if other is None else len(other)
        if count != rows:
            raise ValueError(f"{name}: got {count:,} for {rows:,} rows; they must be as many")


def rows_in(given: object) -> int:
    """Return how many rows something that cannot be copied probably stands for.

    >>> rows_in([{"x": object()}] * 3), rows_in(object())
    (3, 1)
    """
    return len(given) if isinstance(given, list | tuple) else 1

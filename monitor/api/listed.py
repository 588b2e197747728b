"""The rows of a body, before any of them is read: a JSON array, one JSON object, or NDJSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.api.decode import decode_json
from monitor.api.problem import Problem

MAX_ROWS = 100_000
"""The most JSON rows of one body."""

_NOUNS = frozenset({"inferences", "labels"})


class BadRow(Exception):
    """A row that cannot be taken: a short reason for the ledger, and the whole story for the sender."""

    def __init__(self, reason: str, detail: str, line: bytes = b"") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.line = line


def array(body: bytes, empty: bool, *, surrogates: bool = False) -> Sequence[object]:
    """Return the rows of a JSON array, or of one object.

    Args:
        body: the bytes.
        empty: whether an empty array is allowed.
        surrogates: whether lone surrogates are.

    Raises:
        Problem: 400 it is neither, or holds no rows.
    """
    given = decode_json(body, surrogates=surrogates)
    if isinstance(given, dict):
        if wrong := wrapped(given):
            raise Problem(400, wrong)
        return [given]
    if not isinstance(given, list):
        raise Problem(400, f"The body is JSON {kind(given)}; allowed: an array of rows, or one row as an object.")
    if not given and not empty:
        raise Problem(400, "The array is empty; send at least one row.")
    return given


def wrapped(row: Mapping[str, Any]) -> str:
    """Return what is wrong with an object that is no row, but holds a list of rows; empty for a row."""
    if len(row) != 1:
        return ""
    ((key, value),) = row.items()
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return ""
    if not value and key not in _NOUNS:  # a feature of lists, one of which is empty
        return ""
    return f"{key[:80]!r} holds a list of {len(value):,} objects; allowed: that array of rows itself, or one row."


def kind(given: object) -> str:
    """Return what JSON calls a value, for messages: its type's name in Python, or null."""
    return "null" if given is None else type(given).__name__


def lines(body: bytes, *, surrogates: bool = False) -> Sequence[object]:
    """Return the rows of NDJSON; in the place of a line that is no JSON, what is wrong with it.

    Raises:
        Problem: 400 there is no line, or none of them is JSON.
    """
    rows: list[object] = []
    for line in body.splitlines():
        if line.strip():
            try:
                rows.append(decode_json(line, surrogates=surrogates))
            except Problem as problem:
                rows.append(BadRow("bad_json", problem.detail, line))
            if len(rows) > MAX_ROWS:
                break  # refused with all its rows, before they take more memory
    if not rows or (isinstance(rows[0], BadRow) and all(isinstance(row, BadRow) for row in rows)):
        raise Problem(400, str(rows[0]) if rows else "The body has no lines; send one JSON object a line.")
    return rows

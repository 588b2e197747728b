"""JSON lines into pieces, block by block: as Arrow where all values of a block are of one type, else row by row.

A column may change its type in the middle of a file, and a line may be no JSON at all: such blocks go to the server as
they are, which flags each value of another type and rejects each line it cannot read, and counts it.
"""

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa

from app.intake import Wish
from app.intake.pieces import NDJSON, Part, Piece, line_of
from monitor.collectors.lenient import read_json
from monitor.errors import InvalidInput

BLOCK_BYTES, BLOCK_ROWS = 2 * 2**20, 20_000
LONGEST = 8 * 2**20
"""The most bytes of one line."""

_OWN = ("id", "version", "time", "prediction", "scores", "latency_ms", "batch_size", "status")
# What Arrow would read as another value than it is: integers beyond 64 bits, and halves of surrogates.
_NOT_ARROW = re.compile(rb"\d{18}|\\u[dD][89a-fA-F]")


class Lines:
    """One file of JSON lines; ``features`` are the kinds of the model's columns, by name."""

    def __init__(self, path: Path, wish: Wish, features: Mapping[str, str], made: str) -> None:
        if not path.is_file():
            raise InvalidInput(f"There is no file {path}.")
        self._path, self._wish, self._features, self._made = path, wish, features, made
        self._checked = False

    def pieces(self) -> Iterator[tuple[Piece, int]]:
        """Yield the pieces in order, each with how many bytes have been read.

        Raises:
            InvalidInput: no line of the first block is JSON, or a column that was named is not there.
        """
        with self._path.open("rb") as file:
            offset = 0
            for block in _blocks(file):
                yield self._piece(block, offset), file.tell()
                offset += len(block)

    def peek(self) -> tuple[dict[str, str], int]:
        """Return the columns of the first block with their types, and the number of lines.

        Raises:
            InvalidInput: there are no lines.
        """
        columns: dict[str, set[str]] = {}
        rows = 0
        with self._path.open("rb") as file:
            for block in _blocks(file):
                if not rows:
                    for line in block:
                        for name, value in (_flat(_object(line)) or {}).items():
                            columns.setdefault(name, set()).add(type(value).__name__)
                rows += len(block)
        if not rows:
            raise InvalidInput(f"{self._path.name} holds no rows; there is nothing to import.")
        return {name: " or ".join(sorted(types)) for name, types in columns.items()}, rows

    def _piece(self, block: list[bytes], offset: int) -> Piece:
        from app.intake.rows import prepare, table_piece

        table = self._table(block)
        if table is None:
            return self._plain(block, offset)
        if self._checked:
            for name in self._wish.columns.all():
                if name not in table.column_names:
                    table = table.append_column(name, pa.nulls(len(table)))
        features = set() if self._checked else set(self._features)
        rows = prepare(table, self._wish.columns, features, self._made, offset, self._wish.version)
        self._checked = True
        return table_piece(rows, self._wish.version, offset)

    def _table(self, block: list[bytes]) -> pa.Table | None:
        """Return the block as a table; None where a value would not stay what it is."""
        from pyarrow import json

        from app.intake.rows import flattened

        body = b"\n".join(block)
        if _NOT_ARROW.search(body):
            return None
        try:
            table = flattened(
                json.read_json(io.BytesIO(body), read_options=json.ReadOptions(use_threads=False, block_size=1 << 30))
            )
        except (pa.ArrowException, UnicodeDecodeError, KeyError, ValueError):
            return None
        names = table.column_names
        if len(table) != len(block) or len(set(names)) < len(names):
            return None
        own = {*self._wish.columns.all(), *_OWN, *(f"_{name}" for name in _OWN)} - set(self._features)
        if any(pa.types.is_nested(table.schema.field(name).type) for name in names if name in own):
            return None
        fits = all(_fits(table.schema.field(name).type, self._features.get(name)) for name in names)
        return table if fits else None

    def _plain(self, block: list[bytes], offset: int) -> Piece:
        """Return the block as the API takes rows; lines that cannot be read go as they are, to be rejected there."""
        given = [_flat(_object(line)) for line in block]
        names = {name for row in given if row is not None for name in row}
        if not self._checked:
            self._check(block, names)
        made = [
            None if row is None else self._row(row, f"{self._made}{offset + place}") for place, row in enumerate(given)
        ]
        lines = [_rejectable(line) if row is None else line_of(row[0]) for row, line in zip(made, block, strict=True)]
        truths = [line_of(row[1]) for row in made if row is not None and row[1] is not None]
        piece = Piece([Part(0, len(lines), len(truths))])
        piece.add("inferences", NDJSON, b"\n".join(lines), len(lines), offset)
        if truths:
            piece.add("labels", NDJSON, b"\n".join(truths), len(truths), offset)
        return piece

    def _check(self, block: list[bytes], names: set[str]) -> None:
        from app.intake.rows import check_features

        if not names:
            read_json(block[0], dict[str, Any], name=self._path.name, allowed="one JSON object a line")
            raise InvalidInput(f"{self._path.name}: the first {len(block):,} lines hold no column.")
        missing = [name for name in self._wish.columns.all() if name not in names]
        if missing:
            raise InvalidInput(f"The file has no column {', '.join(missing)}; it has {', '.join(sorted(names))[:300]}.")
        check_features(set(self._features), sorted(names))
        self._checked = True

    def _row(self, row: dict[str, Any], made: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
        columns = self._wish.columns
        own = {what: row.get(name) for what, name in columns.named().items()}
        scores = [row.get(name) for name in columns.score_names()]
        if scores:
            own["scores"] = scores if len(scores) > 1 else scores[0]
        spent = set(columns.all())
        for what in _OWN:
            for name in (f"_{what}", what):
                if name in row and name not in self._features and name not in spent:
                    own.setdefault(what, row[name])
                    spent.add(name)
        if own.get("id") is None:
            own["id"] = made
        elif isinstance(own["id"], int | float):
            own["id"] = str(own["id"])
        if self._wish.version is not None:
            own["version"] = self._wish.version
        label = own.pop("label", None)
        features = {name: value for name, value in row.items() if name not in spent or name in self._features}
        truth = None
        if label is not None:
            truth = {"id": own["id"], "value": label}
            truth |= {"version": self._wish.version} if self._wish.version is not None else {}
        return {**{what: value for what, value in own.items() if value is not None}, "features": features}, truth


def _blocks(file: BinaryIO) -> Iterator[list[bytes]]:
    """Yield the lines that are not blank, in lists of bounded size; the same every time."""
    block: list[bytes] = []
    size = 0
    first = True
    while line := file.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise InvalidInput(f"A line is longer than {LONGEST:,} bytes; is it a file of one JSON object a line?")
        if first:
            line, first = line.removeprefix(b"\xef\xbb\xbf"), False
        if not (line := line.strip()):
            continue
        block.append(line)
        size += len(line)
        if size >= BLOCK_BYTES or len(block) >= BLOCK_ROWS:
            yield block
            block, size = [], 0
    if block:
        yield block


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        return read_json(line, dict[str, Any], name="line", allowed="an object")
    except InvalidInput:
        return None


def _flat(row: dict[str, Any] | None) -> dict[str, Any] | None:
    if row is not None and isinstance(row.get("features"), dict):
        return {**{name: value for name, value in row.items() if name != "features"}, **row["features"]}
    return row


def _rejectable(line: bytes) -> bytes:
    # What ends a line for the server must not end it within one.
    return line.replace(b"\r", b" ")


def _fits(held: pa.DataType, kind: str | None) -> bool:
    """Tell whether a column of this type holds what its kind says, so that no value is read as another."""
    if kind is None or pa.types.is_null(held):
        return True
    if kind == "numeric":
        return bool(pa.types.is_floating(held) or pa.types.is_integer(held))
    if kind == "integer":
        return bool(pa.types.is_integer(held))
    if kind == "boolean":
        return bool(pa.types.is_boolean(held))
    if kind == "timestamp":
        return bool(pa.types.is_timestamp(held))
    if kind in ("categorical", "text", "image", "id"):
        return bool(pa.types.is_string(held))
    return bool(pa.types.is_list(held))

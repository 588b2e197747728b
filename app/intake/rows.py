"""Files of rows, Parquet, CSV and JSON lines, into pieces."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.files import RowFile
from app.intake import Source, Wish
from app.intake.lines import Lines
from app.intake.pieces import ARROW, Part, Piece, arrow_bytes, cut
from app.registering import Columns
from monitor.errors import InvalidInput

Step = tuple[Piece | None, int]
"""A piece (None: those that were taken before) and how many bytes of the file have been read."""


class RowReader:
    """Reads files of rows by the wish of a parent."""

    def __init__(self, wish: Wish) -> None:
        self._wish = wish
        features: Any = wish.schema["features"]
        self._features = {feature["name"]: feature["kind"] for feature in features}

    def pieces(self, source: Source) -> Iterator[Step]:
        """Yield a file's pieces in order, the same every time; those before ``source.inferences`` rows are left out.

        Raises:
            InvalidInput: the file cannot be read, holds no rows, or lacks a column that was named.
        """
        path = Path(source.path)
        made = f"import-{source.digest}:"
        found = self._lines(path, made) if path.suffix.lower() in (".jsonl", ".ndjson") else self._tables(path, made)
        rows, labels, last = 0, 0, Part(source.place)
        for piece, at in found:
            (part,) = piece.parts
            rows, labels = rows + part.inferences, labels + part.labels
            last = Part(source.place, part.inferences, part.labels)
            piece.parts = [last]
            yield (piece if rows > source.inferences else None), at
        if not rows:
            raise InvalidInput(f"{path.name} holds no rows{_header(path)}; nothing was imported.")
        yield Piece([Part(source.place, done=True)]), path.stat().st_size

    def peek(self, source: Source) -> dict[str, Any]:
        """Return what a file holds: columns with their types and whether the model knows them, and how many rows.

        Raises:
            InvalidInput: as for `pieces`.
        """
        path = Path(source.path)
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            rows: int | None
            columns, rows = Lines(path, self._wish, self._features, "import-:").peek()
        else:
            file = RowFile(path, self._wish.columns.types(self._wish.schema))
            first = None
            rows = file.rows
            for table in file.batches():
                first = table if first is None else first
                if file.rows is not None:
                    break
                rows = (rows or 0) + len(table)
            if first is None:
                raise InvalidInput(f"{path.name} holds no rows{_header(path)}; there is nothing to import.")
            columns = {name: str(first.schema.field(name).type) for name in first.column_names}
        own = set(self._wish.columns.all()) | {"id", "_id"}
        told = [{"column": name, "type": held, "as": self._role(name, own)} for name, held in columns.items()]
        missing = sorted(set(self._features) - set(columns))
        return {"rows": rows, "columns": told, "missing": missing}

    def _role(self, name: str, own: set[str]) -> str:
        kind = self._features.get(name)
        return kind if kind is not None else "not a feature" if name in own else "new: kept, flagged"

    def _lines(self, path: Path, made: str) -> Iterator[tuple[Piece, int]]:
        yield from Lines(path, self._wish, self._features, made).pieces()

    def _tables(self, path: Path, made: str) -> Iterator[tuple[Piece, int]]:
        wish = self._wish
        file = RowFile(path, wish.columns.types(wish.schema))
        offset = 0
        for table in file.batches():
            table = plain(table)  # noqa: PLW2901 - the same rows
            rows = prepare(table, wish.columns, set(self._features), made, offset, wish.version)
            for start, part in cut(rows):
                yield table_piece(part, wish.version, offset + start), file.position
            offset += len(table)


def table_piece(rows: pa.Table, version: str | None, first: int) -> Piece:
    """Return the piece of a prepared table; labels are those of the column ``_label``."""
    labels = rows["_label"] if "_label" in rows.column_names else None
    sent = rows.drop_columns(["_label"]) if labels is not None else rows
    chosen = None
    if labels is not None:
        chosen = pa.table({"id": rows["_id"], "value": labels}).filter(labels.is_valid())
        if version is not None:
            chosen = chosen.append_column("version", pa.repeat(version, len(chosen)))
    piece = Piece([Part(0, len(sent), len(chosen) if chosen is not None else 0)])
    piece.add("inferences", ARROW, arrow_bytes(sent), len(sent), first)
    if chosen is not None and len(chosen):
        piece.add("labels", ARROW, arrow_bytes(chosen), len(chosen), first)
    return piece


def prepare(
    table: pa.Table, columns: Columns, features: set[str], made: str, offset: int, version: str | None
) -> pa.Table:
    """Return ``table`` with what is not a feature under our own names (``_id``, ``_time``, … and ``_label``).

    Raises:
        InvalidInput: a named column is not there.
    """
    table = flattened(table)
    twice = sorted(name for name, count in Counter(table.column_names).items() if count > 1)
    if twice:
        raise InvalidInput(f"The file has several columns of the name {', '.join(twice)[:300]}; names must be unique.")
    named = columns.named()
    missing = [name for name in columns.all() if name not in table.column_names]
    if missing:
        raise InvalidInput(f"The file has no column {', '.join(missing)}; it has {', '.join(table.column_names)}.")
    own = {f"_{what}": table[name] for what, name in named.items()}
    scores = columns.score_names()
    if scores:
        own["_scores"] = table[scores[0]] if len(scores) == 1 else _lists([table[name] for name in scores])
    check_features(features, table.column_names)
    places = pa.array([f"{made}{offset + row}" for row in range(len(table))])
    if "id" not in named and not {"_id", "id"} & set(table.column_names):
        own["_id"] = places
    if version is not None:
        own["_version"] = pa.repeat(version, len(table))
    if "_id" not in own:
        own["_id"] = table["_id" if "_id" in table.column_names else "id"]
    if not pa.types.is_string(own["_id"].type):
        own["_id"] = own["_id"].cast(pa.string())
    if own["_id"].null_count:
        own["_id"] = pc.coalesce(own["_id"], places)
    spent = {name for name in [*columns.all(), "id", *own] if name not in features}
    kept = table.drop_columns([name for name in table.column_names if name in spent])
    for name, column in own.items():
        kept = kept.append_column(name, column)
    return kept


def plain(table: pa.Table) -> pa.Table:
    """Return the table without dictionaries: what they say in few bytes is unfolded here, within this memory."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(place, field.name, table[place].cast(field.type.value_type))
    return table


def flattened(table: pa.Table) -> pa.Table:
    """Return the table with the columns inside ``features`` beside the others."""
    if "features" in table.column_names and pa.types.is_struct(table.schema.field("features").type):
        place = table.column_names.index("features")
        inner = table["features"].combine_chunks().flatten()
        names = [field.name for field in table.schema.field("features").type]
        table = table.remove_column(place)
        for name, column in zip(names, inner, strict=True):
            table = table.append_column(name, column)
    return table


def check_features(features: set[str], names: list[str]) -> None:
    """Refuse a file that has no column of the model's.

    Raises:
        InvalidInput: it has none.
    """
    if features and features.isdisjoint(names):
        raise InvalidInput(
            f"The file has no column of the model's: it has {', '.join(names)[:300]}; the model's are "
            f"{', '.join(sorted(features))[:300]}. Is it another file, or another separator than a comma?"
        )


def _lists(parts: list[pa.ChunkedArray]) -> pa.Array:
    stacked = np.column_stack([part.cast(pa.float64()).to_numpy() for part in parts])
    offsets = np.arange(0, stacked.size + 1, len(parts), dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(stacked.ravel(), from_pandas=True))


def _header(path: Path) -> str:
    return " below its header" if path.suffix.lower() == ".csv" else ""

"""Read rows from Parquet, CSV and JSONL files, piece by piece."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from monitor.errors import InvalidInput

if TYPE_CHECKING:
    from pyarrow import csv

BATCH_ROWS = 20_000
BLOCK_BYTES = 4 * 2**20
"""Bytes of a CSV that are read at once; no row may be longer."""
SUFFIXES = (".parquet", ".csv", ".jsonl", ".ndjson")
_TYPES = {
    "numeric": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "categorical": pa.string(),
    "text": pa.string(),
    "image": pa.string(),
    "id": pa.string(),
}


class RowFile:
    """A file of rows. ``rows`` is their number where the format tells it without reading, else None.

    CSV alone says nothing of types: ``types`` are those of the columns whose type is known, so that a postal code keeps
    its zeros, and an empty cell is a missing value. Other columns are guessed from the first `BLOCK_BYTES`.

    Raises:
        InvalidInput: there is no such file, or its format is not one of `SUFFIXES`.
    """

    def __init__(self, path: Path, types: Mapping[str, pa.DataType] | None = None) -> None:
        if not path.is_file():
            raise InvalidInput(f"There is no file {path}.")
        if path.suffix.lower() not in SUFFIXES:
            raise InvalidInput(f"{path} is not one of {', '.join(SUFFIXES)}; convert it, or rename it if it is.")
        self.path = path
        self._types = dict(types or {})
        self.bytes = path.stat().st_size
        self.position = 0
        """How many bytes of it have been read, about."""
        self.rows: int | None = None
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet as pq

            with _readable(path):
                metadata = pq.ParquetFile(path).metadata
                self.rows = metadata.num_rows
                _check_codecs(path, metadata)

    def batches(self) -> Iterator[pa.Table]:
        """Yield the rows in order, at most `BATCH_ROWS` at a time.

        Raises:
            InvalidInput: the content is not of the format its name says.
        """
        with _readable(self.path):
            for batch in self._batches():
                for start in range(0, batch.num_rows, BATCH_ROWS):
                    yield pa.Table.from_batches([batch.slice(start, BATCH_ROWS)])

    def _batches(self) -> Iterator[pa.RecordBatch]:
        suffix = self.path.suffix.lower()
        if suffix == ".parquet":
            import pyarrow.parquet as pq

            done = 0
            for batch in pq.ParquetFile(self.path, pre_buffer=False).iter_batches(BATCH_ROWS, use_threads=False):
                done += batch.num_rows
                self.position = self.bytes * done // max(self.rows or 0, 1)
                yield batch
        elif suffix == ".csv":
            from pyarrow import csv

            options = self._conversion()
            with self.path.open("rb") as file:
                for batch in csv.open_csv(file, csv.ReadOptions(block_size=BLOCK_BYTES), convert_options=options):
                    self.position = file.tell()
                    yield _empty_is_null(batch)
        else:
            from pyarrow import json

            yield from json.read_json(self.path).to_batches(max_chunksize=BATCH_ROWS)

    def _conversion(self) -> "csv.ConvertOptions":
        """Return how the whole CSV can be read, so that one that breaks off is refused before any of it is sent.

        Raises:
            pa.ArrowInvalid: it cannot be; but a fraction in a column of whole numbers only makes these floats.
        """
        from pyarrow import csv

        options = csv.ConvertOptions(column_types=self._types)
        floats = {name: pa.float64() if pa.types.is_integer(held) else held for name, held in self._types.items()}
        try:
            _read_through(self.path, options)
        except pa.ArrowInvalid:
            options.column_types = floats
            _read_through(self.path, options)
        return options

    def table(self) -> pa.Table:
        """Return all rows at once."""
        return pa.concat_tables(list(self.batches()), promote_options="default")


def types_of(
    features: Iterable[Mapping[str, Any]], *, texts: Collection[str] = (), numbers: Collection[str] = ()
) -> dict[str, pa.DataType]:
    """Return how a CSV's columns are to be read, by name.

    Args:
        features: of a schema as documents.
        texts: further columns that are texts, such as ids.
        numbers: further columns that are numbers, such as scores.

    >>> types_of([{"name": "zip", "kind": "categorical"}], numbers=["p"])
    {'p': DataType(double), 'zip': DataType(string)}
    """
    held = {feature["name"]: _TYPES[feature["kind"]] for feature in features if feature["kind"] in _TYPES}
    return dict.fromkeys(numbers, pa.float64()) | held | dict.fromkeys(texts, pa.string())


def _read_through(path: Path, options: "csv.ConvertOptions") -> None:
    from pyarrow import csv

    for _ in csv.open_csv(path, csv.ReadOptions(block_size=BLOCK_BYTES), convert_options=options):
        pass


def _check_codecs(path: Path, metadata: Any) -> None:
    """Refuse Brotli: what inflates it has had holes, and few write it.

    Raises:
        InvalidInput: a column is compressed with it.
    """
    for group in range(metadata.num_row_groups):
        rows = metadata.row_group(group)
        if any(rows.column(place).compression == "BROTLI" for place in range(rows.num_columns)):
            raise InvalidInput(f"{path} is compressed with Brotli, which is not read; write it with zstd or snappy.")


def _empty_is_null(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Make empty texts nulls: what is empty in a CSV is not there. "NA" stays, which is a country."""
    columns = [
        pc.if_else(pc.equal(column, ""), None, column) if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


class _readable:  # noqa: N801 - reads as the sentence it makes
    """Turn what Arrow says about a file into an error people can act on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, pa.ArrowException | OSError):
            raise InvalidInput(f"{self._path} cannot be read: {str(error)[:300]}") from error

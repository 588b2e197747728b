"""Read rows from Parquet, CSV and JSONL files, piece by piece."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from monitor.errors import InvalidInput

BATCH_ROWS = 20_000
SUFFIXES = (".parquet", ".csv", ".jsonl", ".ndjson")


class RowFile:
    """A file of rows. ``rows`` is their number where the format tells it without reading, else None.

    Raises:
        InvalidInput: there is no such file, or its format is not one of `SUFFIXES`.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InvalidInput(f"There is no file {path}.")
        if path.suffix.lower() not in SUFFIXES:
            raise InvalidInput(f"{path} is not one of {', '.join(SUFFIXES)}; convert it, or rename it if it is.")
        self.path = path
        self.bytes = path.stat().st_size
        self.rows: int | None = None
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet as pq

            with _readable(path):
                self.rows = pq.ParquetFile(path).metadata.num_rows

    def digest(self) -> str:
        """Return what tells this content from any other."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

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

            yield from pq.ParquetFile(self.path).iter_batches(BATCH_ROWS)
        elif suffix == ".csv":
            from pyarrow import csv

            yield from csv.open_csv(self.path)
        else:
            from pyarrow import json

            yield from json.read_json(self.path).to_batches(max_chunksize=BATCH_ROWS)

    def table(self) -> pa.Table:
        """Return all rows at once."""
        return pa.concat_tables(list(self.batches()), promote_options="default")


class _readable:  # noqa: N801 - reads as the sentence it makes
    """Turn what Arrow says about a file into an error people can act on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, pa.ArrowException | OSError):
            raise InvalidInput(f"{self._path} cannot be read: {str(error)[:300]}") from error

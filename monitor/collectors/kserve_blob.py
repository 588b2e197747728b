"""KServe's inference logger when it writes to blob storage: batches of records in JSON, CSV or Parquet.

A record is one side of an exchange: ``id``, ``reqType``, ``bytes`` (the body in base64) and the attributes that are a
CloudEvent's otherwise. Records have no time. (https://github.com/kserve/kserve, pkg/logger/marshaller_record.go.)
"""

from collections.abc import Iterable, Mapping
from typing import Any

from monitor.collectors import Collector, Half
from monitor.collectors.inflate import inflated
from monitor.collectors.kserve import half_of
from monitor.collectors.lenient import read_json
from monitor.collectors.records import each
from monitor.collectors.tabular import from_base64, text_of
from monitor.errors import InvalidInput
from monitor.types import Inference, Label

_MAX_RECORDS = 1_000_000
_MAX_COLUMNS = 100
_MAX_BYTES = 256 * 2**20
_ALLOWED = "a batch of log records in JSON, CSV or Parquet, with id, reqType and bytes,"
# Records name the attributes of events otherwise, and in JSON with capitals.
_ATTRIBUTES = {
    "id": "id",
    "reqtype": "type",
    "sourceuri": "source",
    "inferenceservice": "inferenceservicename",
    "namespace": "namespace",
    "component": "component",
    "endpoint": "endpoint",
    "metadata": "metadata",
    "annotations": "annotations",
}


class KServeBlob(Collector):
    """Log records of KServe as one file holds them; gives a `Half` each, paired by ``exchange``.

    Headers: ``watchglass-columns`` to name the columns of an unnamed matrix in requests.
    """

    name = "kserve_blob"
    files = True

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:
        """Read one file; its format is told by its first bytes.

        Raises:
            InvalidInput: not such a file; or, after the good records, what was wrong with the others.

        >>> body = b'[{"Id": "e", "ReqType": "x.request", "Bytes": "W1sxLCAyXV0=", "Namespace": "prod"}]'
        >>> half, = KServeBlob().parse(body, {})
        >>> half.exchange, half.columns, half.parameters["ce-namespace"]
        ('e', {'input': [[1, 2]]}, 'prod')
        """
        body = inflated(body, name="kserve_blob")
        naming = {key: headers[key] for key in ("watchglass-columns",) if key in headers}
        yield from each(
            enumerate(_records(body), 1), lambda record: [_half(record, naming)], name="kserve_blob", what="record"
        )


def _records(body: bytes) -> list[Any]:
    if body.startswith(b"PAR1"):
        return _parquet(body)
    if body.lstrip()[:1] in (b"[", b"{"):
        found = read_json(body, object, name="kserve_blob", allowed=_ALLOWED)
        return found if isinstance(found, list) else [found]
    return _csv(body)


def _parquet(body: bytes) -> list[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(body))
        groups = (file.metadata.row_group(place) for place in range(file.metadata.num_row_groups))
        if file.metadata.num_rows > _MAX_RECORDS or sum(group.total_byte_size for group in groups) > _MAX_BYTES:
            raise InvalidInput(
                f"kserve_blob: the Parquet file holds more than the allowed {_MAX_RECORDS:,} records or "
                f"{_MAX_BYTES:,} bytes; split it"
            )
        wanted = [name for name in file.schema_arrow.names if name.lower() in {*_ATTRIBUTES, "bytes"}]
        return file.read(columns=wanted).to_pylist()  # type: ignore[no-any-return]
    except (pa.ArrowException, OSError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"kserve_blob: the Parquet file cannot be read: {str(error)[:200]}") from None


def _csv(body: bytes) -> list[Any]:
    import pyarrow as pa
    from pyarrow import csv

    head = body.partition(b"\n")[0].strip().split(b",")
    # Looked at first: a file of a million columns costs gigabytes to read.
    if len(head) > _MAX_COLUMNS or b"bytes" not in head or any(b'"' in name for name in head):
        raise InvalidInput(f"kserve_blob: got the first line {body[:80]!r}; {_ALLOWED} is allowed")
    try:
        # A block must hold a row, and a row holds a whole body.
        table = csv.read_csv(
            pa.BufferReader(body),
            read_options=csv.ReadOptions(block_size=max(len(body), 1), use_threads=False),
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types={name.decode(): pa.string() for name in head}),
        )
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise InvalidInput(f"kserve_blob: {str(error)[:200]}; {_ALLOWED} is allowed") from None
    return table.to_pylist()  # type: ignore[no-any-return]


def _half(record: Any, naming: Mapping[str, str]) -> Half:
    if not isinstance(record, dict):
        raise InvalidInput(f"got {type(record).__name__}; an object is allowed")
    # Bytes that are not UTF-8 can stand in a Parquet file's names and values.
    given = {key.lower(): value for key, value in record.items() if isinstance(key, str)}
    attributes = {
        name: value if isinstance(value, str) else text_of(value)
        for key, name in _ATTRIBUTES.items()
        if (value := given.get(key)) not in (None, "") and not isinstance(value, bytes)
    }
    return half_of(from_base64(given.get("bytes")), attributes, naming, name="kserve_blob")

"""Send bodies of rows: wait while the server is busy, and send halves where it finds a body too large."""

import io
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from app.intake.pieces import ARROW, arrow_bytes
from app.link import Link, Refused
from monitor.errors import Unavailable

SOURCE = "import"
"""What the ledger calls rows that were imported."""

FATES = ("received", "stored", "duplicate", "rejected", "dropped")
_TRIES = 30
_WAIT_SECONDS = 1.0
_TOO_LARGE, _UNREADABLE = 413, 400


def send(link: Link, path: str, body: bytes, about: Mapping[str, Any]) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Send one body; return how many rows met which fate, and the errors with the rows' places in their file.

    Args:
        link: the server.
        path: where rows or labels of the model go.
        body: an Arrow stream or lines of JSON.
        about: its ``media`` type, how many ``rows`` it has, and the place of the ``first``.

    Raises:
        Refused: the server refused all of it, for another reason than that nothing in it can be read.
        Unavailable: the server was busy, or away, for longer than is waited.
    """
    counted: Counter[str] = Counter(dict.fromkeys(FATES, 0))
    errors: list[dict[str, Any]] = []
    offset = int(about["first"])
    for receipt in _receipts(link, path, body, about["media"], about["rows"]):
        counted.update({fate: receipt[fate] for fate in FATES})
        errors += [error | {"row": error["row"] + offset} for error in receipt["errors"]]
    return counted, errors


def _receipts(link: Link, path: str, body: bytes, media: str, rows: int) -> Iterator[dict[str, Any]]:
    for attempt in range(_TRIES):
        try:
            yield link.ask("POST", path, body=body, media=media, headers={"watchglass-source": SOURCE})
            return
        except Unavailable:
            if attempt == _TRIES - 1:
                raise
            time.sleep(_WAIT_SECONDS)
        except Refused as refused:
            if refused.status == _UNREADABLE and media != ARROW:
                # Not one line of it can be read, which leaves the server nothing to answer row by row.
                error = {"row": 0, "id": None, "reason": "unread", "detail": str(refused)}
                yield {**dict.fromkeys(FATES, 0), "received": rows, "rejected": rows, "errors": [error]}
                return
            if refused.status != _TOO_LARGE or rows < 2:
                raise
            yield from _halves(link, path, body, media, rows)
            return


def _halves(link: Link, path: str, body: bytes, media: str, rows: int) -> Iterator[dict[str, Any]]:
    middle = rows // 2
    if media == ARROW:
        with pa.ipc.open_stream(io.BytesIO(body)) as reader:
            table = reader.read_all()
        halves = [arrow_bytes(table.slice(0, middle)), arrow_bytes(table.slice(middle))]
    else:
        lines = body.split(b"\n")
        halves = [b"\n".join(lines[:middle]), b"\n".join(lines[middle:])]
    for half, count, shift in ((halves[0], middle, 0), (halves[1], rows - middle, middle)):
        for receipt in _receipts(link, path, half, media, count):
            yield receipt | {"errors": [error | {"row": error["row"] + shift} for error in receipt["errors"]]}

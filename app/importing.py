"""Send a file's rows to the server, piece by piece. What was sent before is recognised by its ids."""

import io
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from app.files import RowFile
from app.link import Link, Refused
from app.registering import Columns
from monitor.errors import InvalidInput, Unavailable

SOURCE = "import"
_FATES = ("received", "stored", "duplicate", "rejected", "dropped")
_SHOWN_ERRORS = 20
_TRIES = 30
_ARROW = "application/vnd.apache.arrow.stream"


def import_table(
    link: Link, model: str, path: Path, columns: Columns, *, version: str | None = None, quiet: bool = False
) -> dict[str, Any]:
    """Import predictions, and labels where a column holds them; return what became of each row.

    Rows without an id get ids made of the file's content and their place in it, so that the same file gives
    the same ids.

    Args:
        link: the server.
        model: a registered model's name.
        path: Parquet, CSV or JSONL, flat or as the API takes it (with ``features`` inside).
        columns: which columns hold what is not a feature.
        version: the version that predicted, where no column says so.
        quiet: show no progress.

    Raises:
        InvalidInput: the file cannot be read, or lacks a column that was named.
        Refused: the server refused it, such as for a model that is not registered.
    """
    known = link.ask("GET", f"/v1/models/{quote(model, safe='')}")["schema"]
    file = RowFile(path, columns.types(known))
    features = {feature["name"] for feature in known["features"]}
    made = f"{SOURCE}-{file.digest()}:"
    totals: dict[str, Counter[str]] = {"inferences": Counter(), "labels": Counter()}
    errors: list[dict[str, Any]] = []
    offset = 0
    with _progress(file, quiet) as advance:
        for table in file.batches():
            rows = prepare(table, columns, features, made, offset, version)
            labels = rows["_label"] if "_label" in rows.column_names else None
            sent = rows.drop_columns(["_label"]) if labels is not None else rows
            _tally(totals["inferences"], errors, _send(link, f"/v1/models/{model}/inferences", sent), offset)
            if labels is not None:
                chosen = pa.table({"id": rows["_id"], "value": labels})
                chosen = chosen.filter(labels.is_valid())
                if version is not None:
                    chosen = chosen.append_column("version", pa.repeat(version, len(chosen)))
                if len(chosen):
                    _tally(totals["labels"], errors, _send(link, f"/v1/models/{model}/labels", chosen), offset)
            offset += table.num_rows
            advance(table.num_rows)
    counted = {what: {fate: counts[fate] for fate in _FATES} for what, counts in totals.items() if counts}
    return counted | ({"errors": errors} if errors else {})


def prepare(
    table: pa.Table, columns: Columns, features: set[str], made: str, offset: int, version: str | None
) -> pa.Table:
    """Return ``table`` with what is not a feature under our own names (``_id``, ``_time``, … and ``_label``).

    Raises:
        InvalidInput: a named column is not there.
    """
    if "features" in table.column_names and pa.types.is_struct(table.schema.field("features").type):
        place = table.column_names.index("features")
        inner = table["features"].combine_chunks().flatten()
        names = [field.name for field in table.schema.field("features").type]
        table = table.remove_column(place)
        for name, column in zip(names, inner, strict=True):
            table = table.append_column(name, column)
    named = columns.named()
    missing = [name for name in columns.all() if name not in table.column_names]
    if missing:
        raise InvalidInput(f"The file has no column {', '.join(missing)}; it has {', '.join(table.column_names)}.")
    own = {f"_{what}": table[name] for what, name in named.items()}
    scores = columns.score_names()
    if scores:
        own["_scores"] = table[scores[0]] if len(scores) == 1 else _lists([table[name] for name in scores])
    if features and features.isdisjoint(table.column_names):
        raise InvalidInput(
            f"The file has no column of the model's: it has {', '.join(table.column_names)[:300]}; the model's are "
            f"{', '.join(sorted(features))[:300]}. Is it another file, or another separator than a comma?"
        )
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


def _lists(parts: list[pa.ChunkedArray]) -> pa.Array:
    stacked = np.column_stack([part.cast(pa.float64()).to_numpy() for part in parts])
    offsets = np.arange(0, stacked.size + 1, len(parts), dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(stacked.ravel(), from_pandas=True))


def _send(link: Link, path: str, table: pa.Table) -> Iterator[dict[str, Any]]:
    """Send rows as one body, or as halves where that is too large; wait while the server is busy."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    for attempt in range(_TRIES):
        try:
            yield link.ask("POST", path, body=sink.getvalue(), media=_ARROW, headers={"watchglass-source": SOURCE})
            return
        except Unavailable:
            if attempt == _TRIES - 1:
                raise
            time.sleep(1.0)
        except Refused as refused:
            if refused.status != 413 or len(table) < 2:
                raise
            middle = len(table) // 2
            yield from _send(link, path, table.slice(0, middle))
            for receipt in _send(link, path, table.slice(middle)):
                shifted = [error | {"row": error["row"] + middle} for error in receipt["errors"]]
                yield receipt | {"errors": shifted}
            return


def _tally(totals: Counter[str], errors: list[dict[str, Any]], receipts: Iterator[dict[str, Any]], offset: int) -> None:
    for receipt in receipts:
        totals.update({fate: receipt[fate] for fate in _FATES})
        room = _SHOWN_ERRORS - len(errors)
        errors += [error | {"row": error["row"] + offset} for error in receipt["errors"][:room]]


@contextmanager
def _progress(file: RowFile, quiet: bool) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("rows,"))
    with Progress(
        *parts, TimeRemainingColumn(), TextColumn("left"), console=Console(stderr=True), disable=quiet
    ) as shown:
        task = shown.add_task(file.path.name, total=file.rows)
        yield lambda rows: shown.advance(task, rows)

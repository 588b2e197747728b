"""Import what model servers write into files: each in its own wire format, read by its collector."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import monitor.collectors
from app.importing import SOURCE
from app.link import Link, Refused
from monitor.collectors import Collector, Half
from monitor.collectors.pairing import is_probe, pair
from monitor.errors import InvalidInput, Unavailable
from monitor.plugins import plugins
from monitor.types import Inference, Label, Task

MAX_BYTES = 256 * 2**20
"""The largest file that is read."""

_ROWS = 2_000
_FATES = ("received", "stored", "duplicate", "rejected", "dropped")
_SHOWN_ERRORS = 20
_TRIES = 30


def formats() -> dict[str, type[Collector]]:
    """Return the collectors whose format whole files are of, by name."""
    return {name: kind for name, kind in plugins(monitor.collectors, Collector).items() if kind.files}


def import_recordings(
    link: Link,
    model: str,
    path: Path,
    form: str,
    *,
    columns: str | None = None,
    version: str | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """Import a file, or every file below a folder; return what became of each row.

    Requests and responses that came apart are paired across all files. Rows without an id get one made of their file's
    content and their place in it, so that the same file gives the same ids. What cannot be read is told, file by file.

    Args:
        link: the server.
        model: a registered model's name.
        path: a file or a folder.
        form: one of `formats`.
        columns: names for the columns of an unnamed matrix or CSV, by commas.
        version: the version that predicted, where the file does not say so.
        quiet: show no progress.

    Raises:
        InvalidInput: no such format or file, or a file that is too large.
        Refused: the server refused it, such as for a model that is not registered.
    """
    if form not in formats():
        raise InvalidInput(f"There is no format {form!r}; allowed: {', '.join(formats())}.")
    known = link.ask("GET", f"/v1/models/{quote(model, safe='')}")
    headers = {"watchglass-task": known["schema"]["task"], "watchglass-columns": columns, "watchglass-version": version}
    reader = _Reader(formats()[form](), {key: value for key, value in headers.items() if value is not None}, version)
    sender = _Sender(link, model)
    files = _files(path, form)
    for file in _shown(files, quiet):
        for found in reader.read(file):
            sender.add(found)
    sender.flush()
    told = sender.told()
    if reader.waiting or reader.probes:
        told["halves"] = {"unpaired": len(reader.waiting), "probes": reader.probes}
    errors = reader.errors + sender.errors
    return told | ({"errors": errors[:_SHOWN_ERRORS]} if errors else {})


def _files(path: Path, form: str) -> list[Path]:
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        # BentoML keeps the schema's files beside the data's.
        files = [file for file in files if form != "bentoml" or file.parent.name != "schema"]
    else:
        files = [path]
    if not files or not files[0].is_file():
        raise InvalidInput(f"There is no file {path}.")
    large = next((file for file in files if file.stat().st_size > MAX_BYTES), None)
    if large is not None:
        raise InvalidInput(f"{large} has {large.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read. Split it.")
    return files


class _Reader:
    """Reads file after file; keeps the halves that wait for their other side, and what could not be read."""

    def __init__(self, collector: Collector, headers: Mapping[str, str], version: str | None) -> None:
        self._collector, self._headers, self._version = collector, headers, version
        self.waiting: dict[tuple[str, str], Half] = {}
        self.errors: list[dict[str, Any]] = []
        self.probes = 0

    def read(self, file: Path) -> Iterator[Inference | Label]:
        body = file.read_bytes()
        made = f"{SOURCE}-{hashlib.sha256(body).hexdigest()[:16]}"
        headers = {**self._headers, **_schema(file)} if self._collector.name == "bentoml" else self._headers
        rows = 0
        try:
            for place, found in enumerate(self._collector.parse(body, headers)):
                for row in self._paired(found, f"{made}:{place}") if isinstance(found, Half) else (found,):
                    if isinstance(row, Inference):
                        rows += 1
                        yield replace(row, id=row.id or f"{made}:{rows}", version=self._version or row.version)
                    else:
                        yield replace(row, version=self._version or row.version)
        except InvalidInput as error:
            self.errors.append({"row": rows, "reason": "unread", "detail": f"{file.name}: {error}"})

    def _paired(self, half: Half, name: str) -> list[Inference]:
        shared = half.exchange or half.id or name
        other = self.waiting.pop((shared, "response" if half.side == "request" else "request"), None)
        if other is None:
            self.waiting[shared, half.side] = half
            return []
        request, response = (half, other) if half.side == "request" else (other, half)
        if is_probe(request):
            self.probes += 1
            return []
        try:
            return pair(request, response, task=Task(self._headers["watchglass-task"]), version=self._version)
        except InvalidInput as error:
            self.waiting |= {(shared, "request"): request, (shared, "response"): response}
            self.errors.append({"row": 0, "reason": "unpaired", "detail": f"{shared[:80]}: {error}"})
            return []


def _schema(file: Path) -> dict[str, str]:
    """Return the header that carries the schema BentoML wrote beside a data file, if it did."""
    written = sorted((file.parent.parent / "schema").glob("*")) if file.parent.name == "data" else []
    lines = written[-1].read_text(encoding="utf-8", errors="replace").splitlines() if written else []
    return {"watchglass-schema": lines[-1]} if lines else {}


class _Sender:
    """Sends rows in batches and adds up what became of them."""

    def __init__(self, link: Link, model: str) -> None:
        self._link, self._model = link, model
        self._rows: dict[str, list[dict[str, Any]]] = {"inferences": [], "labels": []}
        self._totals: dict[str, Counter[str]] = {"inferences": Counter(), "labels": Counter()}
        self.errors: list[dict[str, Any]] = []

    def add(self, row: Inference | Label) -> None:
        rows = self._rows["labels" if isinstance(row, Label) else "inferences"]
        rows.append({key: value for key, value in asdict(row).items() if value is not None})
        if len(rows) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        for what, rows in self._rows.items():
            # Inferences go first, so that labels find them.
            if rows:
                self._send(what, rows)
            self._rows[what] = []

    def told(self) -> dict[str, Any]:
        return {what: {fate: counts[fate] for fate in _FATES} for what, counts in self._totals.items() if counts}

    def _send(self, what: str, rows: list[dict[str, Any]]) -> None:
        # The standard library writes NaN as it is, which the server reads and flags; others would make it null.
        body = json.dumps(rows, default=_plain).encode()
        offset = self._totals[what]["received"]
        for attempt in range(_TRIES):
            try:
                told = self._link.ask(
                    "POST", f"/v1/models/{self._model}/{what}", body=body, headers={"watchglass-source": SOURCE}
                )
            except Unavailable:
                if attempt == _TRIES - 1:
                    raise
                time.sleep(1.0)
            except Refused as refused:
                if refused.status != 413 or len(rows) < 2:
                    raise
                self._send(what, rows[: len(rows) // 2])
                self._send(what, rows[len(rows) // 2 :])
                return
            else:
                self._totals[what].update({fate: told[fate] for fate in _FATES})
                self.errors += [error | {"row": error["row"] + offset} for error in told["errors"][:_SHOWN_ERRORS]]
                return


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _shown(files: list[Path], quiet: bool) -> Iterator[Path]:
    from rich.console import Console
    from rich.progress import track

    yield from track(files, "Files", console=Console(stderr=True), disable=quiet)

"""Files that model servers write, each in its own wire format, into pieces: read by the format's collector."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import monitor.collectors
from app.intake import Source, Wish
from app.intake.pieces import LARGEST, NDJSON, Kind, Part, Piece, line_of
from monitor.collectors import Collector, Half
from monitor.collectors.inflate import inflated
from monitor.collectors.pairing import is_probe, pair
from monitor.errors import InvalidInput
from monitor.plugins import plugins
from monitor.types import Inference, Label, Task

MAX_BYTES = 256 * 2**20
"""The largest file that is read, also after inflating."""

ROWS = 2_000
"""The most rows of one piece."""


def formats() -> dict[str, type[Collector]]:
    """Return the collectors whose format whole files are of, by name."""
    return {name: kind for name, kind in plugins(monitor.collectors, Collector).items() if kind.files}


class RecordReader:
    """Reads file after file; keeps the halves that wait for their other side, and what could not be read.

    Rows without an id get one made of their file's content and their place in it, so that the same file gives the same
    ids. A piece may hold rows of several files, for servers write many small ones.
    """

    def __init__(self, wish: Wish) -> None:
        if wish.form not in formats():
            raise InvalidInput(f"There is no format {wish.form!r}; allowed: {', '.join(formats())}.")
        self._collector = formats()[wish.form]()
        headers = {
            "watchglass-task": wish.schema["task"],
            "watchglass-columns": wish.names,
            "watchglass-version": wish.version,
        }
        self._headers = {key: str(value) for key, value in headers.items() if value is not None}
        self._version = wish.version
        self.waiting: dict[tuple[str, str], Half] = {}
        self.errors: list[dict[str, Any]] = []
        self.probes = 0
        self._halves = 0
        self._piece = _Gathered()

    def pieces(self, source: Source) -> Iterator[Piece]:
        """Yield pieces as they fill; what is left waits for `rest`.

        Raises:
            InvalidInput: nothing in the file can be read.
        """
        inferences, labels, self._halves = 0, 0, 0
        given = False
        try:
            for row in self._read(source):
                given = True
                is_label = isinstance(row, Label)
                labels, inferences = labels + is_label, inferences + (not is_label)
                if source.quiet or (labels <= source.labels if is_label else inferences <= source.inferences):
                    continue
                self._piece.add(row, source.place)
                if self._piece.full:
                    yield self._piece.taken()
        except InvalidInput as error:
            if not given and not self._halves:
                raise
            self.errors.append({"row": 0, "reason": "unread", "detail": f"{Path(source.path).name}: {error}"})
        self._piece.done(source.place, self._halves)

    def peek(self, source: Source) -> dict[str, Any]:
        """Return how many rows and labels a file gives, and the columns of its first row.

        Raises:
            InvalidInput: nothing in the file can be read.
        """
        self._halves = 0
        rows = list(self._read(source))
        first = next((row for row in rows if isinstance(row, Inference)), None)
        columns = [] if first is None else first.features.items()
        told = [{"column": name, "type": type(value).__name__, "as": "feature"} for name, value in columns]
        labels = sum(isinstance(row, Label) for row in rows)
        return {"rows": len(rows) - labels, "labels": labels, "columns": told, "missing": []}

    def rest(self) -> Iterator[Piece]:
        """Yield what no piece has held yet."""
        if self._piece.waits:
            yield self._piece.taken()

    def _read(self, source: Source) -> Iterator[Inference | Label]:
        path = Path(source.path)
        body = _content(path, self._collector.name)
        headers = {**self._headers, **_schema(path)} if self._collector.name == "bentoml" else self._headers
        made = f"import-{hashlib.sha256(body).hexdigest()[:16]}"
        rows = 0
        for place, found in enumerate(self._collector.parse(body, headers)):
            for row in self._paired(found, f"{made}:{place}") if isinstance(found, Half) else (found,):
                if isinstance(row, Inference):
                    rows += 1
                    yield replace(row, id=row.id or f"{made}:{rows}", version=self._version or row.version)
                else:
                    yield replace(row, version=self._version or row.version)

    def _paired(self, half: Half, name: str) -> list[Inference]:
        self._halves += 1
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


class _Gathered:
    """Rows on their way into a piece, and whose they are."""

    def __init__(self) -> None:
        self._lines: dict[str, list[bytes]] = {"inferences": [], "labels": []}
        self._bytes = 0
        self._parts: dict[int, Part] = {}
        self._sent = {"inferences": 0, "labels": 0}

    @property
    def full(self) -> bool:
        return self._bytes >= LARGEST or max(map(len, self._lines.values())) >= ROWS

    @property
    def waits(self) -> bool:
        return bool(self._parts)

    def add(self, row: Inference | Label, place: int) -> None:
        what = "labels" if isinstance(row, Label) else "inferences"
        line = line_of({key: value for key, value in asdict(row).items() if value is not None})
        self._lines[what].append(line)
        self._bytes += len(line)
        part = self._parts.get(place, Part(place))
        self._parts[place] = replace(part, **{what: getattr(part, what) + 1})

    def done(self, place: int, halves: int) -> None:
        self._parts[place] = replace(self._parts.get(place, Part(place)), done=True, halves=halves)

    def taken(self) -> Piece:
        piece = Piece(list(self._parts.values()))
        for what, lines in self._lines.items():
            if lines:
                # Inferences go first, so that labels find them.
                kind: Kind = "labels" if what == "labels" else "inferences"
                piece.add(kind, NDJSON, b"\n".join(lines), len(lines), self._sent[what])
                self._sent[what] += len(lines)
        self._lines, self._bytes, self._parts = {"inferences": [], "labels": []}, 0, {}
        return piece


def _content(path: Path, name: str) -> bytes:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InvalidInput(f"it has {size:,} bytes; at most {MAX_BYTES:,} are read. Split it.")
    return inflated(path.read_bytes(), name=name, limit=MAX_BYTES)


def _schema(file: Path) -> dict[str, str]:
    """Return the header that carries the schema BentoML wrote beside a data file, if it did."""
    written = sorted((file.parent.parent / "schema").glob("*")) if file.parent.name == "data" else []
    lines = written[-1].read_text(encoding="utf-8", errors="replace").splitlines() if written else []
    return {"watchglass-schema": lines[-1]} if lines else {}

"""Import files: read in a child process that a file may crash, sent piece by piece, gone on with where it stopped."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from app.finding import Found
from app.intake import Limits, Source, Wish, shown
from app.intake.frames import Frame
from app.intake.memory import Memory
from app.intake.pieces import Part
from app.link import Link
from app.progress import Progress
from app.reading import Reading
from app.registering import Columns
from app.sending import FATES, SOURCE, send
from monitor.errors import InvalidInput

SHOWN_ERRORS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be imported, and as what.

    ``form`` is the format of what a server wrote, None for files of rows; ``names`` name unnamed columns, by commas;
    ``version`` is the one that predicted, where no file says so. ``memory`` is the folder in which to remember what
    was taken, None to remember nothing; ``again`` sends also what is remembered.
    """

    model: str
    columns: Columns = field(default_factory=Columns)
    form: str | None = None
    names: str | None = None
    version: str | None = None
    limits: Limits = field(default_factory=Limits)
    memory: Path | None = None
    again: bool = False


@dataclass(slots=True)
class Tally:
    """What became of the rows."""

    fates: dict[str, Counter[str]] = field(default_factory=lambda: {"inferences": Counter(), "labels": Counter()})
    before: Counter[str] = field(default_factory=Counter)
    failed: list[dict[str, str]] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    halves: dict[str, int] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """Return it as the command line tells it."""
        for what in ("inferences", "labels"):
            if self.before[what]:
                # They are in the store, and were found there without sending them.
                self.fates[what].update(received=self.before[what], duplicate=self.before[what])
        counts = {what: {fate: found[fate] for fate in FATES} for what, found in self.fates.items() if found}
        told: dict[str, Any] = counts or {"inferences": dict.fromkeys(FATES, 0)}
        if self.halves.get("unpaired") or self.halves.get("probes"):
            told["halves"] = self.halves
        if self.before:
            told["before"] = dict(self.before)
        if self.failed:
            told["failed"] = self.failed
        if self.errors:
            told["errors"] = self.errors[:SHOWN_ERRORS]
        return told


def import_files(link: Link, asked: Asked, found: Found, *, quiet: bool = False) -> dict[str, Any]:
    """Import files, and return what became of each row, of each file that failed and of rows that were refused.

    Args:
        link: the server.
        asked: what they are imported as.
        found: the files.
        quiet: show no progress.

    Raises:
        InvalidInput: the only file cannot be read, or what is asked cannot be met.
        Refused: the server refused it, such as for a model that is not registered.
        Unavailable: the server does not answer.
    """
    known = link.ask("GET", f"/v1/models/{quote(asked.model, safe='')}")
    job = _Job(link, asked, known, found, Progress(found.bytes, quiet))
    try:
        job.run()
    finally:
        job.close()
    if len(found.files) == 1 and job.tally.failed:
        raise InvalidInput(f"{job.tally.failed[0]['file']}: {job.tally.failed[0]['detail']}")
    return job.tally.told()


def peek_files(link: Link, asked: Asked, found: Found) -> list[dict[str, Any]]:
    """Return what every file holds, and how it would be taken; nothing is imported."""
    known = link.ask("GET", f"/v1/models/{quote(asked.model, safe='')}")
    with Progress(found.bytes, quiet=True) as progress:
        job = _Job(link, asked, known, found, progress, peek=True)
        try:
            job.run()
        finally:
            job.close()
    return job.peeked + [failure | {"rows": 0} for failure in job.tally.failed]


class _Job:
    """One import, over as many children as it takes."""

    def __init__(
        self, link: Link, asked: Asked, known: dict[str, Any], found: Found, progress: Progress, *, peek: bool = False
    ) -> None:
        self._link, self._asked, self._schema, self._progress, self._peek = link, asked, known["schema"], progress, peek
        self._paths = found.files
        self.tally = Tally(failed=list(found.refused))
        self.peeked: list[dict[str, Any]] = []
        told = {"model": asked.model, "created": known.get("created"), "form": asked.form, "names": asked.names}
        told |= {"version": asked.version, "columns": asked.columns, "schema": self._schema}
        self._memory = Memory(None if peek or asked.again else asked.memory, told, _imported(link, asked.model))
        self._sources: dict[int, Source] = {}
        self._finished: set[int] = set()

    def run(self) -> None:
        """Read and send until every file is done or has failed."""
        self._look()
        with self._progress:
            while waiting := self._waiting():
                self._read(waiting)

    def close(self) -> None:
        """Forget nothing that was acknowledged."""
        self._memory.close()

    def _look(self) -> None:
        """Find out what of each file was imported before."""
        for place, (path, digest) in enumerate(self._paths):
            taken = self._memory.taken(digest)
            self._sources[place] = Source(place, str(path), digest, taken.inferences, taken.labels, taken.done)
            self.tally.before.update(inferences=taken.inferences, labels=taken.labels, files=int(taken.done))
            if taken.done:
                self._finished.add(place)
                if not taken.halves:
                    del self._sources[place]
                self._progress.skip(path.stat().st_size)
        self.tally.before = +self.tally.before

    def _waiting(self) -> list[Source]:
        """Return the files to read, those that are done only for halves that others complete; none if all are done."""
        if all(place in self._finished for place in self._sources):
            return []
        return list(self._sources.values())

    def _read(self, sources: Sequence[Source]) -> None:
        wish = Wish(
            tuple(sources),
            self._schema,
            self._asked.columns,
            self._asked.form,
            self._asked.names,
            self._asked.version,
            self._peek,
            self._asked.limits.memory_mb,
        )
        with Reading(wish, self._asked.limits.seconds) as reading:
            for frame in reading.frames():
                self._take(frame)
            if reading.over:
                self._finished |= set(self._sources)
            elif reading.place is None:
                raise InvalidInput(f"The files cannot be read: {reading.end}.")
            else:
                self._fail(reading.place, reading.end)

    def _take(self, frame: Frame) -> None:
        place: Any = frame.says.get("place")
        if frame.what == "file":
            self._progress.file(self._paths[place][0])
        elif frame.what == "progress":
            self._progress.at(frame.says["at"])
        elif frame.what == "peek":
            self.peeked.append({"file": shown(self._sources[place].path), **frame.says})
        elif frame.what == "refused":
            if place is None:
                raise InvalidInput(frame.says["detail"])
            self._fail(place, frame.says["detail"])
        elif frame.what == "piece":
            self._send(frame)
        elif frame.what == "end":
            self._progress.end()
            self.tally.halves = {name: int(frame.says.get(name, 0)) for name in ("unpaired", "probes")}
        elif frame.what == "errors":
            self.tally.errors += frame.says["errors"]

    def _send(self, frame: Frame) -> None:
        whole, stored = True, 0
        for body, about in zip(frame.bodies, frame.says["about"], strict=True):
            path = f"/v1/models/{quote(self._asked.model, safe='')}/{about['kind']}"
            counted, errors = send(self._link, path, body, about)
            self.tally.fates[about["kind"]].update(counted)
            self.tally.errors += errors[: SHOWN_ERRORS - len(self.tally.errors)]
            whole = whole and counted["stored"] + counted["duplicate"] == about["rows"]
            stored += counted["stored"] if about["kind"] == "inferences" else 0
            if about["kind"] == "inferences":
                self._progress.rows(about["rows"])
        parts = [Part(**part) for part in frame.says["parts"]]
        self._memory.add([(self._sources[part.place].digest, part) for part in parts], whole=whole, stored=stored)
        for part in parts:
            self._advance(part)
        if frame.says["at"] is not None:
            self._progress.at(frame.says["at"])

    def _advance(self, part: Part) -> None:
        """Keep in mind what was sent, so that another child does not send it again."""
        source = self._sources[part.place]
        self._sources[part.place] = Source(
            source.place,
            source.path,
            source.digest,
            source.inferences + part.inferences,
            source.labels + part.labels,
            quiet=source.quiet or part.done,
        )
        if part.done:
            self._finished.add(part.place)
            if not part.halves:
                del self._sources[part.place]

    def _fail(self, place: int, detail: str) -> None:
        if place not in self._sources:  # it was done when the child ended
            raise InvalidInput(f"The files cannot be read to their end: {detail}.")
        path = shown(self._sources.pop(place).path)
        self.tally.failed.append({"file": path, "detail": detail.removeprefix(f"{path} ")})


def _imported(link: Link, model: str) -> int:
    """Return how many rows of imports the ledger says are stored, which never becomes less."""
    ledger = link.ask("GET", "/v1/ledger", query={"model": model})
    lines = ledger["lines"]
    return sum(line["rows"] for line in lines if line["source"] == SOURCE and line["outcome"] == "stored")

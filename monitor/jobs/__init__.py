"""Jobs: what is computed over each closed window of a model, one a file.

To add one: write ``monitor/jobs/<name>.py`` with one concrete subclass of `Job` that has a ``name`` and a ``run``.
It is found by ``plugins()``, the scheduler runs it over every closed window in order, and the conformance tests run on
it. Read profiles through ``context.pieces`` (see `monitor.jobs.cells`), never rows: a job's cost must not grow with
traffic.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import ClassVar, Protocol

import pyarrow as pa

from monitor.clock import Clock
from monitor.jobs.detectors import Detectors
from monitor.jobs.references import References
from monitor.store import Store
from monitor.types import Measurement, Model, Window


class Pieces(Protocol):
    """Reads a consistent snapshot of profile pieces, as `monitor.ingest.Ingest.pieces` does."""

    def __call__(
        self,
        model: str,
        window: Window,
        *,
        columns: Sequence[str] | None = None,
        version: str | None = None,
        segment: str | None = None,
        hours: bool = False,
    ) -> pa.Table:
        """Return the pieces of all hours in the window; those of closed days added up, unless ``hours`` are asked."""
        ...


class Attribute(Protocol):
    """Explains a sample of a version's window and of its reference, as `explain.attributing.Attributing` does."""

    def __call__(self, model: Model, version: str, window: Window) -> str:
        """Keep both samples in the store, unless they are there, and return the basis that they are kept under.

        Raises:
            InvalidInput: it cannot be done; the message says why.
            Unavailable: it could not be done now.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """What jobs work with. One lives as long as the scheduler, so that references are read once.

    ``stopping`` is set when the server stops: a job that waits for something else gives up with `Unavailable`.
    It ``started`` at that moment, where that is known: what was not sent before it tells nothing.
    """

    store: Store
    pieces: Pieces
    clock: Clock
    data_dir: Path
    base_url: str = ""
    references: References = field(default_factory=References)
    detectors: Detectors = field(default_factory=Detectors)
    stopping: Event = field(default_factory=Event)
    attribute: Attribute | None = None
    started: datetime | None = None


class Job(ABC):
    """One computation over a window of one model.

    Attributes:
        name: what it is called in the schedule.
        windows: how many of the model's windows one run covers.
        late: whether labels that come after the window closed change its result, so that it is run again.
        slow: whether it waits for other processes; it then runs behind the windows that were judged, in a thread of its
            own, and reads nothing of ``context`` but store, pieces, clock and ``attribute``.
    """

    name: ClassVar[str]
    windows: ClassVar[int] = 1
    late: ClassVar[bool] = False
    slow: ClassVar[bool] = False

    @abstractmethod
    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Return the measurements of one window; the same profiles give the same list.

        A broken column must not stop the others: it is measured as insufficient, with the reason in its details.
        """

    def keep(self, context: JobContext, model: Model, window: Window) -> None:  # noqa: B027 - most jobs remember nothing
        """Write what the job remembers of the window it was run over last, if anything.

        Called in the transaction that keeps the measurements and moves the watermark; not for a window that is
        measured again.
        """

"""The store: one DuckDB file that holds everything, owned by one process."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from monitor.store import tables
from monitor.store.alerts import Alerts
from monitor.store.attributions import Attributions
from monitor.store.backgrounds import Backgrounds
from monitor.store.catalog import Catalog
from monitor.store.database import Database
from monitor.store.detections import Detections
from monitor.store.digests import Digests
from monitor.store.explanations import Explanations
from monitor.store.half import HalfLimits
from monitor.store.halves import Halves
from monitor.store.journaled import Journaled
from monitor.store.ledger import Ledger
from monitor.store.letters import Letters, Limits
from monitor.store.measurements import Measurements
from monitor.store.migrations import migrate
from monitor.store.notes import Notes
from monitor.store.profiles import Profiles
from monitor.store.reports import Reports
from monitor.store.reservoir import Reservoir
from monitor.store.rows import Rows
from monitor.store.samples import Samples
from monitor.store.seal import Seal
from monitor.store.thinning import Thinning


class Store:
    """Everything that is kept, by what it is; safe to use from any thread.

    Attributes:
        catalog: models, versions, binnings, references.
        ledger: how many rows met which fate.
        journaled: how far the journal in front of the file was brought in.
        letters: what could not be stored as a row, for a while.
        halves: one side of an exchange each, until the other comes.
        rows: captured rows and labels.
        thinning: which rows are kept, and what is left of the others.
        reservoir: a few rows of each day, whatever else is kept.
        profiles: their mergeable summaries.
        measurements: what jobs measured, and how far they have come.
        alerts: alerts and the outbox.
        digests: what waits for the daily digest, and digests that were put together.
        notes: what owners did about alerts.
        detections: what detectors remember between windows.
        explanations: why a model answered what it answered.
        attributions: the same of sampled rows, a row an input.
        backgrounds: rows of references that explanations compared with.
        reports: written reports.
        samples: figures of model servers and GPUs over time.

    >>> with Store.open(":memory:") as store:
    ...     store.catalog.models()
    []
    """

    def __init__(self, database: Database, limits: Limits | None = None, half_limits: HalfLimits | None = None) -> None:
        migrate(database)
        self.database = database
        self._seal = Seal(database.path)
        self.catalog = Catalog(database)
        tables.widen_old(database, [model.schema for model in self.catalog.read_ahead()])
        self.ledger = Ledger(database, self._seal)
        self.journaled = Journaled(database)
        self.letters = Letters(database, self.ledger, limits or Limits())
        self.halves = Halves(database, self.ledger, half_limits or HalfLimits())
        self.rows = Rows(database, self.catalog, self.ledger, self.letters)
        self.thinning = Thinning(database, self.catalog, self.rows)
        self.reservoir = Reservoir(database, self.catalog)
        self.profiles = Profiles(database)
        self.measurements = Measurements(database)
        self.alerts = Alerts(database)
        self.digests = Digests(database)
        self.notes = Notes(database)
        self.detections = Detections(database)
        self.explanations = Explanations(database)
        self.attributions = Attributions(database)
        self.backgrounds = Backgrounds(database)
        self.reports = Reports(database)
        self.samples = Samples(database)
        self.ledger.check_seal()

    @classmethod
    def open(
        cls,
        path: Path | str,
        *,
        memory_limit: str = "1GB",
        threads: int = 2,
        limits: Limits | None = None,
        half_limits: HalfLimits | None = None,
    ) -> "Store":
        """Open the store in a file, or ``":memory:"``; make it, or bring it to the newest format, as needed.

        Args:
            path: the file.
            memory_limit: as DuckDB writes it.
            threads: how many threads one query may use.
            limits: how much is kept of what cannot be stored, and for how long.
            half_limits: the same of halves of exchanges whose other side does not come.

        Raises:
            Unavailable: another process owns the file, it cannot be read, or a newer Watchglass wrote it.
        """
        file = None if str(path) == ":memory:" else Path(path)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
        database = Database(file, memory_limit=memory_limit, threads=threads)
        try:
            return cls(database, limits, half_limits)
        except BaseException:
            database.close()
            raise

    def transaction(self) -> AbstractContextManager[None]:
        """Make everything written inside durable together or not at all; one thread at a time.

        Raises:
            CommitUnknown: the commit raised and may have become durable.
        """
        return self.database.transaction()

    def snapshot(self) -> AbstractContextManager[None]:
        """Let everything read inside, by this thread, be of one moment."""
        return self.database.snapshot()

    def close(self) -> None:
        """Close the file; everything committed is durable already."""
        self.database.close()
        self._seal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

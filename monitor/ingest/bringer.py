"""The thread that brings journaled rows into the tables in good time, though nobody asks for them."""

from pathlib import Path
from threading import Thread

from monitor.ingest.journal import Journal
from monitor.ingest.pending import Pending
from monitor.store import Store


class Bringer:
    """What pends in the journal beside a store's file; what the last process left there is brought in already.

    Args:
        store: whose.
        file: the store's.
    """

    def __init__(self, store: Store, file: Path) -> None:
        self._store = store
        self.pending = Pending(store, Journal(file))
        self.pending.recover()
        store.database.go_ahead(self.pending.bring_in)
        self._thread: Thread | None = None

    @classmethod
    def of(cls, store: Store) -> "Bringer | None":
        """Return the bringer of a store; None where it has no file."""
        file = store.database.path
        return None if file is None else cls(store, file)

    def start(self) -> None:
        """Take rows into the journal from now on."""
        self.pending.open()
        self._thread = Thread(target=self._run, name="watchglass-bringer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Bring in what pends, and take no more."""
        if self._thread is not None:
            self._store.database.catch_up()
            self.pending.close()
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while self.pending.wait():
            self._store.database.catch_up()

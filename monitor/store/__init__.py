"""The store: DuckDB behind nouns. Nothing else imports duckdb.

One process owns the file. Reading goes on while one thread at a time writes; what belongs together is durable
together. ``Store.open(path)`` is the way in.
"""

from monitor.store.database import CommitUnknown
from monitor.store.disk import Disk, Room, is_full, size_of
from monitor.store.half import HalfCount, HalfLimits
from monitor.store.ledger import RECEIVED, Loss
from monitor.store.letters import BURIED, DeadLetter, Limits
from monitor.store.rows import Committed, label_table
from monitor.store.store import Store
from monitor.store.thinning import Kept
from monitor.store.verify import Check, verify

__all__ = [
    "BURIED",
    "RECEIVED",
    "Check",
    "CommitUnknown",
    "Committed",
    "DeadLetter",
    "Disk",
    "HalfCount",
    "HalfLimits",
    "Kept",
    "Limits",
    "Loss",
    "Room",
    "Store",
    "is_full",
    "label_table",
    "size_of",
    "verify",
]

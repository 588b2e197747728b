"""Everything captured goes through here: de-duplicated, counted, committed in groups, profiled."""

from monitor.ingest.ingest import Ingest
from monitor.ingest.receipts import Collected, Receipt, RowError
from monitor.ingest.refusals import BODIES_FULL, DISK_FULL, STOPPED
from monitor.ingest.settle import LABELS

__all__ = ["BODIES_FULL", "DISK_FULL", "LABELS", "STOPPED", "Collected", "Ingest", "Receipt", "RowError"]

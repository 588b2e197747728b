"""Everything captured goes through here: de-duplicated, counted, committed in groups, profiled."""

from monitor.ingest.ingest import Ingest
from monitor.ingest.receipts import Receipt, RowError
from monitor.ingest.settle import LABELS

__all__ = ["LABELS", "Ingest", "Receipt", "RowError"]

"""What pieces stand on: they add up only where it is the same."""

import hashlib
import json
from collections.abc import Sequence

from monitor.profile.binning import Binning
from monitor.types import Model, Task


def basis_of(model: Model, binning: Binning, segments: Sequence[str] | None = None) -> str:
    """Return what pieces depend on beside the rows; pieces that differ in it do not add up."""
    schema = model.schema
    chosen = tuple(model.segments if segments is None else segments)
    parts = [binning.id, schema.task, schema.classes, schema.threshold, chosen]
    if schema.task is Task.RANKING:
        parts.append(schema.cutoff)
    return f"{binning.id}:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]}"

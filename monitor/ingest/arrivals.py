"""One half of an exchange as it came, ready to be handed in."""

from dataclasses import dataclass, replace
from datetime import datetime

from monitor.collectors import Half
from monitor.collectors.pairing import is_probe
from monitor.store.packing import pack


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One half as it came, read and packed; ``version`` and ``id_column`` are for `monitor.collectors.pairing.pair`.

    ``received`` is when it was acknowledged, where that was before it is brought into the tables.
    """

    half: Half
    exchange: str
    digest: int
    body: bytes
    version: str | None = None
    id_column: str = "id"
    received: datetime | None = None


def arrival(half: Half, exchange: str, *, version: str | None = None, id_column: str = "id") -> Arrival:
    """Return a half ready to be handed in; of a probe's nothing is kept but that it came."""
    body, digest = pack(half)
    if is_probe(half):
        half = replace(half, rows=0, columns={}, parameters={"watchglass_probe": True})
        body, _ = pack(half)
    return Arrival(half=half, exchange=exchange, digest=digest, body=body, version=version, id_column=id_column)

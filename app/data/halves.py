"""Halves of exchanges whose other side has not come, as the dashboard shows them."""

from app.runtime import runtime
from monitor.store import HalfCount
from monitor.store.half import KeptHalf

SHOWN = 100


def unpaired() -> list[HalfCount]:
    """What became of halves by model, way and side; empty where none ever came."""
    running = runtime()
    return running.store.halves.counts(running.clock.now())


def orphans() -> list[KeptHalf]:
    """The newest halves that have waited too long, or contradict their other side, of all models."""
    running = runtime()
    before = running.store.halves.orphaned(running.clock.now())
    found = [
        half
        for model in running.store.catalog.models()
        for half in running.store.halves.newest(model.name, limit=SHOWN)
        if half.received < before or half.note is not None
    ]
    return sorted(found, key=lambda half: half.received, reverse=True)[:SHOWN]


def orphan_minutes() -> float:
    """How long a half may wait before it is an orphan."""
    return runtime().store.halves.limits.orphan_minutes


def settled(count: HalfCount) -> str:
    """What became of those that are no longer there, in words.

    >>> from monitor.store import HalfCount
    >>> settled(HalfCount(model="m", source="s", side="request", fates={"received": 3, "paired": 2, "late": 1}))
    '2 paired, 1 paired late'
    """
    words = {
        "paired": "paired",
        "late": "paired late",
        "failed": "answered with an error",
        "probe": "our own probes",
        "expired": "given up",
    }
    return ", ".join(f"{count.fates[fate]:,} {said}" for fate, said in words.items() if count.fates.get(fate))

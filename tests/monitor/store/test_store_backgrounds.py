"""Backgrounds that are kept: by model and hash, once each, the newest of a model."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.errors import NotFound
from monitor.store import Store
from monitor.store import backgrounds as kept
from monitor.store.backgrounds import KeptBackground

MADE = KeptBackground(
    model="flights",
    hash="h0",
    source="reference of version 1",
    rows=2,
    columns={"carrier": ["AA", None], "delay": [1.5, None]},
    created=datetime(2013, 5, 1, tzinfo=UTC),
)


def test_one_is_kept_as_it_was_first_and_found_by_model_and_hash():
    with Store.open(":memory:") as store:
        store.backgrounds.put(MADE)
        store.backgrounds.put(replace(MADE, source="another"))
        assert store.backgrounds.get("flights", "h0") == MADE
        with pytest.raises(NotFound, match="only the hash is"):
            store.backgrounds.get("parcels", "h0")


def test_of_many_of_a_model_the_newest_stay(monkeypatch):
    monkeypatch.setattr(kept, "KEPT", 2)
    with Store.open(":memory:") as store:
        store.backgrounds.put(replace(MADE, model="parcels"))
        for at in range(3):
            store.backgrounds.put(replace(MADE, hash=f"h{at}", created=MADE.created + timedelta(days=at)))
        with pytest.raises(NotFound):
            store.backgrounds.get("flights", "h0")
        assert [store.backgrounds.get("flights", hash_).hash for hash_ in ("h1", "h2")] == ["h1", "h2"]
        assert store.backgrounds.get("parcels", "h0").model == "parcels"

"""Addresses with a password, from before these were refused, are read without it."""

from datetime import UTC, datetime

import pytest

from monitor.types import Model, ModelSchema, Settings, Task, Version

NOON = datetime(2013, 6, 9, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://ann:secret@models:9000/v2", "…@models:9000/v2"),
        ("http://ann:secret@[::1", "…@[::1"),
        ("http://models:9000/v2/models/flights@prod", "http://models:9000/v2/models/flights@prod"),
    ],
)
def test_a_registered_address_is_told_without_a_password(store, url, told):
    schema = ModelSchema(model="m", task=Task.BINARY, features=())
    store.catalog.put_model(Model(name="m", schema=schema, settings=Settings(), created=NOON))
    endpoint = {"url": url, "dialect": "v2", "retries": 2}
    store.catalog.put_version(Version(model="m", version="1", created=NOON, endpoint=endpoint))
    assert store.catalog.version("m", "1").endpoint == endpoint | {"url": told}

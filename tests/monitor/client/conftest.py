"""Clients of the receiver."""

import pytest

from monitor.client import Client


@pytest.fixture
def make(receiver):
    """Make clients that are closed afterwards; they wait long for an answer, and so send nothing twice."""
    made = []

    def build(url=None, **options):
        found = Client(url or receiver.url, "flights", **{"flush_interval": 0.01, "timeout": 60, **options})
        made.append(found)
        return found

    yield build
    for one in made:
        one.close(timeout=0)

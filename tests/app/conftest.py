"""A seeded server's parts, opened once for the dashboard's tests."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent / "parcels"))

if TYPE_CHECKING:
    from parcels_seed import Seeded


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Seeded]":
    """The parcels store, open."""
    from parcels_seed import open_seeded

    found = open_seeded(tmp_path_factory.mktemp("parcels"))
    yield found
    found.runtime.close()


@pytest.fixture
def seeded(opened: "Seeded") -> "Iterator[Seeded]":
    """The parcels store as the runtime of this process, with nothing cached."""
    import streamlit

    from app.runtime import set_runtime

    set_runtime(opened.runtime)
    streamlit.cache_data.clear()
    yield opened
    streamlit.cache_data.clear()

"""Operations shows what could not be stored: by reason, one by one, and what was sent, harmless whatever it holds."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import streamlit

from app.data.letters import body_of
from app.runtime import Runtime, set_runtime
from monitor.config import Config
from monitor.schema import Conformed, Rejected, Sent, arrow_schema
from monitor.store import DeadLetter
from monitor.types import Feature, Kind, Model, ModelSchema, Settings, Task
from tests.app.test_dashboard_views import texts, visit

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SCHEMA = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="x", kind=Kind.NUMERIC),))
HOSTILE = '{"id": "b", "features": {"x": "</code><script>alert(1)</script>\u202e"}}'.encode()


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    opened = Runtime.open(Config(data_dir=tmp_path), scheduling=False)
    opened.store.catalog.put_model(Model(name="m", schema=SCHEMA, settings=Settings(), created=NOW))
    rejected = [
        Rejected(0, "a", "bad_features", "features is list", Sent("inferences", b'{"id": "a", "features": [1]}')),
        Rejected(1, "b", "clock_skew", "time is ahead", Sent("inferences", HOSTILE)),
    ]
    conformed = Conformed(arrow_schema(SCHEMA).empty_table(), rejected)
    opened.ingest.submit("m", conformed, source="http", received=2).result(120)
    set_runtime(opened)
    streamlit.cache_data.clear()
    yield opened
    streamlit.cache_data.clear()
    opened.close()


def test_letters_are_counted_by_reason_and_shown_one_by_one(runtime: Runtime) -> None:
    at = visit("operations")
    assert "2 kept as dead letters with what was sent, for 7 days" in texts(at)
    assert "2 of 2 rows (100.0 %) were not stored" in texts(at)
    counts = next(each.value for each in at.dataframe if "Waiting" in each.value)
    assert dict(zip(counts["Reason"], counts["Waiting"], strict=True)) == {"bad features": 1, "clock skew": 1}
    letters = next(each.value for each in at.dataframe if "Kept until (UTC)" in each.value)
    assert list(letters["Id"]) == ["b", "a"]
    assert at.code[-1].value == HOSTILE.decode().replace("\u202e", "\\u202e")


def test_what_was_replayed_is_not_missing_any_more(runtime: Runtime) -> None:
    numbers = [letter.number for letter in runtime.store.letters.query("m")]
    with runtime.store.transaction():
        runtime.store.letters.mark_replayed("m", numbers, NOW)
    at = visit("operations")
    assert at.success[0].value.startswith("All 2 rows")
    assert "Replayed: it is stored as rows, and its body is gone." in texts(at)


def test_bytes_are_shown_as_what_they_are() -> None:
    letter = DeadLetter(
        model="m", source="http", id=None, reason="r", detail="", received=NOW, body=b"\xff\0\x1b[31m\n" + b"x" * 5000
    )
    shown = body_of(letter)
    assert shown.startswith("\\xff\\x00\\x1b[31m\nxxx")
    assert shown.endswith("x…")
    assert len(shown) < 4_100

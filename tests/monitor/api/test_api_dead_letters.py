"""What cannot be stored is kept for a while, can be read, and becomes rows once its cause is mended."""

import asyncio
import base64
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from monitor.api.replay import Replay, Replayed
from monitor.collectors import v2
from monitor.store import verify
from tests.waiting import until

NOW = datetime(2013, 6, 10, tzinfo=UTC)
PATH = "/v1/models/flights"
LETTERS = f"{PATH}/dead-letters"
ROW: dict[str, Any] = {"id": "a", "features": {"temp": 1.0, "carrier": "AA"}, "scores": [0.5]}
EARLY = {"id": "b", "features": {"temp": float("nan"), "carrier": "UA"}, "time": "2013-06-10T02:00:00Z"}


def post(api, rows: Any, what: str = "inferences"):
    return api("POST", f"{PATH}/{what}", content=json.dumps(rows), headers={"content-type": "application/json"}).json()


def waiting(api) -> list[dict[str, Any]]:
    return [letter for letter in api("GET", LETTERS).json()["letters"] if letter["replayed"] is None]


def ledger(api) -> dict[tuple[str, str], int]:
    return {(line["source"], line["outcome"]): line["rows"] for line in api("GET", "/v1/ledger").json()["lines"]}


@pytest.fixture(autouse=True)
def adds_up(runtime):
    """Whatever a test did, the ledger adds up at its end: letters with one end each, rows with one fate."""
    yield
    runtime.ingest.flush()
    assert [check for check in verify(runtime.store) if not check.ok] == []


def test_a_rejected_row_is_kept_as_it_came(flights) -> None:
    post(flights, [ROW, EARLY])
    (letter,) = waiting(flights)
    assert (letter["id"], letter["reason"], letter["form"], letter["source"]) == (
        "b",
        "clock_skew",
        "inferences",
        "http",
    )
    assert json.loads(letter["body"])["features"]["carrier"] == "UA"
    assert "NaN" in letter["body"]  # not made null on the way
    one = flights("GET", f"{LETTERS}/{letter['number']}").json()
    assert one == letter


def test_a_row_ahead_of_its_time_is_stored_when_it_is_replayed_then(flights, runtime) -> None:
    post(flights, [ROW, EARLY])
    told = flights("POST", f"{LETTERS}/replay").json()
    assert (told["tried"], told["replayed"], told["failed"], told["still"][0]["reason"]) == (1, 0, 1, "clock_skew")
    assert len(waiting(flights)) == 1
    before = ledger(flights)
    runtime.clock.advance(runtime.clock.now() + timedelta(hours=3))
    told = flights("POST", f"{LETTERS}/replay").json()
    assert (told["tried"], told["replayed"], told["stored"], told["still"]) == (1, 1, 1, [])
    assert ledger(flights) == before | {("replay", "stored"): 1}
    assert waiting(flights) == []
    (letter,) = flights("GET", LETTERS).json()["letters"]
    assert (letter["body"], letter["cut"]) == ("", False)
    assert flights("GET", f"{PATH}/inferences/b").json()["source"] == "replay"
    assert flights("POST", f"{LETTERS}/replay").json()["tried"] == 0


def test_a_label_of_a_class_that_the_model_gains_is_stored_when_it_is_replayed(api, runtime) -> None:
    """The owner mends the schema; until then the label waits."""
    schema = {"task": "multiclass", "classes": ["cat", "dog"], "features": [{"name": "x", "kind": "numeric"}]}
    api("PUT", "/v1/models/flights", json={"schema": schema})
    post(api, [{"id": "a", "value": "cat"}, {"id": "b", "value": "bird"}], "labels")
    assert api("POST", f"{LETTERS}/replay").json()["failed"] == 1
    changed = runtime.store.catalog.model("flights")
    grown = replace(changed, schema=replace(changed.schema, classes=("cat", "dog", "bird")))
    runtime.store.catalog.put_model(grown)
    told = api("POST", f"{LETTERS}/replay", json={"reason": "bad_label"}).json()
    assert (told["replayed"], told["stored"]) == (1, 1)
    assert ledger(api)["labels", "stored"] == 2


def test_a_conflict_stays_a_conflict_and_counts_once(flights) -> None:
    post(flights, [ROW])
    post(flights, [ROW | {"scores": [0.75], "features": {"temp": 2.0, "carrier": "AA", "new": [1]}}])
    before = ledger(flights)
    for _ in range(2):
        told = flights("POST", f"{LETTERS}/replay").json()
        assert (told["failed"], told["still"][0]["reason"]) == (1, "conflict")
    assert ledger(flights) == before
    (letter,) = waiting(flights)
    assert json.loads(letter["body"])["features"] == {"temp": 2.0, "carrier": "AA", "new": [1]}


BROKEN = b'{"id": "q", "inputs": [{"name": "temp", "shape": [2], "datatype": "FP99", "data": [1.5, 2.5]}]}'
ANSWER = b'{"id": "q", "outputs": [{"name": "p", "shape": [2], "datatype": "FP32", "data": [0.25, 0.75]}]}'


def test_a_body_that_a_mended_parser_reads_is_paired_with_its_answer(flights, monkeypatch) -> None:
    """A server brings a type of its own; what it sent until the collector learned it is not lost."""
    headers = {"content-type": "application/json"}
    assert flights("POST", f"{PATH}/collect/v2", content=BROKEN, headers=headers).json()["rejected"] == 1
    assert flights("POST", f"{PATH}/collect/v2", content=ANSWER, headers=headers).json()["waiting"] == 1
    assert flights("POST", f"{LETTERS}/replay", json={"source": "v2"}).json()["failed"] == 1
    assert len(waiting(flights)) == 1
    monkeypatch.setattr(v2, "_TYPES", (*v2._TYPES, "FP99"))
    monkeypatch.setattr(v2, "_FLOATS", (*v2._FLOATS, "FP99"))
    told = flights("POST", f"{LETTERS}/replay", json={"source": "v2"}).json()
    assert (told["replayed"], told["stored"]) == (1, 2)
    assert flights("GET", f"{PATH}/inferences/q:1").json()["features"]["temp"] == 2.5
    assert waiting(flights) == []


def test_two_replays_at_once_store_a_row_without_an_id_once(flights, runtime) -> None:
    post(flights, [ROW, {key: value for key, value in EARLY.items() if key != "id"}])
    runtime.clock.advance(runtime.clock.now() + timedelta(hours=3))
    replay = Replay(runtime.services)
    model = runtime.store.catalog.model("flights")

    async def both() -> list[Replayed]:
        chosen = {"reason": None, "source": None, "number": None}
        return await asyncio.gather(replay.run(model, **chosen), replay.run(model, **chosen))

    assert sum(told.stored for told in asyncio.run(both())) == 1
    assert flights("GET", f"{PATH}/inferences").json()["total"] == 2


def test_a_version_that_only_a_replayed_row_has_is_registered(flights, runtime) -> None:
    post(flights, [ROW, EARLY | {"version": "new.1"}])
    runtime.clock.advance(runtime.clock.now() + timedelta(hours=3))
    assert flights("POST", f"{LETTERS}/replay").json()["stored"] == 1
    assert [version["version"] for version in flights("GET", PATH).json()["versions"]] == ["1", "new.1"]


def test_an_arrow_row_that_is_rejected_can_be_replayed(flights, runtime) -> None:
    table = pa.table({"_id": ["a", "b"], "_time": [None, NOW + timedelta(hours=2)], "temp": [1.0, 2.5]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    headers = {"content-type": "application/vnd.apache.arrow.stream"}
    assert flights("POST", f"{PATH}/inferences", content=sink.getvalue(), headers=headers).json()["rejected"] == 1
    runtime.clock.advance(NOW + timedelta(hours=3))
    assert flights("POST", f"{LETTERS}/replay").json()["stored"] == 1
    stored = flights("GET", f"{PATH}/inferences/b").json()
    assert (stored["features"]["temp"], stored["time"]) == (2.5, "2013-06-10T02:00:00Z")


def test_the_flusher_lets_letters_go(flights, runtime) -> None:
    post(flights, [ROW, EARLY])
    runtime.clock.advance(NOW + timedelta(days=8))
    runtime.ingest._flusher.soon()
    until(lambda: waiting(flights) == [])


def test_letters_are_filtered_paged_and_deleted(flights) -> None:
    post(flights, [{"id": f"x{n}", "features": [n]} for n in range(5)] + [ROW, EARLY])
    page = flights("GET", f"{LETTERS}?reason=bad_features&limit=2").json()
    assert (len(page["letters"]), page["total"], page["next_offset"]) == (2, 5, 2)
    assert flights("GET", f"{LETTERS}?source=client").json()["total"] == 0
    number = page["letters"][0]["number"]
    assert flights("DELETE", f"{LETTERS}/{number}").json() == {"deleted": 1}
    assert flights("DELETE", f"{LETTERS}/{number}").status_code == 404
    assert flights("GET", f"{LETTERS}/{number}").status_code == 404
    assert flights("POST", f"{LETTERS}/replay", json={"number": number}).status_code == 404
    assert flights("GET", f"{LETTERS}/-1").status_code == 422
    assert flights("DELETE", f"{LETTERS}?reason=bad_features").json() == {"deleted": 4}
    assert [letter["reason"] for letter in waiting(flights)] == ["clock_skew"]


def test_a_long_body_is_cut_which_is_said_and_it_is_not_replayed(flights) -> None:
    post(flights, [ROW, {"id": "b", "features": ["y" * 70_000]}])
    (letter,) = waiting(flights)
    assert (len(letter["body"]), letter["cut"], letter["size"] > 70_000) == (65_536, True, True)
    assert flights("POST", f"{LETTERS}/replay").json()["still"][0]["reason"] == "cut"


def test_bytes_that_are_no_text_are_shown_in_base64(flights) -> None:
    body = json.dumps(ROW).encode() + b'\n{"id": "\xff'
    flights("POST", f"{PATH}/inferences", content=body, headers={"content-type": "application/x-ndjson"})
    (letter,) = waiting(flights)
    assert (letter["encoding"], base64.b64decode(letter["body"])) == ("base64", b'{"id": "\xff')
    assert flights("POST", f"{LETTERS}/replay").json()["still"][0]["reason"] == "unreadable"


def test_of_a_thousand_rows_the_one_that_is_poison_is_the_only_letter(flights) -> None:
    rows = [ROW | {"id": f"r{n}"} for n in range(999)]
    receipt = post(flights, [*rows[:500], {"id": "p", "scores": {}}, *rows[500:]])
    assert (receipt["stored"], receipt["rejected"]) == (999, 1)
    assert [letter["id"] for letter in waiting(flights)] == ["p"]


def test_letters_go_after_their_time_and_are_counted(flights, runtime) -> None:
    post(flights, [ROW, EARLY])
    now = runtime.clock.now()
    assert runtime.store.letters.expire(now + timedelta(days=6, hours=23)) == 0
    assert runtime.store.letters.expire(now + timedelta(days=7)) == 1
    assert waiting(flights) == []
    assert runtime.store.letters.ends("flights") == {("flights", "buried"): 1, ("flights", "expired"): 1}


def test_figures_tell_how_many_wait(flights) -> None:
    post(flights, [ROW, EARLY])
    text = flights("GET", "/metrics").text
    assert 'watchglass_dead_letters{model="flights",reason="clock_skew",source="http"} 1.0' in text
    assert 'watchglass_dead_letters_kept_total{model="flights"} 1.0' in text

"""The order of a simulated day, and what is said when something is lost, against a server that only takes notes."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.demo import data, day
from app.demo.day import Calendar
from app.demo.story import midnight, short
from app.demo.summary import Summary
from app.demo.traffic import ServedModel
from monitor.errors import Unavailable


class Notes:
    """Stands for Watchglass: counts what it is sent, and gives account of it."""

    def __init__(self, lost: int = 0) -> None:
        self.asked: list[tuple[str, str, object]] = []
        self.rows = 0
        self.lost = lost

    def ask(self, method, path, *, json_body=None, **_):
        self.asked.append((method, path, json_body))
        if path == "/v1/ledger":
            lines = [{"source": "asgi", "outcome": "stored", "rows": max(0, self.rows - self.lost)}]
            return {"lines": [*lines, {"source": "labels", "outcome": "stored", "rows": 99}]}
        if path.endswith("/labels"):
            return {"stored": len(json_body)}
        return {"windows": 1, "measurements": 5}


class Model(ServedModel):
    """Stands for a served model; every row it is asked for is captured at once."""

    def __init__(self, notes: Notes) -> None:
        super().__init__("http://127.0.0.1:9")
        self.notes = notes

    def replay(self, flights, largest, seed):
        self.notes.asked.append(("ASK", "predictions", flights))
        for start in range(0, flights.num_rows, 100):
            ids = flights["id"].slice(start, 100).to_pylist()
            self.notes.rows += len(ids)
            yield dict.fromkeys(ids, 0.5)


@pytest.fixture
def notes() -> Notes:
    return Notes()


def played(notes: Notes, days: int = 3) -> tuple[Calendar, Summary]:
    story, summary = short(days), Summary()
    calendar = Calendar(story, notes, {"1": Model(notes), "2": Model(notes)}, summary)
    for each in data.days(story.first, story.until):
        calendar.play(each, lambda done, note=None: None)
    calendar.last_labels()
    return calendar, summary


def test_a_day_is_clock_then_flights_then_yesterdays_labels_then_midnight_then_jobs(notes) -> None:
    played(notes)
    kinds = [path.rsplit("/", 1)[-1] for _, path, _ in notes.asked if path != "/v1/ledger"]
    first, usual, last = ["clock", "predictions", "clock", "run"], ["clock", "predictions", "labels", "clock", "run"], 0
    assert kinds == [*first, *usual, *usual, "clock", "labels", "clock", "run"]
    clocks = [body["now"] for _, path, body in notes.asked if path == "/v1/clock"]
    assert clocks == sorted(clocks)
    assert clocks[:2] == ["2013-08-01T23:59:59+00:00", "2013-08-02T00:00:00+00:00"]
    assert last == 0


def test_every_flight_is_asked_for_once_and_every_arrival_is_told_a_day_later(notes) -> None:
    calendar, summary = played(notes)
    story = short(3)
    flights = data.between(midnight(story.first), midnight(story.until))
    assert summary.predictions == flights.num_rows == notes.rows
    assert summary.labels == flights.num_rows - flights["arr_delay"].null_count
    labels = [label for _, path, body in notes.asked if path.endswith("/labels") for label in body]
    assert max(Counter(label["id"] for label in labels).values()) == 1
    due = dict(zip(flights["id"].to_pylist(), flights["time"].to_pylist(), strict=True))
    assert all(label["time"] == (due[label["id"]] + timedelta(days=1)).isoformat() for label in labels)
    assert calendar.totals == {"windows": 4, "measurements": 20}


def test_the_fault_is_in_what_is_asked_and_its_scores_are_kept(notes) -> None:
    calendar, _ = played(notes)
    asked = [table for _, path, table in notes.asked if path == "predictions"]
    last = data.between(midnight(date(2013, 8, 3)), midnight(date(2013, 8, 4)))
    assert asked[-1]["airport_delay"].equals(short(3).fault.apply(last)["airport_delay"])
    assert asked[-2]["airport_delay"].to_pylist() != asked[-1]["airport_delay"].to_pylist()
    assert set(calendar.scores) == set(last["id"].to_pylist())


def test_predictions_that_do_not_arrive_stop_the_demo(monkeypatch) -> None:
    monkeypatch.setattr(day, "BARRIER_SECONDS", 0.05)
    with pytest.raises(Unavailable, match="7 captured predictions have not arrived"):
        played(Notes(lost=7))


def test_labels_that_are_refused_stop_the_demo(notes) -> None:
    story = replace(short(2))
    calendar = Calendar(story, notes, {"1": Model(notes), "2": Model(notes)}, Summary())
    notes.ask = lambda *_, json_body=None, **__: {"stored": 0, "rejected": len(json_body or [])}
    with pytest.raises(Unavailable, match="labels of 2013-08-01, 0 were stored"):
        calendar._send_labels(story.first)

"""One simulated day after another: predictions, yesterday's labels, a barrier, and the jobs that midnight brings."""

import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from app.demo import data
from app.demo.show import Advance
from app.demo.story import MODEL, Story, midnight
from app.demo.summary import Summary, captured
from app.demo.traffic import ServedModel
from app.link import Link
from monitor.errors import Unavailable

BARRIER_SECONDS = 60.0
MOMENT = timedelta(seconds=1)


class Calendar:
    """Plays the days of a story against a served model and a server whose clock it moves.

    ``scores`` keeps what was answered on the days of the fault, by id.
    """

    def __init__(self, story: Story, link: Link, served: Mapping[str, ServedModel], summary: Summary) -> None:
        self._story = story
        self._link = link
        self._served = served
        self._summary = summary
        self._before = self._accounted()
        self.scores: dict[str, float] = {}
        self.totals: dict[str, int] = defaultdict(int)

    def set_clock(self, day: date, *, end: bool = False) -> None:
        """Move the server's clock to the day's first moment, or to its last second."""
        moment = midnight(day + timedelta(days=1)) - MOMENT if end else midnight(day)
        self._link.ask("PUT", "/v1/clock", json_body={"now": moment.isoformat()})

    def play(self, day: date, advance: Advance) -> None:
        """Play one day: its flights are asked for in order, yesterday's labels arrive, and at midnight the jobs run."""
        self.set_clock(day, end=True)
        self._ask(day, advance)
        self._send_labels(day - self._story.label_delay)
        self._wait_until_stored()
        self._midnight(day + timedelta(days=1))

    def last_labels(self) -> None:
        """Let one more day pass, without traffic, so that the last day's labels arrive and are counted."""
        self.set_clock(self._story.until, end=True)
        self._send_labels(self._story.until - self._story.label_delay)
        self._midnight(self._story.until + timedelta(days=1))

    def last_digest(self) -> None:
        """Let the next morning come: what wakes nobody is told in the digest of its model's hour."""
        settings: dict[str, Any] = self._link.ask("GET", f"/v1/models/{MODEL}")["settings"]
        hour = settings["digest_hour"]
        if hour is not None:
            morning = midnight(self._story.until + timedelta(days=1)) + timedelta(hours=hour)
            self._link.ask("PUT", "/v1/clock", json_body={"now": morning.isoformat()})
            self._link.ask("POST", "/v1/run", json_body={})

    def _ask(self, day: date, advance: Advance) -> None:
        fault, edition = self._story.fault, self._story.serving(day)
        flights = data.between(midnight(day), midnight(day + timedelta(days=1)))
        if fault.active(day):
            flights = fault.apply(flights)
        seed = self._story.seed * 1000 + day.timetuple().tm_yday
        note = f"{day:%d %B}, version {edition.version}" + (", FAULT" if fault.active(day) else "")
        for answers in self._served[edition.version].replay(flights, self._story.largest_request, seed):
            self._summary.predictions += len(answers)
            if fault.active(day):
                self.scores |= answers
            advance(len(answers), note=note)

    def _send_labels(self, day: date) -> None:
        if day < self._story.first:
            return
        flights = data.between(midnight(day), midnight(day + timedelta(days=1)))
        labels = [
            {"id": identity, "value": value, "time": (due + self._story.label_delay).isoformat()}
            for identity, due, value in zip(
                flights["id"].to_pylist(), flights["time"].to_pylist(), data.outcomes(flights), strict=True
            )
            if value is not None
        ]
        receipt: dict[str, Any] = self._link.ask("POST", f"/v1/models/{MODEL}/labels", json_body=labels)
        if receipt["stored"] != len(labels):
            raise Unavailable(f"of {len(labels):,} labels of {day}, {receipt['stored']:,} were stored: {receipt}")
        self._summary.labels += len(labels)

    def _accounted(self) -> int:
        return sum(captured(self._link.ask("GET", "/v1/ledger")["lines"]).values())

    def _wait_until_stored(self) -> None:
        """Wait until the ledger has accounted for every prediction made, so that the day's numbers are whole.

        Raises:
            Unavailable: some are still missing after a minute.
        """
        deadline = time.monotonic() + BARRIER_SECONDS
        while (known := self._accounted() - self._before) < self._summary.predictions:
            if time.monotonic() > deadline:
                raise Unavailable(f"{self._summary.predictions - known:,} captured predictions have not arrived")
            time.sleep(0.01)

    def _midnight(self, day: date) -> None:
        self.set_clock(day)
        done: dict[str, int] = self._link.ask("POST", "/v1/run", json_body={})
        if done.get("failures"):
            raise Unavailable(f"{done['failures']} jobs failed at the midnight before {day}; the server's log has why")
        for what, count in done.items():
            self.totals[what] += count

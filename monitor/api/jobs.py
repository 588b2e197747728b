"""Run what is due now, move a manual clock, write pending profiles, and check that the ledger adds up."""

from datetime import UTC, datetime, timedelta

import monitor.jobs
from monitor.api.operation import BodySpec, Call, Operation, Parameter, Reply
from monitor.api.services import Services
from monitor.api.shapes import (
    ClockReply,
    ClockRequest,
    LedgerReply,
    RunRequest,
    VerifyReply,
)
from monitor.clock import ManualClock
from monitor.errors import Conflict
from monitor.jobs import Job
from monitor.plugins import plugins
from monitor.scheduler import TickResult
from monitor.store import verify
from monitor.types import Window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MODEL = Parameter(name="model", description="Only this model's.")


class Jobs:
    """The handlers of runs, the clock and the ledger."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def post_run(self, call: Call) -> Reply:
        """Run every window that is due; or one job, or one model's, over the last window and the open one so far."""
        asked = call.json(RunRequest)
        until = _utc(asked.until) if asked.until is not None else None
        self._services.ingest.flush()
        if asked.model is None and asked.job is None:
            return Reply(self._services.scheduler.tick(until=until))
        return Reply(self._run_now(asked.model, asked.job, until or self._services.clock.now()))

    def _run_now(self, name: str | None, job: str | None, until: datetime) -> TickResult:
        catalog = self._services.store.catalog
        chosen = [catalog.model(name)] if name is not None else catalog.models()
        found = plugins(monitor.jobs, Job)
        single = {each for each, kind in found.items() if kind.windows == 1}
        result = TickResult()
        for model in chosen:
            closed = last_window(until, model.settings.window_hours)
            asked = single if job is None else {job}
            for window in (closed, Window(closed.end, closed.end + closed.length)):
                if window.start == until:
                    continue  # nothing can be there yet
                # Jobs over several windows need them whole; the others tell of the open one what is there so far.
                for each in sorted(asked if window is closed else asked & single):
                    result.measurements += len(self._services.scheduler.run_job(model.name, each, window))
                    result.windows += 1
        return result

    def put_clock(self, call: Call) -> Reply:
        """Move the manual clock on; it never goes back."""
        now = call.json(ClockRequest).now
        clock = self._services.clock
        if not isinstance(clock, ManualClock):
            raise Conflict('The clock is the system\'s; start the server with clock = "manual" to move it.')
        clock.advance(_utc(now))
        return Reply(ClockReply(clock.now()))

    def post_flush(self, _call: Call) -> Reply:
        """Write the profile pieces held in memory."""
        self._services.ingest.flush()
        return Reply(ClockReply(self._services.clock.now()))

    def get_ledger(self, call: Call) -> Reply:
        """Return the sums of the ledger."""
        store, model = self._services.store, call.text("model")
        return Reply(LedgerReply(store.ledger.lines(model), store.halves.counts(self._services.clock.now(), model)))

    def get_verify(self, _call: Call) -> Reply:
        """Hold the ledger against the rows."""
        checks = verify(self._services.store)
        return Reply(VerifyReply(all(check.ok for check in checks), checks))


def last_window(until: datetime, hours: int) -> Window:
    """Return the last window of ``hours`` that had ended by ``until``; windows are counted from midnight of 1970.

    >>> last_window(datetime(2013, 7, 2, 5, tzinfo=UTC), 24).start.isoformat()
    '2013-07-01T00:00:00+00:00'
    """
    length = timedelta(hours=hours)
    end = _EPOCH + (until - _EPOCH) // length * length
    return Window(end - length, end)


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def operations(services: Services) -> list[Operation]:
    """Return the operations on runs, clock and ledger."""
    jobs = Jobs(services)
    return [
        Operation(
            method="POST",
            path="/v1/run",
            name="run",
            summary="Run what is due; or one job, or one model's, over the last window and the open one so far.",
            tag="operations",
            handler=jobs.post_run,
            replies={200: TickResult},
            errors=(400, 404, 413, 415, 422, 429),
            body=BodySpec(type=RunRequest, required=False),
            slow=True,
        ),
        Operation(
            method="PUT",
            path="/v1/clock",
            name="put_clock",
            summary="Move a manual clock on (replays and tests).",
            tag="operations",
            handler=jobs.put_clock,
            replies={200: ClockReply},
            errors=(400, 409, 413, 415, 422, 429),
            body=BodySpec(type=ClockRequest),
        ),
        Operation(
            method="POST",
            path="/v1/flush",
            name="flush",
            summary="Write the profiles held in memory to the store.",
            tag="operations",
            handler=jobs.post_flush,
            replies={200: ClockReply},
            slow=True,
        ),
        Operation(
            method="GET",
            path="/v1/ledger",
            name="get_ledger",
            summary="The fate of every row received.",
            tag="operations",
            handler=jobs.get_ledger,
            replies={200: LedgerReply},
            errors=(422,),
            parameters=(MODEL,),
        ),
        Operation(
            method="GET",
            path="/v1/verify",
            name="verify",
            summary="Check that the ledger adds up and equals the rows stored.",
            tag="operations",
            handler=jobs.get_verify,
            replies={200: VerifyReply},
            slow=True,
        ),
    ]

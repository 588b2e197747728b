"""Have reports written, list them, and serve their pages."""

import re
from datetime import UTC, datetime, timedelta

from monitor.api.operation import BodySpec, Call, Operation, Parameter, Reply
from monitor.api.services import Services
from monitor.api.shapes import ReportList, ReportRequest
from monitor.errors import InvalidInput, NotFound
from monitor.reports.write import write_report
from monitor.types import Report, Window

_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}\.html")
_HTML = "text/html; charset=utf-8"
# A report holds captured text. In a sandbox without an origin its scripts can draw, and reach nothing else.
_HEADERS = {
    "content-security-policy": (
        "sandbox allow-scripts allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
        "script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
    ),
    "x-content-type-options": "nosniff",
}


class Reports:
    """The handlers of reports."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def get_reports(self, call: Call) -> Reply:
        """Return the reports written so far."""
        return Reply(ReportList(self._services.store.reports.query(call.text("model"))))

    def post_report(self, call: Call) -> Reply:
        """Write a report on one window of one model."""
        services = self._services
        model = services.store.catalog.model(call.path["model"])
        window = self._window(call.json(ReportRequest))
        services.ingest.flush()
        folder = services.config.data_dir / "reports"
        return Reply(write_report(services.scheduler.context, model, window, folder), 201)

    def _window(self, asked: ReportRequest) -> Window:
        midnight = self._services.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        end = _utc(asked.end) if asked.end else midnight
        start = _utc(asked.start) if asked.start else end - timedelta(days=7)
        if start >= end:
            raise InvalidInput(f"The window starts at {start.isoformat()}, not before it ends at {end.isoformat()}.")
        return Window(start, end)

    def get_file(self, call: Call) -> Reply:
        """Return one page of a report."""
        report: Report = self._services.store.reports.get(call.path["id"])
        name = call.path["file"]
        folder = (self._services.config.data_dir / report.path).resolve().parent
        if _FILE.fullmatch(name):
            file = (folder / name).resolve()  # a link may lead elsewhere
            if file.parent == folder and file.is_file():
                return Reply(file.read_bytes(), media=_HTML, headers=_HEADERS)
        raise NotFound(f"The report {report.id!r} has no page {name[:80]!r}.")


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def operations(services: Services) -> list[Operation]:
    """Return the operations on reports."""
    reports = Reports(services)
    return [
        Operation(
            method="GET",
            path="/v1/reports",
            name="list_reports",
            summary="List the reports written, newest first.",
            tag="reports",
            handler=reports.get_reports,
            replies={200: ReportList},
            errors=(422,),
            parameters=(Parameter(name="model", description="Only this model's."),),
        ),
        Operation(
            method="GET",
            path="/v1/reports/{id}/{file}",
            name="get_report_page",
            summary="One page of a report, as HTML.",
            tag="reports",
            handler=reports.get_file,
            replies={200: None},
            errors=(404,),
            media=(_HTML,),
        ),
        Operation(
            method="POST",
            path="/v1/models/{model}/reports",
            name="post_report",
            summary="Write a report on a window (without one: the last seven full days).",
            tag="reports",
            handler=reports.post_report,
            replies={201: Report},
            errors=(400, 404, 413, 415, 422, 429, 503),
            body=BodySpec(type=ReportRequest, required=False),
            slow=True,
        ),
    ]

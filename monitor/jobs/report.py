"""The weekly report."""

from typing import ClassVar

from monitor.jobs import Job, JobContext
from monitor.reports import write_report
from monitor.types import Measurement, Model, Window


class ReportJob(Job):
    """Writes a report on every seven windows (a week of daily ones); it measures nothing itself."""

    name: ClassVar[str] = "report"
    windows: ClassVar[int] = 7

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Write the page and register it."""
        write_report(context, model, window, context.data_dir / "reports")
        return []

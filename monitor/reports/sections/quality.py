"""What was wrong with the values of columns."""

from typing import ClassVar, Final

from monitor.alerts.text import subject, title
from monitor.charts.format import rate
from monitor.reports.facts import Facts, enough
from monitor.reports.html import Html, escape, paragraph, table, tag
from monitor.reports.page import Page
from monitor.reports.sections import Section
from monitor.types import Measurement, Status

_SHOWN: Final = 40


class Quality(Section):
    """One row a fault of a column, the worst window of each."""

    name: ClassVar[str] = "quality"
    title: ClassVar[str] = "Data quality"
    place: ClassVar[int] = 40

    def write(self, facts: Facts, page: Page) -> Html:  # noqa: ARG002 - no figure here
        """Return the faults, and how many columns have none."""
        found = enough(facts.of("quality.*"))
        if not found:
            return paragraph("Not enough data: fewer than 100 rows in every window.", css="quiet")
        faults: dict[tuple[str, str, str], list[Measurement]] = {}
        for each in found:
            if each.status is Status.BREACH:
                faults.setdefault((each.feature or "", each.metric, each.version), []).append(each)
        columns = {each.feature for each in found if not (each.feature or "_").startswith("_")}
        fine = len(columns - {feature for feature, _, _ in faults})
        if not faults:
            return paragraph(f"✓ All {len(columns)} input columns are as in the reference.", css="good")
        order = sorted(faults.items(), key=lambda item: -max(each.value or 0.0 for each in item[1]))
        rows = [self._row(facts, each) for _, each in order[:_SHOWN]]
        head = ("Column", "Version", "Fault, on its worst window", "In the reference", "Windows")
        left = len(order) - len(rows)
        note = f"{fine} of {len(columns)} input columns have no fault." + (
            f" {left} more faults are not shown." if left else ""
        )
        return Html(table(head, rows, numbers=frozenset({3, 4})) + paragraph(note, css="quiet"))

    def _row(self, facts: Facts, fault: list[Measurement]) -> list[Html]:
        worst = max(fault, key=lambda each: each.value or 0.0)
        name = subject(facts.model, worst.feature)
        before = worst.details.get("reference_value")
        return [
            tag("strong", escape(name)),
            escape(worst.version),
            escape(title(facts.model, worst, worst.threshold or 0.0).removeprefix(f"{name}: ")),
            escape(rate(float(before)) if isinstance(before, int | float) else "–"),
            escape(str(len(fault))),
        ]

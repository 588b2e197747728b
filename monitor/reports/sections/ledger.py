"""What became of every row received: whether the figures above stand on all of them."""

from typing import ClassVar, Final

from monitor.charts.format import count, rate
from monitor.reports.facts import Facts
from monitor.reports.html import Html, escape, paragraph, table
from monitor.reports.page import Page
from monitor.reports.sections import Section

_FATES: Final = ("stored", "duplicate", "rejected", "dropped")


class Ledger(Section):
    """Rows by their fate, since the model was registered."""

    name: ClassVar[str] = "ledger"
    title: ClassVar[str] = "Is anything missing?"
    place: ClassVar[int] = 70

    def write(self, facts: Facts, page: Page) -> Html:  # noqa: ARG002 - no figure here
        """Return the verdict and the counts by source."""
        sums: dict[str, dict[str, int]] = {}
        for line in facts.ledger:
            if line.outcome in _FATES:
                fates = sums.setdefault(line.source, dict.fromkeys(_FATES, 0))
                fates[line.outcome] += line.rows
        if not sums:
            return paragraph("Nothing has been received yet.", css="quiet")
        total = sum(sum(fates.values()) for fates in sums.values())
        lost = sum(fates["rejected"] + fates["dropped"] for fates in sums.values())
        if lost:
            verdict = paragraph(
                f"▲ {count(lost)} of {count(total)} rows are not in these figures ({rate(lost / total)}).",
                css="warning",
            )
        else:
            verdict = paragraph("✓ Every row received is accounted for and none was lost.", css="good")
        rows = [
            [escape(source), escape(count(sum(fates.values()))), *(escape(count(fates[fate])) for fate in _FATES)]
            for source, fates in sorted(sums.items())
        ]
        head = ("Source", "Received", "Stored", "Duplicate", "Rejected", "Dropped")
        note = paragraph("Since the model was registered, of all windows.", css="quiet")
        return Html(verdict + table(head, rows, numbers=frozenset(range(1, 6))) + note)

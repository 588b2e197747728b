"""The alerts that were open in the window."""

from typing import ClassVar, Final

from monitor.charts.format import minute
from monitor.reports.facts import Facts
from monitor.reports.html import Html, escape, link, paragraph, tag
from monitor.reports.page import Page
from monitor.reports.sections import Section
from monitor.types import AlertState, Severity

_SHOWN: Final = 30
_MARK: Final = {Severity.CRITICAL: "■", Severity.WARNING: "▲", Severity.INFO: "●"}


class Alerts(Section):
    """Each with what happened, since when, and whether it is over; graver first."""

    name: ClassVar[str] = "alerts"
    title: ClassVar[str] = "Alerts"
    place: ClassVar[int] = 20

    def write(self, facts: Facts, page: Page) -> Html:  # noqa: ARG002 - no figure here
        """Return one panel an alert."""
        if not facts.alerts:
            return paragraph("No alert was open in this window.", css="good")
        graver = sorted(facts.alerts, key=lambda each: (each.severity is not Severity.CRITICAL, each.since))
        panels = []
        for each in graver[:_SHOWN]:
            css = each.severity.value if each.severity is not Severity.INFO else "quiet"
            over = "still open" if each.state is AlertState.FIRING else f"over since {minute(each.resolved)}"
            panels.append(
                tag(
                    "div",
                    tag("span", escape(f"{_MARK[each.severity]} {each.severity.value.capitalize()}"), css=css),
                    escape(" "),
                    tag("strong", escape(each.title)),
                    tag(
                        "p",
                        escape(f"Since {minute(each.since)} UTC, {over}. "),
                        link(each.link, "Open in the dashboard"),
                    ),
                    css="panel",
                )
            )
        if len(graver) > _SHOWN:
            panels.append(paragraph(f"… and {len(graver) - _SHOWN} more.", css="quiet"))
        return Html("".join(panels))

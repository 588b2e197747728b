"""Where Evidently's own page on a sample is, and what it leaves out."""

from typing import ClassVar

from monitor.reports.facts import Facts
from monitor.reports.html import Html, link, paragraph, tag
from monitor.reports.page import Page
from monitor.reports.sections import Section


class Evidently(Section):
    """A link, or the reason why there is none."""

    name: ClassVar[str] = "evidently"
    title: ClassVar[str] = "A second opinion"
    place: ClassVar[int] = 80

    def write(self, facts: Facts, page: Page) -> Html:  # noqa: ARG002 - no figure here
        """Return a sentence or two."""
        if facts.evidently is None:
            return paragraph(facts.evidently_note, css="quiet")
        told = tag("p", link(facts.evidently.name, "Evidently's data drift report"), css="lead")
        return Html(told + paragraph(facts.evidently_note, css="quiet"))

"""Put a page together from its sections."""

from urllib.parse import urlencode

import monitor.reports.sections
from monitor.charts.format import minute, span
from monitor.plugins import plugins
from monitor.reports.facts import Facts
from monitor.reports.html import escape, link, paragraph, tag
from monitor.reports.page import Page
from monitor.reports.sections import Section


def compose(facts: Facts) -> tuple[str, str]:
    """Return the title and the text of the page."""
    model = facts.model
    title = f"{model.title}: {span(facts.window.start, facts.window.end)}"
    page = Page(title)
    page.add(tag("h1", escape(title)))
    owner = f" Owner: {model.settings.owner}." if model.settings.owner else ""
    page.add(paragraph(f"Model {model.name}. Written {minute(facts.made)} UTC.{owner} Days are UTC.", css="quiet"))
    if facts.base_url:
        page.add(tag("p", link(f"{facts.base_url}/model?{urlencode({'model': model.name})}", "Open in the dashboard")))
    found = plugins(monitor.reports.sections, Section)
    for section in sorted((each() for each in found.values()), key=lambda each: each.place):
        page.add(tag("section", tag("h2", escape(section.title)), section.write(facts, page)))
    return title, page.render()

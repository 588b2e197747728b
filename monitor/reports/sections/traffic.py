"""How much was asked and how fast the answers were."""

from typing import ClassVar

from monitor.charts.format import count, duration
from monitor.charts.lines import Bars, over_time
from monitor.reports.facts import Facts, enough
from monitor.reports.html import Html, paragraph
from monitor.reports.page import Page
from monitor.reports.sections import Section


class Traffic(Section):
    """Latency over time above the number of predictions."""

    name: ClassVar[str] = "traffic"
    title: ClassVar[str] = "Traffic and latency"
    place: ClassVar[int] = 60

    def write(self, facts: Facts, page: Page) -> Html:
        """Return a sentence and the figure."""
        rows = facts.of("traffic.rows")
        if not any(each.rows for each in rows):
            return paragraph("No prediction was captured in this window.", css="quiet")
        windows = sorted({each.window for each in rows}, key=lambda each: each.start)
        volume = [sum(each.rows for each in rows if each.window == window) for window in windows]
        told = f"{count(sum(volume))} predictions, from {count(min(volume))} to {count(max(volume))} a window."
        slow = enough(facts.of("traffic.latency_p95"))
        if not slow:
            return paragraph(f"{told} Latency was not captured.")
        worst = max(each.value or 0.0 for each in slow)
        bars = Bars(starts=[each.start for each in windows], ends=[each.end for each in windows], rows=volume)
        series = {f"Version {version}": found for version, found in facts.by_version("traffic.latency_p95").items()}
        figure = page.figure(
            lambda colours: over_time(series, colours, title="Latency, p95", unit="ms", bars=bars, from_zero=True),
            "The latency that 95 % of answers stayed under, by version over time, above the number of predictions",
        )
        return Html(paragraph(f"{told} 95 % of answers came within {duration(worst)} on the slowest window.") + figure)

"""How good the predictions turned out to be, and on how many labels that stands."""

from typing import ClassVar, Final

from monitor.charts.format import count, rate, with_unit
from monitor.charts.lines import Bars, over_time
from monitor.reports.facts import Facts, enough
from monitor.reports.html import Html, escape, paragraph, table
from monitor.reports.page import Page
from monitor.reports.sections import Section
from monitor.types import Measurement, Task

_FIRST: Final = {Task.BINARY: "auc", Task.MULTICLASS: "accuracy", Task.REGRESSION: "mae", Task.RANKING: "ndcg"}


class Accuracy(Section):
    """The leading measure over time by version, and every measure over the whole window."""

    name: ClassVar[str] = "accuracy"
    title: ClassVar[str] = "Accuracy, realised"
    place: ClassVar[int] = 50

    def write(self, facts: Facts, page: Page) -> Html:
        """Return the coverage, the figure and the table."""
        covered = facts.of("performance.label_coverage")
        predicted = sum(each.rows for each in covered)
        if not predicted:
            return paragraph("No prediction was captured in this window.", css="quiet")
        labelled = sum((each.value or 0.0) * each.rows for each in covered)
        told = paragraph(
            f"{count(labelled)} of {count(predicted)} predictions have a label ({rate(labelled / predicted)}). "
            "Accuracy below is of these; labels that come later may change it."
        )
        known = enough(facts.of("performance.*"))
        measured = [each for each in known if each.metric != "performance.label_coverage"]
        if not measured:
            return Html(told + paragraph("Not enough labels to say how good the predictions are.", css="quiet"))
        return Html(told + self._figure(facts, page, covered) + self._table(measured))

    def _figure(self, facts: Facts, page: Page, covered: list[Measurement]) -> Html:
        metric = f"performance.{_FIRST[facts.model.schema.task]}"
        series = {f"Version {version}": found for version, found in facts.by_version(metric).items()}
        first = next((each for found in series.values() for each in found), None)
        heading = str(first.details.get("title")) if first is not None else metric
        unit = str(first.details.get("unit") or "") if first is not None else ""
        windows = sorted({each.window for each in covered}, key=lambda each: each.start)
        bars = Bars(
            starts=[each.start for each in windows],
            ends=[each.end for each in windows],
            rows=[sum(each.rows for each in covered if each.window == window) for window in windows],
            labelled=[
                sum((each.value or 0.0) * each.rows for each in covered if each.window == window) for window in windows
            ],
        )
        return page.figure(
            lambda colours: over_time(series, colours, title=heading, unit=unit, bars=bars),
            f"{heading} by version over time, above the number of predictions and labels",
        )

    def _table(self, measured: list[Measurement]) -> Html:
        groups: dict[tuple[str, str], list[Measurement]] = {}
        for each in measured:
            groups.setdefault((each.metric, each.version), []).append(each)
        rows = []
        for (_, version), found in sorted(groups.items()):
            values = [each.value for each in found if each.value is not None]
            weight = sum(each.rows for each in found)
            mean = sum((each.value or 0.0) * each.rows for each in found) / weight
            unit, before = str(found[0].details.get("unit") or ""), found[0].details.get("reference_value")
            rows.append(
                [
                    escape(found[0].details.get("title") or found[0].metric),
                    escape(version),
                    escape(with_unit(mean, unit)),
                    escape(f"{with_unit(min(values), unit)} – {with_unit(max(values), unit)}"),
                    escape(with_unit(float(before), unit) if isinstance(before, int | float) else "–"),
                    escape(count(weight)),
                ]
            )
        head = ("Measure", "Version", "Mean of windows", "From – to", "Reference", "Labels")
        return table(head, rows, numbers=frozenset({2, 3, 4, 5}))

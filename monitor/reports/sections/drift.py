"""Which columns moved, the furthest first, each with its distribution beside the reference's."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from monitor.alerts.text import moved, subject
from monitor.charts.categories import OTHER, UNSEEN, categories
from monitor.charts.distribution import numeric
from monitor.charts.format import value, with_unit
from monitor.charts.histogram import Histogram
from monitor.profile.binning import NumericBins
from monitor.profile.column import ColumnProfile
from monitor.reports.facts import Facts, enough
from monitor.reports.html import Html, escape, paragraph, table, tag
from monitor.reports.page import Page
from monitor.reports.sections import Section
from monitor.types import Kind, Measurement, Status


class Drift(Section):
    """One row a column: how far it moved on its worst window, on how many, and what it looks like now."""

    name: ClassVar[str] = "drift"
    title: ClassVar[str] = "Drift"
    place: ClassVar[int] = 30

    def write(self, facts: Facts, page: Page) -> Html:
        """Return the table, of at most as many columns as the model's settings show."""
        series: dict[tuple[str, str], list[Measurement]] = {}
        for metric in ("drift.wasserstein", "drift.jensen_shannon"):
            taken = {feature for feature, _ in series}
            for each in enough(facts.of(metric)):
                if each.feature is not None and each.version == facts.version and each.feature not in taken:
                    series.setdefault((each.feature, metric), []).append(each)
        if not series:
            return paragraph("Not enough data: no reference, or fewer than 100 rows in every window.", css="quiet")
        told = facts.told(facts.version)
        order = sorted(
            series.items(), key=lambda item: (not _breaches(told.get(item[0][0], ())), -_ratio(_worst(item[1])))
        )
        shown = order[: facts.model.settings.features_shown]
        rows = [self._row(facts, page, feature, found, told) for (feature, _), found in shown]
        marked = (
            "while it is part of an incident, which the dial bounds; that it was further away than an ordinary window "
            "of the reference now and then is none"
            if told
            else "when it is further away than ordinary reference windows are from each other"
        )
        note = (
            f"Version {facts.version}, compared with its reference. A column is marked {marked}. Bars: this window; "
            "grey: the reference."
        )
        more = f" {len(order) - len(shown)} calmer columns are not shown." if len(order) > len(shown) else ""
        head = ("Column", "Furthest", "Ordinary up to", "Windows", "What changed", "Now and before")
        return Html(paragraph(note + more, css="quiet") + table(head, rows, numbers=frozenset({1, 2, 3})))

    def _row(
        self,
        facts: Facts,
        page: Page,
        feature: str,
        found: Sequence[Measurement],
        told: Mapping[str, Sequence[Measurement]],
    ) -> list[Html]:
        worst = _worst(found)
        unit = str(worst.details.get("unit") or "")
        judged = told.get(feature, ()) if told else found
        breached = _breaches(judged)
        faulty = not told and any(
            each.feature == feature and each.status is Status.BREACH for each in facts.of("quality.*")
        )
        if breached:
            mark = tag("span", escape("▲ in an incident" if told else "▲ moved"), css="warning")
        elif faulty:  # ranks say little of values that were never seen: their fault speaks for them
            mark = tag("span", escape("▲ faulty values, see data quality"), css="warning")
        else:
            mark = tag("span", escape("✓ no incident" if told else "✓ ordinary"), css="good")
        name = subject(facts.model, feature)
        return [
            Html(f"{tag('strong', escape(name))}<br>{mark}"),
            escape(with_unit(worst.value, unit)),
            escape(with_unit(worst.threshold, unit)),
            escape(f"{breached} of {len(judged)}"),
            escape(moved(facts.model, worst) or "–"),
            self._figure(facts, page, feature, name),
        ]

    def _figure(self, facts: Facts, page: Page, feature: str, name: str) -> Html:
        now, before = facts.current.get(feature), facts.reference.get(feature)
        if now is None or before is None or not now.present:
            return escape("–")
        if now.minimum == now.maximum == before.minimum == before.maximum:
            return escape(f"always {value(now.minimum)}")
        known = facts.model.schema.feature(feature)
        whole = known is not None and known.kind in {Kind.INTEGER, Kind.BOOLEAN}
        unit = known.unit if known is not None else ""

        def small(figure: object) -> object:
            figure.update_layout(height=120, showlegend=False, margin={"l": 0, "r": 0, "t": 16, "b": 0})  # type: ignore[attr-defined] # plotly is untyped
            for mark in figure.layout.annotations:  # type: ignore[attr-defined] # as above
                mark.update(text=mark.text.partition(", to ")[0], font={"size": 10})
            figure.update_yaxes(visible=False)  # type: ignore[attr-defined] # as above
            figure.update_xaxes(title_text="", nticks=4)  # type: ignore[attr-defined] # as above
            return figure

        if now.kind == "category":
            shares = [_shares(each) for each in (before, now)]
            draw = lambda colours: _with_names(small(categories(shares[0], shares[1], colours, top=4)))  # noqa: E731
        else:
            draw = lambda colours: small(  # noqa: E731 - one of two ways to draw
                numeric(_histogram(before), _histogram(now), colours, unit=unit, whole=whole)
            )
        return page.figure(draw, f"Distribution of {name} in this window and in the reference")


def _with_names(figure: object) -> object:
    figure.update_yaxes(visible=True)  # type: ignore[attr-defined] # plotly is untyped
    return figure


def _shares(profile: ColumnProfile) -> dict[str, float]:
    """Rows by category; those that hold none are left out."""
    words = {"(other)": OTHER, "(unseen)": UNSEEN}
    return {
        words.get(name, name): rows for name, rows in zip(profile.labels, profile.mass.tolist(), strict=True) if rows
    }


def _histogram(profile: ColumnProfile) -> Histogram:
    bins = profile.binning
    edges = bins.edges if isinstance(bins, NumericBins) else profile.bins
    return Histogram(
        edges.astype(float), profile.bins.astype(float), profile.below, profile.above, profile.minimum, profile.maximum
    )


def _breaches(found: Sequence[Measurement]) -> int:
    return sum(each.status is Status.BREACH for each in found)


def _worst(found: Sequence[Measurement]) -> Measurement:
    return max(found, key=_ratio)


def _ratio(measured: Measurement) -> float:
    return (measured.value or 0.0) / (measured.threshold or 1.0)

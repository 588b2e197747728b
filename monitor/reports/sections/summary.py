"""The report in a few sentences."""

from typing import ClassVar

from monitor.charts.format import count, figure, rate
from monitor.reports.facts import Facts, enough
from monitor.reports.html import Html, escape, tag
from monitor.reports.page import Page
from monitor.reports.sections import Section
from monitor.types import AlertState, Status, Task


class Summary(Section):
    """How much, how well, what moved and what is wrong."""

    name: ClassVar[str] = "summary"
    title: ClassVar[str] = "In short"
    place: ClassVar[int] = 10

    def write(self, facts: Facts, page: Page) -> Html:  # noqa: ARG002 - no figure here
        """Return a list of sentences."""
        sentences = [_traffic(facts), _alerts(facts), _faults(facts), _drift(facts), _accuracy(facts)]
        return tag("ul", *(tag("li", escape(sentence)) for sentence in sentences), css="lead")


def _traffic(facts: Facts) -> str:
    rows: dict[str, int] = {}
    for each in facts.of("traffic.rows"):
        rows[each.version] = rows.get(each.version, 0) + each.rows
    if not sum(rows.values()):
        return "No prediction was captured in this window."
    served = ", ".join(f"version {version}: {count(number)}" for version, number in sorted(rows.items()) if number)
    return f"{count(sum(rows.values()))} predictions ({served})."


def _alerts(facts: Facts) -> str:
    fired = [each for each in facts.alerts if each.since >= facts.window.start]
    still = [each for each in facts.alerts if each.state is AlertState.FIRING]
    if not facts.alerts:
        return "No alert was open."
    before = len(facts.alerts) - len(fired)
    new = f"{len(fired)} {'alert was' if len(fired) == 1 else 'alerts were'} raised"
    return f"{new}, {before} open from before; {len(still)} still open."


def _columns(facts: Facts, family: str) -> tuple[int, int]:
    """How many input columns were measured, and how many of them breached at least once."""
    found = [each for each in enough(facts.of(f"{family}.*")) if not (each.feature or "_").startswith("_")]
    return len({each.feature for each in found}), len({each.feature for each in found if each.status is Status.BREACH})


def _faults(facts: Facts) -> str:
    measured, broken = _columns(facts, "quality")
    if not measured:
        return "Data quality could not be judged: not enough rows."
    if not broken:
        return f"Data quality: all {measured} columns are as in the reference."
    return f"Data quality: {broken} of {measured} columns had faults in at least one window."


def _drift(facts: Facts) -> str:
    told = {column: found for column, found in facts.told().items() if not column.startswith("_")}
    if told:
        moved = sum(any(each.status is Status.BREACH for each in found) for found in told.values())
        sure = all(each.details.get("calibrated") for found in told.values() for each in found)
        held = "" if sure else " Uncalibrated: with fewer than 30 windows of reference no dial is held."
        return f"Drift: {moved or 'none'} of {len(told)} columns {'was' if moved < 2 else 'were'} in an incident.{held}"
    measured, moved = _columns(facts, "drift")
    if not measured:
        return "Drift could not be judged: no reference, or not enough rows."
    if not moved:
        return f"Drift: none of {measured} columns left its ordinary range."
    return f"Drift: {moved} of {measured} columns left their ordinary range in at least one window."


def _accuracy(facts: Facts) -> str:
    measure = {Task.REGRESSION: "mae", Task.RANKING: "ndcg"}.get(facts.model.schema.task, "auc")
    known = enough(facts.of(f"performance.{measure}"))
    if not known:
        return "Accuracy is not known yet: too few labels have come."
    rows = sum(each.rows for each in known)
    value = sum((each.value or 0.0) * each.rows for each in known) / rows
    predicted = sum(each.rows for each in facts.of("performance.label_coverage"))
    share = rate(rows / predicted) if predicted else "–"
    title = str(known[0].details.get("title") or measure)
    return f"{title} realised: {figure(value)} on average, from labels for {share} of the predictions."

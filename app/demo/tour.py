"""What the demo shows of a finished replay: the alerts, two explanations, and the report."""

import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from app.demo import data
from app.demo.receiver import Receiver
from app.demo.show import Show
from app.demo.story import MODEL, Story, midnight
from app.demo.summary import Summary
from app.demo.traffic import ServedModel
from app.link import Link
from monitor.errors import Unavailable

METHODS = ("shap", "lime")
DELIVERY_SECONDS = 20.0


def tell_alerts(link: Link, receiver: Receiver, story: Story, summary: Summary, show: Show) -> None:
    """Count the alerts and those that the webhook heard of, at once or in a digest; print the message about the fault.

    Raises:
        Unavailable: an alert was not heard of, or none was about the broken column.
    """
    alerts: list[dict[str, Any]] = link.ask("GET", "/v1/alerts", query={"model": MODEL})["alerts"]
    summary.alerts_fired = len(alerts)
    deadline = time.monotonic() + DELIVERY_SECONDS
    wanted = {alert["id"] for alert in alerts}
    while wanted - heard_of(receiver) and time.monotonic() < deadline:
        time.sleep(0.05)
    if missing := len(wanted - heard_of(receiver)):
        raise Unavailable(f"of {len(wanted)} alerts the webhook has not heard of {missing}")
    summary.alerts_delivered = len(wanted)
    pages = sum(alert["paged"] for alert in alerts)
    show.say(f"{len(wanted):,} alerts, all delivered: {pages:,} at once, {len(wanted) - pages:,} with a daily digest.")
    for alert in sorted(alerts, key=lambda each: str(each["since"])):
        show.say(f"{str(alert['since'])[:10]} {alert['severity']:8} {alert['state']:9} {alert['title']}")
    about_fault = [message for message in firing(receiver) if story.fault.column in told_of(message)]
    if not about_fault:
        raise Unavailable(f"no alert was about the column that was broken on purpose, {story.fault.column}")
    show.say("The message about the fault, as it arrived:")
    for line in str(about_fault[0]["text"]).splitlines():
        show.say(f"  │ {line}")


def heard_of(receiver: Receiver) -> set[str]:
    """Return the ids of the alerts that messages told of, at once or in a digest."""
    told = {str(message["id"]) for message in firing(receiver)}
    digests = [message for message in receiver.messages if message.get("event") == "digest"]
    return told.union(*(message["incidents"] for message in digests))


def firing(receiver: Receiver) -> list[Mapping[str, Any]]:
    """Return the messages that said an alert had begun."""
    return [message for message in receiver.messages if message.get("event") == "firing"]


def told_of(message: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the columns that a message is about."""
    return (message.get("feature"), *message.get("columns", ()))


def false_alarms(story: Story, scores: Mapping[str, float], count: int) -> list[str]:
    """Return the ids of the fault's first day that the model was surest would be late, and that came on time."""
    day = data.between(midnight(story.fault.first), midnight(story.fault.first + timedelta(days=1)))
    came = zip(day["id"].to_pylist(), data.outcomes(day), strict=True)
    on_time = [identity for identity, outcome in came if outcome == data.CLASSES[0]]
    return sorted(on_time, key=lambda identity: (-scores[identity], identity))[:count]


def explain_two(
    link: Link, served: ServedModel, story: Story, scores: Mapping[str, float], summary: Summary, show: Show
) -> None:
    """Explain one prediction by SHAP and one by LIME, and ask the served model for the same rows afresh."""
    for method, identity in zip(METHODS, false_alarms(story, scores, len(METHODS)), strict=True):
        started = time.perf_counter()
        path = f"/v1/models/{MODEL}/inferences/{identity}"
        told: dict[str, Any] = link.ask("POST", f"{path}/explanations", json_body={"method": method})
        seconds = time.perf_counter() - started
        row: dict[str, Any] = link.ask("GET", path)
        again = served.probe(row["features"], identity)
        summary.explanations.append(
            {
                "id": identity,
                "method": method,
                "seconds": round(seconds, 3),
                "prediction": told["prediction"],
                "base_value": told["base_value"],
                "attributions": told["attributions"],
                "served_again": again,
            }
        )
        strongest = sorted(told["attributions"].items(), key=lambda item: -abs(item[1]))[:3]
        reasons = ", ".join(f"{data.FEATURES[name]['title']} {value:+.1%}" for name, value in strongest)
        show.say(f"{method.upper()} of {identity} in {seconds:.1f} s: P(late) {told['prediction']:.1%}; {reasons}.")
        show.say(
            f"  {data.spoken(row['features'])}; it came {row['label']}. The served model, asked afresh: {again:.1%}"
        )


def write_report(link: Link, story: Story, directory: Path, summary: Summary, show: Show) -> None:
    """Have the report of the week that holds the fault written."""
    window = {
        "start": midnight(story.fault.first - timedelta(days=1)).isoformat(),
        "end": midnight(min(story.fault.first + timedelta(days=6), story.until)).isoformat(),
    }
    with show.progress("report", 1) as advance:
        report: dict[str, Any] = link.ask("POST", f"/v1/models/{MODEL}/reports", json_body=window)
        advance(1)
    path = Path(report["path"])
    summary.report = str(path if path.is_absolute() else directory / "store" / path)
    show.say(f"{report['title']} → {summary.report}")

"""The commands about alerts: what is open and who was told, let one sleep, take one for normal, try a rule."""

import json
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from app.options import AsJson, ConfigFile, ModelName, Moment, link_to, say
from monitor.errors import InvalidInput

AlertId = Annotated[str, typer.Argument(metavar="ALERT", help="The alert's id, as `watchglass alerts` lists it.")]
Who = Annotated[str, typer.Option(help="Who does it; kept in the alert's history.")]


def alerts(
    model: Annotated[str | None, typer.Option(help="Only this model's.")] = None,
    state: Annotated[str | None, typer.Option(help="firing (open) or resolved; both if not given.")] = None,
    told: Annotated[str | None, typer.Option(help="page: told at once; digest: a line of the daily digest.")] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List alerts, newest first, and why each was paged or is in the digest."""
    asked = {"model": model, "state": state, "told": told}
    with link_to(config) as link:
        found = link.ask("GET", "/v1/alerts", query={key: value for key, value in asked.items() if value is not None})
    say(found["alerts"], as_json, listed)


def snooze(
    alert: AlertId,
    days: Annotated[float | None, typer.Option(help="For how many days; 7 if nothing is said.")] = None,
    until: Moment = None,
    who: Who = "",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let an alert that a detector raised sleep: it stays open and silent until then, and is over after it."""
    if days is not None and until is not None:
        raise InvalidInput("--days and --until both say how long; give one of them.")
    asked: dict[str, Any] = {"who": who}
    asked |= {"days": days} if days is not None else {}
    asked |= {"until": until.replace(tzinfo=UTC).isoformat()} if until is not None else {}
    _act(alert, "snooze", asked, config, as_json=as_json)


def rebaseline(alert: AlertId, who: Who = "", config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Take the traffic since an incident began for the new normal, and close it."""
    _act(alert, "rebaseline", {"who": who}, config, as_json=as_json)


def try_out(
    model: ModelName,
    dial: Annotated[float | None, typer.Option(help="A setting of the dial: false alarms in 90 windows.")] = None,
    rule: Annotated[str | None, typer.Option(help="A rule as in the settings: JSON, or a file that holds it.")] = None,
    days: Annotated[int, typer.Option(help="How far back.")] = 90,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say how often a dial or a rule would have fired in the past, and when; nothing is kept."""
    if (dial is None) == (rule is None):
        raise InvalidInput("Give one of --dial and --rule: what is to be tried.")
    asked = {"days": days} | ({"dial": dial} if rule is None else {"rule": _read(rule)})
    with link_to(config) as link:
        found = link.ask("POST", f"/v1/models/{quote(model, safe='')}/rules/trial", json_body=asked)
    say(found, as_json, trial)


def listed(found: list[dict[str, Any]]) -> str:
    """Return two lines an alert: what it is, and who was told of it and why.

    >>> alert = {"id": "a1", "state": "firing", "severity": "warning", "model": "m", "title": "Temp moved",
    ...     "since": "2013-07-01T00:00:00Z", "because": "In the digest because …", "paged": False}
    >>> print(listed([alert]))
    a1  2013-07-01  firing    warning   m: Temp moved
        In the digest because …
    """
    lines = []
    for each in found:
        head = f"{each['id']}  {each['since'][:10]}  {each['state']:<8}  {each['severity']:<8}"
        lines += [f"{head}  {each['model']}: {each['title']}", *([f"    {each['because']}"] if each["because"] else [])]
    return "\n".join(lines) or "No alerts."


def trial(found: dict[str, Any]) -> str:
    """Return what was tried, and a line for each alarm: whether it would have paged, and what it said.

    >>> alarm = {"since": "2013-07-01T00:00:00Z", "resolved": None, "version": "1", "severity": "warning",
    ...     "title": "Temp moved", "paged": False}
    >>> said = "At dial 3 the detector would have fired once in 90 days."
    >>> print(trial({"said": said, "fired": 1, "paged": 0, "alarms": [alarm]}))
    At dial 3 the detector would have fired once in 90 days.
    Told at once: 0; with the digest: 1.
    2013-07-01 to still open   version 1  digest  warning   Temp moved
    """
    lines = [found["said"]]
    if found["fired"]:
        lines.append(f"Told at once: {found['paged']:,}; with the digest: {found['fired'] - found['paged']:,}.")
    for each in found["alarms"]:
        end = each["resolved"][:10] if each["resolved"] else "still open"
        told = "page" if each["paged"] else "digest"
        lines.append(
            f"{each['since'][:10]} to {end:<10}   version {each['version']}  {told:<6}  {each['severity']:<8}  "
            f"{each['title']}"
        )
    if found.get("calibrated") is False:
        lines.append("Uncalibrated: a reference of fewer than 30 windows; the dial is not held.")
    return "\n".join(lines)


def _act(alert: str, what: str, asked: dict[str, Any], config: Path | None, *, as_json: bool) -> None:
    with link_to(config) as link:
        found = link.ask("POST", f"/v1/alerts/{quote(alert, safe='')}/{what}", json_body=asked)
    say(found, as_json, lambda found: f"{found['alert']['title']}\n{found['history'][-1]['said']}")


def _read(rule: str) -> dict[str, Any]:
    """Return a rule that is given as JSON, or as the path of a file with it."""
    try:
        text = rule if rule.lstrip().startswith("{") else Path(rule).read_text("utf-8")
        read = json.loads(text)
    except OSError as error:
        raise InvalidInput(
            f"--rule {rule!r} is no JSON object, and no file that can be read: {error.strerror}."
        ) from None
    except json.JSONDecodeError as error:
        raise InvalidInput(f"--rule is no JSON: {error}.") from None
    if not isinstance(read, dict):
        raise InvalidInput(f"--rule holds a {type(read).__name__}; an object as in settings.rules is allowed.")
    return read

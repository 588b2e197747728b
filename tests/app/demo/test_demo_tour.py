"""What the demo tells of a replay: alerts that were delivered, the two worst predictions, the report."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from app.demo import data, tour
from app.demo.show import Show
from app.demo.story import midnight, short
from app.demo.summary import Summary
from monitor.errors import Unavailable

ROW = {"carrier": "UA", "origin": "EWR", "dest": "ORD", "weekday": "Mon", "hour": 17}


class Answers:
    """Stands for Watchglass: answers each path with what was laid down for it."""

    def __init__(self, **answers) -> None:
        self.answers = answers

    def ask(self, method, path, **_):
        return self.answers[f"{method.lower()}_{path.rsplit('/', 1)[-1]}"]


class Heard:
    """Stands for the webhook's receiver: one message for each event, about the column that the story breaks."""

    def __init__(self, *events: str, feature: str = "airport_delay") -> None:
        self.messages = [
            {"event": event, "id": f"a{place}", "feature": feature, "text": TEXT, "incidents": []}
            for place, event in enumerate(events)
        ]


TEXT = "[Critical] flights: Delay at the airport: 54.0 % above [anything] seen\nMean 812 min instead of 13.5 min"
ALERT = {
    "id": "a0",
    "paged": True,
    "since": "2013-08-12T00:00:00Z",
    "severity": "critical",
    "state": "resolved",
    "title": "Delay at the airport: 54.0 % above [anything] seen",
}


@pytest.fixture
def show() -> Show:
    return Show(Console(file=io.StringIO(), width=200))


def printed(show: Show) -> str:
    return show.console.file.getvalue()


def test_alerts_are_counted_and_the_faults_message_is_printed_as_it_came(show) -> None:
    summary = Summary()
    heard = Heard("firing", "firing", "resolved")
    heard.messages.append({"event": "digest", "id": "d", "incidents": ["a7"]})
    link = Answers(get_alerts={"alerts": [ALERT, ALERT | {"id": "a1"}, ALERT | {"id": "a7", "paged": False}]})
    tour.tell_alerts(link, heard, short(2), summary, show)
    assert (summary.alerts_fired, summary.alerts_delivered) == (3, 3)
    assert "3 alerts, all delivered: 2 at once, 1 with a daily digest." in printed(show)
    assert "54.0 % above [anything] seen" in printed(show)
    assert "│ Mean 812 min instead of 13.5 min" in printed(show)


@pytest.mark.parametrize("paged", [True, False])
def test_an_alert_that_nobody_heard_of_stops_the_demo(show, monkeypatch, paged) -> None:
    monkeypatch.setattr(tour, "DELIVERY_SECONDS", 0.05)
    link = Answers(get_alerts={"alerts": [ALERT | {"paged": paged}]})
    with pytest.raises(Unavailable, match="of 1 alerts the webhook has not heard of 1"):
        tour.tell_alerts(link, Heard("resolved"), short(2), Summary(), show)


def test_a_fault_that_nobody_is_told_of_stops_the_demo(show) -> None:
    heard = Heard("firing", feature="humid")
    with pytest.raises(Unavailable, match="no alert was about the column that was broken"):
        tour.tell_alerts(Answers(get_alerts={"alerts": [ALERT]}), heard, short(2), Summary(), show)


def test_false_alarms_came_on_time_though_the_model_was_sure_they_would_not() -> None:
    story = short(2)
    day = data.between(midnight(story.fault.first), midnight(story.until))
    came = dict(zip(day["id"].to_pylist(), data.outcomes(day), strict=True))
    on_time = [identity for identity, outcome in came.items() if outcome == "on time"]
    scores = {identity: 0.5 if outcome == "on time" else 0.999 for identity, outcome in came.items()}
    scores[on_time[3]], scores[on_time[7]] = 0.9, 0.95
    assert tour.false_alarms(story, scores, 2) == [on_time[7], on_time[3]]
    scores |= dict.fromkeys(on_time[:3], 0.9)
    assert tour.false_alarms(story, scores, 3)[1:] == sorted(on_time[:4])[:2]  # ties fall by id


def test_two_explanations_are_summed_up_with_what_is_served_again(show) -> None:
    story, summary = short(2), Summary()
    day = data.between(midnight(story.fault.first), midnight(story.until))
    told = {"prediction": 0.7, "base_value": 0.2, "attributions": {"hour": 0.1, "airport_delay": 0.4}}

    class Link(Answers):
        def ask(self, method, path, **given):
            return told if path.endswith("/explanations") else {"features": ROW, "label": "on time"}

    class Served:
        def probe(self, row, identity):
            assert row == ROW
            return 0.70001

    scores = dict.fromkeys(day["id"].to_pylist(), 0.5)
    tour.explain_two(Link(), Served(), story, scores, summary, show)
    assert [each["method"] for each in summary.explanations] == ["shap", "lime"]
    assert summary.explanations[0]["attributions"] == told["attributions"]
    assert summary.explanations[0]["served_again"] == 0.70001
    assert set(summary.explanations[0]) == {
        *("id", "method", "seconds", "prediction", "base_value", "attributions", "served_again")
    }
    assert "Delay at the airport +40.0%" in printed(show)


def test_the_report_is_found_by_an_absolute_path(show, tmp_path) -> None:
    for path, found in ((Path("reports/1/index.html"), tmp_path / "store" / "reports/1/index.html"),):
        summary = Summary()
        tour.write_report(Answers(post_reports={"path": str(path), "title": "Week"}), short(2), tmp_path, summary, show)
        assert summary.report == str(found)


def test_a_failing_step_is_named(show) -> None:
    with (
        pytest.raises(Unavailable, match="failed at step 1 of 9, replay the summer: no answer"),
        show.doing("Replay the summer"),
    ):
        raise Unavailable("no answer")


def test_progress_counts_in_a_log_too(show) -> None:
    with show.progress("flights", 20) as advance:
        advance(5, note="1 May")
        advance(15)
    assert "20/20" in printed(show)

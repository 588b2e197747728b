"""The state machine of incidents: what fires, what stays silent, what ends."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerts.readings import check_rule
from monitor.alerts.rules import Change, default_rules, evaluate, plain_rules
from monitor.errors import InvalidInput
from monitor.types import (
    Alert,
    Feature,
    Kind,
    Measurement,
    Model,
    ModelSchema,
    Rule,
    Settings,
    Severity,
    Status,
    Task,
    Window,
)

START = datetime(2013, 7, 1, tzinfo=UTC)
FEATURES = (
    Feature(name="visib", kind=Kind.NUMERIC, unit="mi", title="Visibility"),
    Feature(name="temp", kind=Kind.NUMERIC),
)
SCHEMA = ModelSchema(model="flights", task=Task.BINARY, features=FEATURES, classes=("on time", "late"))


def model(*rules: Rule) -> Model:
    settings = Settings(rules=rules or plain_rules(), owner="ops")
    return Model(name="flights", schema=SCHEMA, settings=settings, created=START)


def day(number: int) -> Window:
    return Window(START + timedelta(days=number), START + timedelta(days=number + 1))


def measured(number: int, value: float | None, **changes: object) -> Measurement:
    given: dict[str, object] = {
        "model": "flights",
        "version": "1",
        "metric": "drift.wasserstein",
        "feature": "visib",
        "window": day(number),
        "value": value,
        "rows": 900,
        "threshold": 0.2,
    }
    return Measurement(**(given | changes))  # type: ignore[arg-type]


def replay(of: Model, days: dict[int, list[Measurement]]) -> list[tuple[int, Change]]:
    """Evaluate day after day as the scheduler does, keeping what is open."""
    seen: dict[Window, list[Measurement]] = {}
    open_alerts: dict[str, Alert] = {}
    told = []
    for number in sorted(days):
        seen[day(number)] = days[number]
        for change in evaluate(of, seen, list(open_alerts.values()), day(number).end, "http://here"):
            told.append((number, change))
            if change.event == "firing":
                open_alerts[change.alert.id] = change.alert
            if change.event == "resolved":
                del open_alerts[change.alert.id]
        again = evaluate(of, seen, list(open_alerts.values()), day(number).end, "http://here")
        assert not [change for change in again if change.event in {"firing", "resolved"}], "a window is judged once"
    return told


def events(told: list[tuple[int, Change]]) -> list[tuple[int, str]]:
    return [(number, change.event) for number, change in told]


def series(values: list[float | None], **changes: object) -> dict[int, list[Measurement]]:
    return {number: [measured(number, value, **changes)] for number, value in enumerate(values)}


def test_drift_fires_after_two_windows_once_and_ends_after_three_clear_ones() -> None:
    told = replay(model(), series([0.1, 0.5, 0.6, 0.7, 0.7, 0.1, 0.1, 0.1, 0.1]))
    assert events(told) == [(1, "pending"), (2, "firing"), (7, "resolved")]
    fired = told[1][1].alert
    assert fired.since == day(1).start
    assert fired.window == day(2)
    assert (fired.value, fired.threshold, fired.owner) == (0.6, 0.2, "ops")
    assert told[2][1].alert.id == fired.id
    assert told[2][1].alert.resolved == day(7).end


def test_a_single_bad_day_is_pending_and_never_told() -> None:
    assert events(replay(model(), series([0.1, 0.5, 0.1, 0.5, 0.1]))) == [(1, "pending"), (3, "pending")]


def test_a_value_swinging_about_its_bound_is_one_incident() -> None:
    rule = Rule(name="r", metric="drift.wasserstein")
    assert events(replay(model(rule), series([0.5, 0.1] * 20))) == [(0, "firing")]


def test_a_season_that_moves_slowly_is_told_once() -> None:
    told = replay(model(), series([0.01 * number for number in range(120)]))
    assert [event for _, event in events(told)] == ["pending", "firing"]


@pytest.mark.parametrize(
    "weak",
    [{"rows": 99}, {"status": Status.INSUFFICIENT}, {"value": None}],
    ids=["few rows", "insufficient", "no value"],
)
def test_insufficient_windows_neither_breach_nor_clear(weak: dict[str, object]) -> None:
    days = series([0.5, 0.9, 0.5, 0.0, 0.1, 0.1, 0.1])
    for number in (1, 3):
        days[number] = [measured(number, **({"value": days[number][0].value} | weak))]  # type: ignore[arg-type]
    assert events(replay(model(), days)) == [(0, "pending"), (2, "firing"), (6, "resolved")]


def test_a_critical_fault_silences_the_drift_of_its_column_and_says_so() -> None:
    days = series([0.9, 0.9, 0.9])
    for number, day_ in days.items():
        day_.append(measured(number, 0.8, metric="quality.out_of_range_share", threshold=0.05))
        day_.append(measured(number, 0.9, feature="temp"))
    told = replay(model(), days)
    assert [(number, change.event, change.alert.feature) for number, change in told] == [
        (0, "firing", "visib"),
        (0, "pending", "visib"),
        (0, "pending", "temp"),
        (1, "suppressed", "visib"),
        (1, "firing", "temp"),
        (2, "suppressed", "visib"),
    ]
    assert told[0][1].alert.severity is Severity.CRITICAL
    assert "drifted too" in told[0][1].alert.body


def test_two_drift_measures_of_one_column_make_one_incident() -> None:
    days = series([0.9, 0.9])
    for number, day_ in days.items():
        day_.append(measured(number, 0.9, metric="drift.jensen_shannon"))
    told = [change for _, change in replay(model(), days) if change.event != "pending"]
    assert [(change.event, change.alert.rule) for change in told] == [
        ("firing", "drift"),
        ("suppressed", "category-drift"),
    ]


@pytest.mark.parametrize(
    ("rule", "given", "fires"),
    [
        (Rule(name="r", metric="performance.auc", op="<", threshold=0.7), {"value": 0.69}, True),
        (Rule(name="r", metric="performance.auc", op="<", threshold=0.7), {"value": 0.7}, False),
        (Rule(name="r", metric="traffic.latency_p95", threshold=50), {"value": 51}, True),
        (Rule(name="r", metric="traffic.rows", op="<", threshold=10), {"value": 3, "rows": 3}, True),
        (
            Rule(name="r", metric="quality.null_share", threshold=0.05, feature="temp"),
            {"value": 0.06, "feature": "visib"},
            False,
        ),
        (
            Rule(name="r", metric="quality.null_share", threshold=0.05, segment="origin=JFK"),
            {"value": 0.06, "segment": "origin=JFK"},
            True,
        ),
        (Rule(name="r", metric="quality.null_share", threshold=0.05, segment="origin=JFK"), {"value": 0.06}, False),
        (Rule(name="r", metric="quality.null_share", threshold=0.05, version="2"), {"value": 0.06}, False),
        (Rule(name="r", metric="quality.*"), {"value": 0.06, "metric": "quality.null_share", "threshold": None}, False),
        (Rule(name="r", metric="drift.wasserstein"), {"value": 0.9, "feature": "_score"}, False),
        (Rule(name="r", metric="drift.wasserstein", feature="_score"), {"value": 0.9, "feature": "_score"}, True),
    ],
)
def test_static_and_own_thresholds_on_any_metric_feature_segment_version(
    rule: Rule, given: dict[str, object], fires: bool
) -> None:
    given = {"metric": rule.metric, "feature": None, "threshold": 0.01 if rule.threshold is None else None} | given
    changes = evaluate(model(rule), {day(0): [measured(0, **given)]}, [], day(0).end, "")  # type: ignore[arg-type]
    assert [change.event for change in changes] == (["firing"] if fires else [])


def test_incidents_are_apart_by_feature_segment_and_version() -> None:
    rule = Rule(name="r", metric="drift.wasserstein")
    rows = [
        measured(0, 0.9, feature=feature, version=version) for feature in ("visib", "temp") for version in ("1", "2")
    ]
    changes = evaluate(model(rule), {day(0): rows}, [], day(0).end, "")
    assert len({change.alert.id for change in changes}) == 4


def test_incidents_of_removed_rules_and_silent_versions_are_closed() -> None:
    rule = Rule(name="r", metric="drift.wasserstein")
    (fired,) = evaluate(model(rule), {day(0): [measured(0, 0.9)]}, [], day(0).end, "")
    (gone,) = evaluate(model(Rule(name="other", metric="x.y")), {day(1): []}, [fired.alert], day(1).end, "")
    assert (gone.event, "rule was removed" in gone.alert.body) == ("resolved", True)
    later = {day(number): [measured(number, 0.1, version="2")] for number in range(1, 6)}
    (retired,) = evaluate(model(rule), later, [fired.alert], day(5).end, "")
    assert (retired.event, "no traffic" in retired.alert.body) == ("resolved", True)


def test_a_malformed_rule_is_refused_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    bad, good = Rule(name="bad", metric="drift.wasserstein", op="!="), Rule(name="good", metric="drift.wasserstein")
    with pytest.raises(InvalidInput, match=r"op is '!='; allowed are >, >=, <, <="):
        check_rule(bad)
    changes = evaluate(model(bad, good), {day(0): [measured(0, 0.9)]}, [], day(0).end, "")
    assert [change.alert.rule for change in changes] == ["good"]
    assert "'bad'" in caplog.text


def test_nothing_to_judge_changes_nothing() -> None:
    assert evaluate(model(), {}, [], START, "") == []


def test_default_rules_are_usable_for_every_task() -> None:
    for task in Task:
        for rule in (*default_rules(ModelSchema(model="m", task=task, features=FEATURES)), *plain_rules()):
            check_rule(rule)


def test_an_owner_may_say_that_fewer_rows_than_usual_are_enough() -> None:
    """A small segment's AUC says "insufficient" to everybody but the owner who wrote down bound and number."""
    given = measured(0, 0.55, metric="performance.auc", feature=None, rows=60, status=Status.INSUFFICIENT)
    usual = Rule(name="auc", metric="performance.auc", op="<", threshold=0.7)
    for rule, events in (
        (replace(usual, min_rows=50), ["firing"]),
        (replace(usual, min_rows=61), []),
        (usual, []),
    ):
        assert [change.event for _, change in replay(model(rule), {0: [given]})] == events
    early = replace(given, rows=400)  # enough rows, but too small a share of the labels
    assert not replay(model(replace(usual, min_rows=50)), {0: [early]})

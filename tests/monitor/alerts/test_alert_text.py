"""What alerts say: plain units, no jargon, and nothing hostile passes."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.alerts.rules import evaluate
from monitor.alerts.said import sentence
from monitor.alerts.text import clean, title
from monitor.profile.comoments import JOINT
from monitor.types import Feature, Kind, Measurement, Model, ModelSchema, Rule, Settings, Severity, Task, Window

START = datetime(2013, 7, 1, tzinfo=UTC)
DAY = Window(START, START + timedelta(days=1))
SCHEMA = ModelSchema(
    model="flights",
    task=Task.BINARY,
    classes=("on time", "late"),
    features=(
        Feature(name="visib", kind=Kind.NUMERIC, unit="mi", title="Visibility"),
        Feature(name="origin", kind=Kind.CATEGORICAL, title="Origin airport"),
    ),
)
MODEL = Model(name="flights", schema=SCHEMA, settings=Settings(title="Flights"), created=START)
UNIT_CHANGE = {
    "above_share": 0.82,
    "below_share": 0.0,
    "reference_max": 10.0,
    "reference_min": 0.0,
    "reference_value": 0.0,
    "reference_mean": 9.26,
    "current_mean": 14.9,
    "shift_sd": 2.7,
}


def measured(metric: str, feature: str | None, value: float, **changes: object) -> Measurement:
    given: dict[str, object] = {"rows": 921, "threshold": 0.05}
    return Measurement(
        model="flights",
        version="1",
        metric=metric,
        feature=feature,
        window=DAY,
        value=value,
        **(given | changes),  # type: ignore[arg-type]
    )


def test_a_unit_change_reads_in_plain_words() -> None:
    given = measured("quality.out_of_range_share", "visib", 0.82, details=UNIT_CHANGE)
    rule = Rule(name="data-fault", metric="quality.*", severity=Severity.CRITICAL)
    model = Model(name="flights", schema=SCHEMA, settings=Settings(title="Flights", rules=(rule,)), created=START)
    (change,) = evaluate(model, {DAY: [given]}, [], DAY.end, "http://127.0.0.1:8080/")
    assert change.alert.title == "Visibility: 82.0 % of values above anything seen in the reference (max 10.0 mi)"
    for words in (
        "Mean 14.9 mi instead of 9.26 mi (+2.7 sd)",
        "Model Flights, version 1, all traffic, Mon 1 Jul 2013 (UTC), 921 rows.",
        "Since 2013-07-01 00:00 UTC",
        "Next: Check whether a unit",
    ):
        assert words in change.alert.body
    assert change.alert.link == (
        "http://127.0.0.1:8080/feature?model=flights&feature=visib&version=1"
        "&start=2013-07-01T00%3A00%3A00Z&end=2013-07-02T00%3A00%3A00Z"
    )
    assert change.alert.body.endswith(change.alert.link)


@pytest.mark.parametrize(
    ("given", "op", "threshold", "expected"),
    [
        (measured("quality.null_share", "visib", 0.2), ">", 0.05, "Visibility: 20.0 % of values are missing"),
        (
            measured(
                "drift.wasserstein",
                "visib",
                0.9,
                details={"shift_sd": -0.9, "current_mean": 7.1, "reference_mean": 9.26},
            ),
            ">",
            0.2,
            "Visibility: mean 7.10 mi instead of 9.26 mi (−0.90 sd)",
        ),
        (
            measured(
                "drift.jensen_shannon",
                "origin",
                0.3,
                details={"category": "JFK", "current_share": 0.51, "reference_share": 0.33},
            ),
            ">",
            0.1,
            "Origin airport: JFK: 51.0 % of rows instead of 33.0 % (+18.0 pp)",
        ),
        (
            measured("performance.auc", None, 0.66, details={"title": "AUC"}),
            "<",
            0.7,
            "AUC is 0.660, below 0.700",
        ),
        (
            measured("traffic.latency_p95", None, 63.2, details={"unit": "ms"}),
            ">",
            50,
            "Latency p95 is 63.2 ms, above 50 ms",
        ),
        (
            measured(
                "drift.wasserstein",
                "_score",
                0.5,
                details={"shift_sd": 0.5, "current_mean": 0.41, "reference_mean": 0.22},
            ),
            ">",
            0.1,
            "Probability of late: mean 41.0 % instead of 22.0 % (+0.50 sd)",
        ),
        (
            measured("drift.psi", "visib", 0.5, details={"title": "PSI"}),
            ">",
            0.2,
            "Visibility: PSI is 0.500, above 0.200",
        ),
    ],
)
def test_titles(given: Measurement, op: str, threshold: float, expected: str) -> None:
    assert title(MODEL, given, threshold, op) == expected


def test_hostile_names_are_shortened_and_stripped_of_control_characters() -> None:
    given = measured("quality.null_share", "x\n\u202e" + "y" * 500, 0.5)
    told = title(MODEL, given, 0.05)
    assert "\n" not in told
    assert "\u202e" not in told
    assert len(told) < 120
    assert clean("ok") == "ok"


def test_silence_is_told_in_whole_rows() -> None:
    given = measured("traffic.rows", None, 0.0, rows=0, details={"title": "traffic", "unit": "rows"})
    assert title(MODEL, given, 10.0, "<") == "Traffic is 0 rows, below 10 rows"


def test_how_columns_go_together_is_told_by_the_pair_that_changed() -> None:
    about = {"column": "visib", "other": "origin", "correlation": 0.04, "reference_correlation": 0.61}
    given = measured("detection.evidence", JOINT, 2.0, details=about)
    said = sentence(MODEL, JOINT, [given])
    assert said.startswith("Visibility and Origin airport no longer go together as in the reference")
    assert said.endswith("(rank correlation 0.04, reference 0.61)")

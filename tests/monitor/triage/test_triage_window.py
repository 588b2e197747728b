"""Triage reads what jobs measured: harm, estimate, impacts and segments of the newest window of each."""

from datetime import UTC, datetime, timedelta

from monitor.triage import Finding, triage_window
from monitor.types import Measurement, Scalar, Window

START = datetime(2024, 1, 1, tzinfo=UTC)
DRIFT = [Finding("drift", ("small",), "small moved"), Finding("drift", ("large",), "large moved")]


def measured(
    metric: str,
    value: float | None,
    day: int = 0,
    *,
    feature: str | None = None,
    threshold: float | None = None,
    interval: tuple[float, float] | None = None,
    details: dict[str, Scalar] | None = None,
) -> Measurement:
    start = START + timedelta(days=day)
    return Measurement(
        model="m",
        version="1",
        metric=metric,
        window=Window(start, start + timedelta(days=1)),
        value=value,
        rows=1_000,
        feature=feature,
        threshold=threshold,
        interval=interval,
        details=details or {},
    )


def harm(value: float, *, new: bool, day: int = 0) -> Measurement:
    parts: dict[str, Scalar] = {"metric": "accuracy", "usual": 0.1, "tolerated": 0.05, "reached": 2.0}
    parts |= {"open": new, "new": new, "covariate": -0.02, "concept": -0.13}
    return measured("harm.loss", value, day, threshold=0.16, details=parts)


def test_without_measurements_only_faults_page() -> None:
    found = triage_window([*DRIFT, Finding("fault", ("f",), "f is missing")], [])
    assert [line.said for line in found.pages] == ["f is missing"]
    assert len(found.digest) == 2


def test_realised_harm_of_the_newest_labelled_window_pages() -> None:
    found = triage_window(DRIFT, [harm(0.25, new=True, day=3), harm(0.1, new=False, day=2)])
    assert [line.reason for line in found.pages] == ["loss"]
    assert "75.0 %" in found.pages[0].said
    assert "below the 84.0 %" in found.pages[0].said
    assert "−13.0 pp because the same inputs have other answers" in found.pages[0].said
    assert triage_window(DRIFT, [harm(0.25, new=True, day=3), harm(0.1, new=False, day=4)]).pages == ()


def test_an_estimate_wholly_beyond_tolerance_pages_while_it_is_trusted() -> None:
    low = measured("estimation.accuracy", 0.8, 5, interval=(0.78, 0.82), details={"trusted": True})
    doubted = measured("estimation.accuracy", 0.8, 5, interval=(0.78, 0.82), details={"trusted": False})
    calm = harm(0.1, new=False)
    assert [line.reason for line in triage_window(DRIFT, [calm, low]).pages] == ["estimate"]
    assert triage_window(DRIFT, [calm, doubted]).pages == ()
    assert triage_window(DRIFT, [low]).pages == ()


def test_the_digest_is_ranked_by_impact_and_tells_new_segments() -> None:
    rows = [measured("impact.shift", value, feature=name) for name, value in (("small", 0.01), ("large", -0.5))]
    said: dict[str, Scalar] = {"new": True, "feature": "x", "said": "x 1–2: scores are worse there."}
    rows.append(measured("segments.scan", 1.4, details=said))
    found = triage_window(DRIFT, rows)
    assert [line.said for line in found.digest] == ["large moved", "small moved", "x 1–2: scores are worse there."]
    assert found.pages == ()

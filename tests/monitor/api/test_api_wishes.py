"""Rules and channels that could never be heard of are refused when they are written down."""

import pytest

FEATURES = [{"name": "temp", "kind": "numeric"}, {"name": "carrier", "kind": "categorical"}]


def put(api, task: str = "binary", **settings):
    body = {"schema": {"task": task, "features": FEATURES}, "settings": settings}
    return api("PUT", "/v1/models/wishes", json=body)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"metric": "performance.auk", "op": "<", "threshold": 0.7}, "performance.auc"),
        ({"metric": "performance.mae", "threshold": 3}, "performance.auc"),
        ({"metric": "drift*.psi", "threshold": 3}, "drift.psi"),
        ({"metric": "traffic.rows", "op": "<"}, "threshold"),
        ({"metric": "performance.*"}, "threshold"),
        ({"metric": "drift.psi", "windows": 0}, "windows"),
        ({"metric": "drift.psi", "min_rows": -1}, "min_rows"),
        ({"metric": "drift.psi", "feature": "tmp"}, "temp, carrier"),
        ({"metric": "drift.psi", "segment": "temp=1"}, "all, carrier=value"),
    ],
)
def test_a_rule_that_can_never_speak_is_refused(api, rule: dict[str, object], said: str) -> None:
    refused = put(api, segments=["carrier"], rules=[{"name": "wish"} | rule])
    assert refused.status_code == 422
    assert "'wish'" in refused.json()["detail"]
    assert said in refused.json()["detail"]


def test_rules_on_anything_that_is_measured_are_taken(api) -> None:
    rules = [
        {"metric": "traffic.latency_p95", "threshold": 50},
        {"metric": "quality.null_share", "threshold": 0.05, "feature": "temp", "version": "2"},
        {"metric": "quality.*"},
        {"metric": "performance.auc", "op": "<", "threshold": 0.7, "segment": "carrier=AA=B"},
        {"metric": "performance.label_coverage", "op": "<", "threshold": 0.5},
        {"metric": "drift.wasserstein", "feature": "_score"},
        {"metric": "business.revenue", "threshold": 1},  # of a job that somebody added
    ]
    taken = put(api, segments=["carrier"], rules=[{"name": f"r{at}"} | rule for at, rule in enumerate(rules)])
    assert taken.status_code == 201


def test_before_the_schema_is_known_features_are_not_held_against_it(api) -> None:
    body = {"task": "binary", "settings": {"rules": [{"name": "r", "metric": "drift.psi", "feature": "later"}]}}
    assert api("PUT", "/v1/models/later", json=body).status_code == 201


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ({"kind": "webhok", "target": "http://a"}, "webhook"),
        ({"kind": "webhook", "target": "ftp://a"}, "http://"),
        ({"kind": "webhook", "target": "http://[a"}, "http://"),
        ({"kind": "webhook"}, "http://"),
    ],
)
def test_a_channel_that_reaches_nobody_is_refused(api, channel: dict[str, str], said: str) -> None:
    refused = put(api, channels=[channel])
    assert refused.status_code == 422
    assert said in refused.json()["detail"]

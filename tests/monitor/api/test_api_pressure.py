"""What cannot be stored now is answered 429, 503 or 507, says when to come again, and is counted; reading goes on."""

import pytest

M = "/v1/models/flights"
ROW = {"id": "a", "features": {"temp": 1.0, "carrier": "AA"}, "scores": [0.5]}


def refusals(api) -> dict[str, float]:
    lines = api("GET", "/metrics").text.splitlines()
    mine = [line for line in lines if line.startswith('watchglass_refused_total{model="flights"')]
    return {line.split('reason="')[1].split('"')[0]: float(line.split()[-1]) for line in mine}


def test_a_full_disk_is_answered_507_until_there_is_room(runtime, flights, monkeypatch: pytest.MonkeyPatch) -> None:
    free = [0]
    monkeypatch.setattr(runtime.ingest.disk, "_look", lambda _: (2**30, free[0]))
    runtime.ingest.disk.room()
    for what, body in (("inferences", [ROW]), ("labels", [{"id": "a", "value": 1}])):
        answer = flights("POST", f"{M}/{what}", json=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (507, "1")
        assert "0.0 MiB free; capture needs 64.0 MiB" in answer.json()["detail"]
    health = flights("GET", "/healthz").json()
    assert (health["status"], health["capture"], health["disk_free_bytes"]) == ("degraded", "disk_full", 0)
    assert flights("GET", f"{M}/inferences").status_code == 200
    assert refusals(flights) == {"disk_full": 2}
    free[0] = 2**29
    runtime.ingest.disk.room()
    assert flights("POST", f"{M}/inferences", json=[ROW]).json()["stored"] == 1
    assert flights("GET", "/healthz").json()["status"] == "ok"


def test_too_many_bodies_are_answered_429_and_counted(runtime, flights, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor.api import intake

    monkeypatch.setattr(intake, "MOST_WAITING", 0)
    monkeypatch.setattr(intake.Intake, "_fits", lambda *_: False)
    answer = flights("POST", f"{M}/inferences", json=[ROW])
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert refusals(flights) == {"too_many_bodies": 1}


def test_refusals_outlive_the_process(runtime, flights) -> None:
    runtime.ingest.stop()
    assert flights("POST", f"{M}/inferences", json=[ROW]).status_code == 503
    runtime.ingest.start()
    runtime.ingest.refusals.keep()
    assert runtime.store.ledger.refused() == {("flights", "not_running"): 1}
    assert refusals(flights) == {"not_running": 1}
    assert flights("GET", "/v1/verify").json()["ok"]

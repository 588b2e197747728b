"""The OpenAPI document is valid, tells of every route and no other, and every answer it documents can be had."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openapi_spec_validator import validate

import explain.api
from app.runtime import Runtime
from app.server import create_app, table
from explain.cost import Cost
from explain.request import Asked
from explain.service import ExplainService
from explain.tasks import Task, TaskState
from explain.trying import Counterfactual, Trying, WhatIf
from monitor.alerts.incidents import DETECTOR, incident_id
from monitor.api import intake, reports
from monitor.api.routes import build
from monitor.detection import Incident, State
from monitor.errors import Conflict, InvalidInput, NotFound, Unavailable
from monitor.store.backgrounds import KeptBackground
from monitor.store.detections import Snapshot
from monitor.types import Alert, AlertState, Explanation, Measurement, Report, Severity, Window

DAY = Window(datetime(2013, 6, 9, tzinfo=UTC), datetime(2013, 6, 10, tzinfo=UTC))
M = "/v1/models/flights"
PARQUET = {"content-type": "application/vnd.apache.parquet"}
SLEEPY, NORMAL = (incident_id("flights", "1", opened) for opened in (DAY.start, DAY.end))


def test_the_document_is_valid_openapi(api) -> None:
    validate(api.document)


def test_routes_and_document_tell_of_the_same(runtime: Runtime, api) -> None:
    services = runtime.services
    app = build(table(runtime, services), max_body_bytes=1, intake=services.intake)
    routed = {
        (method.lower(), re.sub(r":path", "", route.path))
        for route in app.routes
        for method in route.methods - {"HEAD"}
    } - {("get", "/v1/openapi.json")}
    documented = {(method, path) for path, methods in api.document["paths"].items() for method in methods}
    assert routed == documented


def test_operation_ids_are_unique_and_everything_is_described(api) -> None:
    operations = [found for methods in api.document["paths"].values() for found in methods.values()]
    assert len({found["operationId"] for found in operations}) == len(operations)
    for found in operations:
        assert found["summary"].endswith(".")
        assert all(parameter["description"] for parameter in found["parameters"])


TRIED = ("what-if", "counterfactual")


class FakeTrying(Trying):
    """The same for rows that might have been others."""

    def _answer(self, asked: Asked) -> None:
        refused = {1: Unavailable("the worker ended"), 2: InvalidInput("no such target"), 3: Conflict("cancelled")}
        if asked.seed in refused:
            raise refused[asked.seed]
        if asked.inference_id == "nobody":
            raise NotFound("no such inference")

    def what_if(self, asked: Asked, changes: object) -> WhatIf:
        self._answer(asked)
        return WhatIf(output="P(late)", before=0.3, after=0.5, changes={"temp": 2.0})

    def counterfactual(self, asked: Asked, **given: object) -> Counterfactual:
        self._answer(asked)
        return Counterfactual(
            output="P(late)", before=0.3, after=0.5, changes={"temp": 2.0}, sought="at least 0.5", decision="late",
            text="It would have been late.", rows_used=9,
        )  # fmt: skip


class FakeExplain(ExplainService):
    """Answers by the seed, so that every documented answer of the operation can be had without a model."""

    def ask(self, asked: Asked) -> tuple[Future[Explanation], Task]:
        refused = {1: Unavailable("the worker ended"), 2: InvalidInput("no such target"), 3: Conflict("cancelled")}
        if asked.seed in refused:
            raise refused[asked.seed]
        if asked.inference_id == "nobody":
            raise NotFound("no such inference")
        task = Task(id="t", model=asked.model, inference_id=asked.inference_id, method="shap", created=DAY.end)
        task.finish(TaskState.DONE)
        found: Future[Explanation] = Future()
        found.set_result(self.made(asked.model, asked.inference_id))
        return found, self.tasks.add(task)

    def cost(self, asked: Asked) -> Cost:
        if asked.inference_id == "nobody":
            raise NotFound("no such inference")
        return Cost(
            method="shapley", chosen_because="it was asked for", target="endpoint", rows=9, requests=1, concurrency=4,
            cached=False,
        )  # fmt: skip

    def made(self, model: str, inference: str) -> Explanation:
        return Explanation(
            id="e", model=model, version="1", inference_id=inference, method="shap", output="P(late)", link="identity",
            base_value=0.1, prediction=0.3, attributions={"temp": 0.2}, values={"temp": 1.0, "carrier": None},
            quality={"rows": 10}, standard_errors={"temp": 0.01}, seed=0, model_hash="m", background_hash="b",
            settings={"rows": 10}, seconds=0.1, created=DAY.end,
        )  # fmt: skip


def reference() -> bytes:
    sink = io.BytesIO()
    rows = 60
    pq.write_table(
        pa.table(
            {
                "temp": [float(i) for i in range(rows)],
                "carrier": ["AA", "UA"] * (rows // 2),
                "when": [datetime(2013, 5, 1 + i // 4, tzinfo=UTC) for i in range(rows)],
                "p": [i / rows for i in range(rows)],
                "truth": ["late" if i % 3 else "on time" for i in range(rows)],
            }
        ),
        sink,
    )
    return sink.getvalue()


def test_every_documented_answer_is_met_by_a_real_call(
    runtime: Runtime, flights, monkeypatch: pytest.MonkeyPatch
) -> None:
    explaining = FakeExplain(runtime.store, runtime.config, runtime.clock)
    explaining.trying = FakeTrying(explaining)
    fake = replace(runtime, explain=explaining)
    api = flights
    api.app = create_app(fake, dashboard=False)
    row = {"id": "a", "time": "2013-06-09T12:00:00Z", "features": {"temp": 1.0, "carrier": "AA"}, "scores": [0.3]}
    api("POST", f"{M}/inferences", json=[row])
    api("POST", f"{M}/labels", json=[{"id": "a", "value": "late"}, {"id": "b"}])
    _fill(runtime)
    version, ref = f"{M}/versions/9", f"{M}/versions/1/reference?time=when&scores=p&label=truth"
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "/v1/models/other", {"json": {"task": "regression"}}),
        ("PUT", "/v1/models/other", {"json": {"owner": "me"}}),
        ("PUT", "/v1/models/flights", {"json": {"task": "regression", "schema": {}}}),
        ("PUT", version, {"json": {"endpoint": {"url": "http://127.0.0.1:1"}}}),
        ("PUT", version, {"json": {}}),
        ("POST", f"{M}/versions/2", {"json": {}}),
        ("POST", f"{M}/versions/2", {"json": {}}),
        ("POST", ref, {"content": reference(), "headers": PARQUET}),
        ("POST", ref.replace("=p", "=nothing"), {"content": reference(), "headers": PARQUET}),
        ("POST", ref, {"content": b"no table", "headers": PARQUET}),
        ("POST", ref, {"content": b" " * 2_100_000, "headers": PARQUET}),
        ("POST", ref.replace("flights", "nobody"), {"content": reference(), "headers": PARQUET}),
        ("POST", f"{M}/collect/v2", {"json": {"inputs": []}}),
        ("POST", f"{M}/collect/v2", {"content": b"x", "headers": {"content-encoding": "br"}}),
        ("GET", f"{M}/halves", {}),
        ("GET", f"{M}/dead-letters", {}),
        ("GET", f"{M}/dead-letters?limit=0", {}),
        ("POST", f"{M}/dead-letters/replay", {}),
        ("GET", "/v1/models", {}),
        ("GET", M, {}),
        ("GET", f"{M}/measurements", {}),
        ("GET", f"{M}/inferences", {}),
        ("GET", f"{M}/kept", {}),
        ("GET", f"{M}/kept?start=2026-01-01T00:30:00Z", {}),
        ("GET", "/v1/models/nobody/kept", {}),
        ("GET", f"{M}/inferences/a", {}),
        ("GET", f"{M}/inferences/nobody", {}),
        ("GET", f"{M}/inferences/a?order=x", {}),
        ("POST", f"{M}/inferences/a/explanations", {"json": {"method": "shap"}}),
        ("POST", f"{M}/inferences/a/explanations", {"json": {"seed": 1}}),
        ("POST", f"{M}/inferences/a/explanations", {"json": {"seed": 2}}),
        ("POST", f"{M}/inferences/a/explanations", {"json": {"seed": 3}}),
        ("POST", f"{M}/inferences/a/explanations", {"json": {"wait": False}}),
        ("POST", f"{M}/inferences/nobody/explanations", {"json": {}}),
        ("POST", f"{M}/inferences/a/explanations/cost", {"json": {"cohort": "carrier"}}),
        ("POST", f"{M}/inferences/nobody/explanations/cost", {"json": {}}),
        *[("POST", f"{M}/inferences/a/{what}", {"json": {"seed": seed}}) for what in TRIED for seed in range(4)],
        *[("POST", f"{M}/inferences/nobody/{what}", {"json": {}}) for what in TRIED],
        *[
            (
                "POST",
                f"/v1/models/{name}/explanations{cost}",
                {"json": {"start": "2013-06-01T00:00:00Z", "end": "2013-07-01T00:00:00Z"}},
            )
            for name in ("flights", "nobody")
            for cost in ("", "/cost")
        ],
        ("GET", f"{M}/importance", {}),
        ("GET", f"{M}/importance/points?feature=temp", {}),
        ("GET", f"{M}/importance/points?feature=odd", {}),
        ("GET", f"{M}/importance/cohort?feature=temp&above=3", {}),
        ("GET", f"{M}/importance/cohort?feature=temp", {}),
        ("GET", "/v1/models/nobody/importance/points?feature=temp", {}),
        ("GET", "/v1/models/nobody/importance/cohort?feature=temp&above=1", {}),
        ("GET", f"{M}/backgrounds/h", {}),
        ("GET", f"{M}/backgrounds/h?x=1", {}),
        ("GET", f"{M}/backgrounds/nobody", {}),
        ("GET", "/v1/explanations/readiness", {}),
        ("GET", "/v1/explanations/readiness?x=1", {}),
        ("GET", "/v1/explanations/tasks", {}),
        ("GET", "/v1/explanations/tasks?x=1", {}),
        ("GET", "/v1/explanations/tasks/t", {}),
        ("GET", "/v1/explanations/tasks/nobody", {}),
        ("DELETE", "/v1/explanations/tasks/t", {}),
        ("DELETE", "/v1/explanations/tasks/nobody", {}),
        ("GET", f"{M}/inferences/a/explanations", {}),
        ("GET", f"{M}/inferences/nobody/explanations", {}),
        ("GET", "/v1/alerts", {}),
        ("GET", "/v1/alerts?state=odd", {}),
        ("GET", "/v1/alerts/x1", {}),
        ("GET", "/v1/alerts/nobody", {}),
        ("POST", "/v1/alerts/nobody/snooze", {}),
        ("POST", "/v1/alerts/nobody/rebaseline", {}),
        ("POST", "/v1/alerts/x1/snooze", {}),
        ("POST", "/v1/alerts/x1/rebaseline", {}),
        ("POST", f"/v1/alerts/{SLEEPY}/snooze", {"json": {"days": 1}}),
        ("POST", f"/v1/alerts/{NORMAL}/rebaseline", {"json": {"who": "ann"}}),
        ("GET", f"{M}/detection", {}),
        ("POST", f"{M}/rules/trial", {"json": {"dial": 2}}),
        ("POST", "/v1/models/nobody/rules/trial", {"json": {"dial": 2}}),
        ("POST", f"{M}/detection/backfill", {}),
        ("PUT", "/v1/models/bare", {"json": {"task": "binary"}}),
        ("POST", "/v1/models/bare/rules/trial", {"json": {"dial": 2}}),
        ("POST", "/v1/models/bare/detection/backfill", {}),
        ("GET", "/v1/reports", {}),
        ("GET", "/v1/reports?no=1", {}),
        ("GET", "/v1/reports/r1/page.html", {}),
        ("GET", "/v1/reports/r1/../secret.html", {}),
        ("GET", "/v1/reports/nobody/page.html", {}),
        ("POST", "/v1/models/nobody/reports", {"json": {}}),
        ("POST", f"{M}/reports", {"json": {"start": "2013-06-10T00:00:00Z", "end": "2013-06-01T00:00:00Z"}}),
        ("POST", "/v1/run", {}),
        ("POST", "/v1/run", {"json": {"model": "nobody"}}),
        ("PUT", "/v1/clock", {"json": {"now": "2013-06-11T00:00:00Z"}}),
        ("POST", "/v1/flush", {}),
        ("GET", "/v1/ledger", {}),
        ("GET", "/v1/ledger?no=1", {}),
        ("GET", "/v1/verify", {}),
        ("GET", "/healthz", {}),
        ("GET", "/metrics", {}),
    ]
    for method, path, given in calls:
        api(method, path, **given)
    for path, methods in api.document["paths"].items():  # what is the same everywhere
        for method, operation in methods.items():
            _common(api, method.upper(), path, operation)
    _buried(api)
    _reported(api, monkeypatch)
    _system_clock(api, runtime)
    with monkeypatch.context() as loaded:
        loaded.setattr(FakeExplain, "ready", True)
        assert api("GET", "/v1/explanations/readiness").json() == {"ready": True}
    _stalled(api, monkeypatch)
    _refused(api, runtime, monkeypatch)
    runtime.ingest.stop()
    for what in ("inferences", "labels", "collect/v2"):
        answer = api("POST", f"{M}/{what}", json=[{"id": "a", "value": "late"}])
        assert int(answer.headers["retry-after"]) >= 1
    api("POST", f"{M}/dead-letters/replay")
    runtime.store.close()
    api("GET", "/healthz")
    documented = {
        (method.upper(), path, status)
        for path, methods in api.document["paths"].items()
        for method, operation in methods.items()
        for status in operation["responses"]
        if status != "default"
    }
    assert documented - api.seen == set()


def _fill(runtime: Runtime) -> None:
    """One alert, one report with a page, one measurement."""
    alert = Alert(
        id="x1", model="flights", version="1", rule="r", severity=Severity.WARNING, state=AlertState.FIRING,
        metric="drift.psi", feature="temp", segment="all", title="t", body="b", link="l", value=1.0, threshold=0.1,
        window=DAY, since=DAY.end, updated=DAY.end,
    )  # fmt: skip
    with runtime.store.transaction():
        runtime.store.alerts.put(alert)
        runtime.store.alerts.enqueue(alert, "firing", "log", "")
    _incidents(runtime, alert)
    folder = runtime.config.data_dir / "reports" / "r1"
    folder.mkdir(parents=True)
    (folder / "page.html").write_text("<p>hello</p>")
    (folder.parent / "secret.html").write_text("<p>secret</p>")
    path = "reports/r1/page.html"
    runtime.store.backgrounds.put(
        KeptBackground(model="flights", hash="h", source="s", rows=1, columns={"temp": [1.0]}, created=DAY.end)
    )
    runtime.store.reports.put(Report(id="r1", model="flights", window=DAY, title="t", path=path, created=DAY.end))
    runtime.store.measurements.put(
        [Measurement(model="flights", version="1", metric="drift.psi", feature="temp", window=DAY, value=0.2, rows=10)]
    )


def _incidents(runtime: Runtime, like: Alert) -> None:
    """Two incidents that a detector holds open, so that one can be snoozed and one re-baselined."""
    held = tuple(Incident(opened, "drift", ("temp",)) for opened in (DAY.start, DAY.end))
    runtime.store.detections.put("flights", Snapshot("1", DAY.end, "basis", State({}, held).to_json()))
    for name in (SLEEPY, NORMAL):
        runtime.store.alerts.put(replace(like, id=name, rule=DETECTOR, columns=("temp",)))


def _refused(api, runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Meet every 429 while there is no room for bodies, and the 507 of capture while there is none on the disk."""
    with monkeypatch.context() as full:
        full.setattr(intake, "MOST_WAITING", 0)
        full.setattr(intake.Intake, "_fits", lambda *_: False)
        for path, methods in api.document["paths"].items():
            for method, operation in methods.items():
                if "429" in operation["responses"]:
                    media = next(iter(operation["requestBody"]["content"]))
                    asked = re.sub(
                        "{(id|file|version)}", "1", path.replace("{model}", "flights").replace("{format}", "v2")
                    )
                    asked = re.sub("{[a-z_]+}", "v2", asked)
                    api(method.upper(), asked, content=b"[]", headers={"content-type": media})
    with monkeypatch.context() as full:
        full.setattr(runtime.ingest.disk, "_look", lambda _: (2**30, 0))
        runtime.ingest.disk.room()
        for what in ("inferences", "labels", "collect/v2"):
            api("POST", f"{M}/{what}", json=[{"id": "a", "value": "late"}])
        api("POST", f"{M}/versions/1/reference", content=reference(), headers=PARQUET, params={"time": "when"})
        api("POST", f"{M}/dead-letters/replay")
    runtime.ingest.disk.room()


def _common(api: Any, method: str, path: str, operation: dict[str, Any]) -> None:
    """Answers that do not depend on what an operation does: names, media, size, JSON, unknown parameters."""
    known = (
        path.replace("{model}", "flights")
        .replace("{version}", "1")
        .replace("{id}", "a")
        .replace("{file}", "x")
        .replace("{number}", "1")
        .replace("{collector}", "v2")
    )
    body = operation.get("requestBody")
    media = {"content-type": next(iter(body["content"]))} if body else {}
    for status in operation["responses"]:
        given: dict[str, Any] = {}
        target = known
        if status == "404":
            target = known.replace("flights", "nobody")
            given = {"json": {"id": "a"}} if body and "json" in media["content-type"] else {}
        elif status == "422" and "{model}" in path:
            target = known.replace("flights", "NOBODY")
        elif status == "422":
            given = {"json": {"until": "yesterday", "now": "tomorrow"}}
        elif status == "415":
            given = {"content": b"x", "headers": {"content-type": "text/plain"}}
        elif status == "413":
            given = {"content": b" " * 2_100_000, "headers": media}
        elif status == "400":
            given = {"content": b"{", "headers": media}
        else:
            continue
        api(method, target, **given)


def _buried(api: Any) -> None:
    """Three dead letters: one is read and deleted, one deleted with all; one waits for later."""
    letters = f"{M}/dead-letters"
    for left in range(3):
        api("POST", f"{M}/inferences", json=[{"id": f"d{left}", "time": "2013-06-11T00:10:00Z"}])
        number = api("GET", letters).json()["letters"][0]["number"]
        api("GET", f"{letters}/{number}")
        api("DELETE", f"{letters}/{number}" if left == 0 else letters if left == 1 else f"{letters}/x")
    api("DELETE", f"{letters}?odd=1")
    api("POST", f"{letters}/replay", content=b"{", headers={"content-type": "application/json"})
    api("PUT", "/v1/clock", json={"now": "2013-06-11T01:00:00Z"})  # from now on it could be stored


def _reported(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that is written, and one whose packages are missing."""
    written = Report(id="r2", model="flights", window=DAY, title="t", path="p", created=DAY.end)
    monkeypatch.setattr(reports, "write_report", lambda *_: written)
    assert api("POST", f"{M}/reports").status_code == 201

    def missing(*_: object) -> Report:
        raise Unavailable("reports need plotly")

    monkeypatch.setattr(reports, "write_report", missing)
    assert api("POST", f"{M}/reports").status_code == 503


def _system_clock(api: Any, runtime: Runtime) -> None:
    from monitor.clock import SystemClock

    manual = api.app
    api.app = create_app(replace(runtime, clock=SystemClock()), dashboard=False)
    assert api("PUT", "/v1/clock", json={"now": "2013-06-11T00:00:00Z"}).status_code == 409
    api.app = manual


def _stalled(api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.api.intake.Place.stall", 0.02)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.Event().wait()

    for what in ("inferences", "labels", "collect/v2"):
        answer = api("POST", f"{M}/{what}", content=stalled(), headers={"content-type": "application/json"})
        assert answer.status_code == 408
    monkeypatch.undo()


def test_explain_is_in_the_table() -> None:
    names = [operation.name for operation in explain.api.operations(None, None)]  # type: ignore[arg-type] # only listed
    assert names == [
        "post_explanation",
        "post_explanation_cost",
        "list_explanations",
        "get_background",
        "get_explanation_readiness",
        "list_explanation_tasks",
        "get_explanation_task",
        "cancel_explanation_task",
        "what_if",
        "counterfactual",
        "explain_window",
        "explain_window_cost",
        "get_importance",
        "get_importance_points",
        "compare_cohort",
    ]

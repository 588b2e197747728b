"""An owner's sampling over HTTP: set, measured, shown; and values of several numbers there and back."""

import base64
from typing import Any

import pytest

from app.runtime import Runtime
from monitor.profile.binning import Binning
from monitor.profile.freeze import make_binning

M = "/v1/models/shapes"
PNG = base64.b64encode(b"\x89PNG" + bytes(range(200))).decode()
SCHEMA = {
    "task": "regression",
    "features": [
        {"name": "img", "kind": "image"},
        {"name": "seq", "kind": "sequence"},
        {"name": "emb", "kind": "embedding", "store": "summary"},
        {"name": "note", "kind": "text"},
    ],
}
SENT: dict[str, Any] = {"img": PNG, "seq": [[1.0, 2.0], [3.0, 4.5]], "emb": [0.6, 0.8], "note": "<b>é</b>"}


@pytest.fixture
def shapes(api, runtime: Runtime):
    """A model with every kind of value, running."""
    runtime.ingest.start()
    assert api("PUT", M, json={"schema": SCHEMA}).status_code == 201
    yield api
    runtime.ingest.stop()


def send(api, count: int, first: int = 0) -> None:
    rows = [
        {"id": f"r{n}", "time": "2013-06-09T12:00:00Z", "features": SENT, "prediction": 1.5}
        for n in range(first, first + count)
    ]
    assert api("POST", f"{M}/inferences", json=rows).status_code == 200


def test_values_come_back_as_they_were_sent_and_summaries_say_the_rest(shapes) -> None:
    send(shapes, 1)
    found = shapes("GET", f"{M}/inferences/r0").json()
    assert found["features"] == SENT | {"emb": None}
    assert found["summaries"]["seq"]["shape"] == [2, 2]
    assert found["summaries"]["emb"]["norm"] == pytest.approx(1.0)
    assert len(found["summaries"]["img"]["sha256"]) == 64
    assert "note" not in found["summaries"], "it is kept itself"


def test_a_summary_alone_cannot_be_explained_and_the_error_says_what_to_do(shapes) -> None:
    send(shapes, 1)
    endpoint = {"url": "http://127.0.0.1:1/v1/models/m:predict", "dialect": "v1"}
    shapes("PUT", f"{M}/versions/1", json={"endpoint": endpoint})
    answer = shapes("POST", f"{M}/inferences/r0/explanations", json={"method": "shap"})
    assert answer.status_code == 422
    assert "of emb only a summary was kept" in answer.json()["detail"]


def test_a_rate_is_set_measured_and_told_and_a_row_not_kept_says_so(shapes, runtime: Runtime) -> None:
    assert shapes("PUT", M, json={"settings": {"sampling": {"rate": 0.25}}}).status_code == 200
    send(shapes, 60)
    runtime.ingest.flush()
    runtime.store.catalog.put_binning("shapes", _binning(runtime))
    runtime.ingest.thin()
    told = shapes("GET", f"{M}/kept?start=2013-06-09T00:00:00Z&end=2013-06-10T00:00:00Z").json()
    assert told["stored"] == told["kept"] + told["thinned"] == 60
    assert (told["asked"]["rate"], told["why"]) == (0.25, {"sampled": told["thinned"]})
    assert told["rate"] == told["kept"] / 60
    assert shapes("GET", f"{M}/inferences").json()["total"] == told["kept"]
    kept = {row["id"] for row in shapes("GET", f"{M}/inferences").json()["inferences"]}
    gone = next(f"r{n}" for n in range(60) if f"r{n}" not in kept)
    for method, path in (("GET", ""), ("POST", "/explanations")):
        answer = shapes(method, f"{M}/inferences/{gone}{path}", **({"json": {}} if path else {}))
        assert answer.status_code == 404
        assert "was profiled and counted, but its row was not kept" in answer.json()["detail"]
        assert "settings.sampling.rate" in answer.json()["detail"]
    assert shapes("GET", "/v1/verify").json()["ok"]
    assert f'watchglass_rows_stored{{model="shapes",state="kept"}} {told["kept"]}.0' in shapes("GET", "/metrics").text


def _binning(runtime: Runtime) -> Binning:
    rows = runtime.store.rows.inferences("shapes", limit=100)
    return make_binning(rows, runtime.store.catalog.model("shapes").schema)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sampling": {"rate": 1.5}}, "settings.sampling.rate: got 1.5"),
        ({"sampling": {"newest": 0}}, "settings.sampling.newest: got 0"),
        ({"sampling": {"rat": 0.5}}, "unknown key 'rat'"),
        ({"keep_rows_days": 0}, "settings.keep_rows_days: got 0"),
        ({"segments": ["seq"]}, "'seq' is sequence"),
        ({"segments": ["emb"]}, "'emb' is embedding with store summary"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(shapes, settings: dict[str, Any], said: str) -> None:
    answer = shapes("PUT", M, json={"settings": settings})
    assert (answer.status_code, said in answer.json()["detail"]) == (422, True), answer.text


def test_how_much_is_kept_can_be_asked_of_such_features_only(api) -> None:
    schema = {"task": "regression", "features": [{"name": "x", "kind": "numeric", "store": "summary"}]}
    assert api("PUT", "/v1/models/other", json={"schema": schema}).status_code == 422

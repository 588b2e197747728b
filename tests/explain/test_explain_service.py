"""The service on the real store: the captured row, the version that served it, the cache, the fallbacks."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from zoo_rows import make_rows

from explain.columns import from_row
from explain.files import digest
from explain.models import Allowed
from explain.models.torch import TorchAdapter
from explain.service import ExplainService
from explain.worker import Limits, Worker
from monitor.config import Config
from monitor.errors import InvalidInput, NotFound, Unavailable
from monitor.types import Model, ModelSchema, Settings, Task, Version

START = datetime(2013, 5, 1, tzinfo=UTC)


def test_it_explains_the_captured_row_and_adds_up_to_what_the_model_answers(
    service, store, register, capture, reference, schema, allowed
):
    spec = register()
    reference()
    capture()
    found = service.explain("flights", "r3", "shap", seed=7)
    model = TorchAdapter.load(spec, schema, allowed)
    asked_afresh = float(model.predict(from_row(store.rows.inference("flights", "r3"), schema))[0])
    assert found.prediction == pytest.approx(asked_afresh, abs=1e-7)
    assert found.base_value + sum(found.attributions.values()) == pytest.approx(asked_afresh, abs=1e-7)
    assert found.values == {name: values[3] for name, values in make_rows(30, 5).items()}
    assert (found.model, found.version, found.inference_id, found.method) == ("flights", "1", "r3", "shap")
    assert (found.output, found.link, found.seed) == ("probability of late", "identity", 7)
    assert found.model_hash == TorchAdapter.fingerprint(spec)
    assert found.settings == {"rows": 420_000, "target": "artifact"}
    assert found.created == START + timedelta(days=30)
    quality = found.quality
    assert quality["additivity_gap"] < 1e-9
    assert quality["served_gap"] == pytest.approx(abs(asked_afresh - 0.4))
    assert (quality["background_rows"], quality["background_source"]) == (100, "reference of version 1")
    assert quality["exact"] is True
    assert quality["seconds"] == found.seconds > 0


def test_the_same_question_is_answered_from_the_store(service, store, register, capture, reference):
    register()
    reference()
    capture()
    first = service.explain("flights", "r3", "lime", seed=1)
    nobody = Worker(Allowed(), Limits())
    nobody.close()
    again = ExplainService(store, Config(), workers=[nobody])
    assert again.explain("flights", "r3", "lime", seed=1) == first
    assert [each.id for each in store.explanations.query("flights", "r3")] == [first.id]


def test_another_row_method_seed_setting_or_model_is_another_explanation(
    service, store, register, capture, reference, artifact
):
    register()
    reference()
    capture()
    made = [
        service.explain("flights", "r3", "lime"),
        service.explain("flights", "r4", "lime"),
        service.explain("flights", "r3", "shap"),
        service.explain("flights", "r3", "lime", seed=1),
        service.explain("flights", "r3", "lime", settings={"rows": 300}),
    ]
    known = store.catalog.version("flights", "1")
    store.catalog.put_version(replace(known, artifact=artifact("Network", seed=99)))
    made.append(service.explain("flights", "r3", "lime"))
    reference(seed=10)
    made.append(service.explain("flights", "r3", "lime"))
    assert len({each.id for each in made}) == len(made)


def test_an_explanation_can_be_made_again_bit_by_bit(service, store, register, capture, reference):
    """From what is stored: seed, settings, and a background and model of the same hash."""
    register()
    reference()
    capture()
    for method in ("shap", "lime"):
        first = service.explain("flights", "r3", method, seed=3)
        store.database.query("DELETE FROM explanations")
        again = service.explain("flights", "r3", method, seed=3)
        assert again.attributions == first.attributions
        assert (again.id, again.background_hash, again.base_value) == (
            first.id,
            first.background_hash,
            first.base_value,
        )


def test_the_version_that_served_the_row_explains_it(service, register, capture, reference):
    specs = {version: register(version) for version in ("1", "2")}
    reference()
    capture()
    capture(version="2")
    found = {version: service.explain("flights", "r3", version=version) for version in specs}
    assert {version: each.model_hash for version, each in found.items()} == {
        version: TorchAdapter.fingerprint(spec) for version, spec in specs.items()
    }
    assert found["1"].prediction != found["2"].prediction
    assert found["2"].quality["background_source"] == "reference of version 1", "until it has one of its own"
    reference("2", seed=10)
    assert service.explain("flights", "r3", version="2").quality["background_source"] == "reference of version 2"


def test_the_rows_compared_with_are_kept_with_their_hash_whatever_the_reference_becomes(
    service, store, register, capture, reference
):
    register()
    reference()
    capture()
    found = service.explain("flights", "r3", "lime")
    reference(seed=10)
    assert service.explain("flights", "r3", "lime").background_hash != found.background_hash
    kept = store.backgrounds.get("flights", found.background_hash)
    assert (kept.rows, kept.source) == (100, "reference of version 1")
    assert {name: len(values) for name, values in kept.columns.items()} == dict.fromkeys(kept.columns, 100)
    values = [
        (name, [np.nan if value is None and name != "carrier" else value for value in column])
        for name, column in sorted(kept.columns.items())
    ]
    assert digest(msgspec.json.encode(values)) == found.background_hash
    with pytest.raises(NotFound, match="No background 'other' of 'flights' is kept"):
        store.backgrounds.get("flights", "other")


def test_without_a_reference_earlier_captured_rows_are_the_background(service, register, capture):
    register()
    capture()
    found = service.explain("flights", "r20", "lime")
    assert found.quality["background_source"] == "captured rows of version 1"
    assert found.quality["background_rows"] == 20
    with pytest.raises(NotFound, match="only the hash is"):  # they go when their rows go
        service.requests._store.backgrounds.get("flights", found.background_hash)
    with pytest.raises(InvalidInput, match="nothing to compare it with; register a reference"):
        service.explain("flights", "r0")


def test_threads_that_ask_the_same_share_one_computation(service, store, register, capture, reference):
    register()
    reference()
    capture()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(service.explain("flights", "r3", "shap"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(found) == 8
    assert all(each == found[0] for each in found)


def test_a_failure_is_not_kept(service, register, capture, reference, artifact):
    register(name="Broken")
    reference()
    capture()
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot encode None"):
            service.explain("flights", "r3")
    register(name="Network")
    assert service.explain("flights", "r3").attributions


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"method": "guess"}, InvalidInput, "no explanation method 'guess'; use one of: .*lime, .*shapley"),
        ({"target": "moon"}, InvalidInput, "no target 'moon'"),
        ({"target": "endpoint"}, InvalidInput, "cannot be asked through its endpoint: it has artifact"),
        ({"settings": {"rows": "many"}}, InvalidInput, "rows must be a whole number from 1,000"),
        ({"seed": -1}, InvalidInput, "seed must be a whole number"),
        ({"model": "ships"}, NotFound, "ships"),
        ({"inference_id": "r999"}, NotFound, "r999"),
        ({"version": "9"}, NotFound, "r3"),
    ],
)
def test_what_cannot_be_explained_says_why(service, register, capture, reference, asked, error, said):
    register()
    reference()
    capture()
    with pytest.raises(error, match=said):
        service.explain(**{"model": "flights", "inference_id": "r3", "method": "shap", **asked})


def test_a_version_with_neither_artifact_nor_endpoint_says_so(service, register, capture, reference):
    register(name=None)
    reference()
    capture()
    with pytest.raises(InvalidInput, match=r"neither artifact nor endpoint; register"):
        service.explain("flights", "r3")


def test_a_multiclass_row_is_explained_for_the_class_that_was_predicted(service, store, artifact, schema, capture):
    several = ModelSchema(model="kinds", task=Task.MULTICLASS, features=schema.features, classes=("a", "b", "c"))
    store.catalog.put_model(Model(name="kinds", schema=several, settings=Settings(), created=START))
    store.catalog.put_version(Version(model="kinds", version="1", created=START, artifact=artifact("Classes")))
    capture(model="kinds", prediction="c")
    found = service.explain("kinds", "r20", "shap")
    assert found.output == "probability of c"
    assert found.prediction == 0.5
    assert set(found.attributions.values()) == {0.0}


def test_a_served_endpoint_is_explained_without_the_artifact(service, register, capture, reference, v2_server):
    register(endpoint={"url": v2_server.url, "dialect": "v2"})
    reference()
    capture()
    found = service.explain("flights", "r3", "shap", target="endpoint", settings={"rows": 2_000})
    row = make_rows(30, 5)
    assert found.prediction == pytest.approx(0.5 + row["delay"][3] / 100)
    assert found.attributions["delay"] == pytest.approx(found.prediction - found.base_value)
    assert found.settings == {"rows": 2_000, "target": "endpoint"}
    assert all(headers["watchglass-probe"] == "1" for headers, _ in v2_server.requests)
    default = service.explain("flights", "r3", "lime", target="endpoint")
    assert default.quality["rows_used"] == 5_000
    assert abs(default.attributions["delay"]) > 10 * abs(default.attributions["seats"])

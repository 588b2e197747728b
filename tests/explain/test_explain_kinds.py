"""Texts, images and sequences from capture to explanation: what is stored is asked again, part by part."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import torch
import zoo_kinds

from explain.request import Asked
from explain.service import ExplainService
from monitor.clock import ManualClock
from monitor.config import Config
from monitor.config.settings import ExplainConfig
from monitor.errors import InvalidInput
from monitor.schema import conform
from monitor.store import Store
from monitor.types import Feature, Inference, Keep, Kind, Model, ModelSchema, Settings, Task, Version

START = datetime(2013, 5, 1, tzinfo=UTC)
CLASSES = ("TextGru", "TextTransformer", "ImageCnn", "Sequences")
DIGITS = tuple("0123456789")
SCHEMAS = {
    "TextGru": (Feature(name="text", kind=Kind.TEXT), Task.BINARY, ("bad", "good")),
    "TextTransformer": (Feature(name="text", kind=Kind.TEXT), Task.BINARY, ("bad", "good")),
    "ImageCnn": (Feature(name="image", kind=Kind.IMAGE, absent="0"), Task.MULTICLASS, DIGITS),
    "Sequences": (Feature(name="sensors", kind=Kind.SEQUENCE, store=Keep.FULL), Task.BINARY, ("runs", "fails")),
}


@pytest.fixture(scope="session")
def modules():
    """One trained module of every class, and rows it never saw with their truth."""
    texts, good = zoo_kinds.reviews(800)
    words = torch.from_numpy(zoo_kinds.tokens(texts))
    images, shown = zoo_kinds.digits()
    pixels = torch.from_numpy(images.astype(np.float32) / 16)[:, None]
    series, hot = zoo_kinds.machines(600)
    sensors = torch.from_numpy(series.astype(np.float32)).transpose(1, 2)
    unseen = zoo_kinds.reviews(60, seed=1)
    return {
        "TextGru": (zoo_kinds.trained(zoo_kinds.TextGru, words, good, 120), *unseen),
        "TextTransformer": (zoo_kinds.trained(zoo_kinds.TextTransformer, words, good, 120), *unseen),
        "ImageCnn": (zoo_kinds.trained(zoo_kinds.ImageCnn, pixels[:-60], shown[:-60]), images[-60:], shown[-60:]),
        "Sequences": (zoo_kinds.trained(zoo_kinds.Sequences, sensors, hot), *zoo_kinds.machines(60, seed=1)),
    }  # fmt: skip


@pytest.fixture(scope="module")
def service(modules, tmp_path_factory):
    """A store with sixty captured rows of each model, and a service that explains them."""
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("kinds")
    names = tuple(f"zoo_kinds:{name}" for name in CLASSES)
    with Store.open(":memory:") as store:
        for name, (module, rows, _) in modules.items():
            feature, task, classes = SCHEMAS[name]
            schema = ModelSchema(model=name.lower(), task=task, features=(feature,), classes=classes)
            store.catalog.put_model(Model(name=schema.model, schema=schema, settings=Settings(), created=START))
            save_file(module.state_dict(), folder / f"{name}.safetensors")
            (folder / f"{name}.json").write_text(json.dumps({}))
            spec = {"adapter": "torch", "class": f"zoo_kinds:{name}", "weights": str(folder / f"{name}.safetensors"),
                    "config": str(folder / f"{name}.json")}  # fmt: skip
            store.catalog.put_version(Version(model=schema.model, version="1", created=START, artifact=spec))
            column = np.empty(len(rows), dtype=object)
            column[:] = list(rows)
            scores = module.predict({feature.name: column if feature.kind is Kind.TEXT else np.stack(rows)})
            _capture(store, schema, rows, scores)
        made = ExplainService(store, Config(explain=ExplainConfig(classes=names)), ManualClock(START))
        yield made
        made.close()


def _capture(store, schema, rows, scores):
    several = scores.ndim == 2
    batch = conform(
        [
            Inference(
                id=f"r{at}",
                time=START + timedelta(minutes=at),
                features={schema.features[0].name: row if isinstance(row, str) else row.tolist()},
                scores=tuple(scores[at]) if several else (float(scores[at]),),
                prediction=schema.classes[int(scores[at].argmax())] if several else None,
            )
            for at, row in enumerate(rows)
        ],
        schema,
        source="test",
        now=START + timedelta(days=1),
    ).batch
    store.rows.commit(schema.model, batch, None)


def explained(service, name, at):
    return service.explain(name.lower(), f"r{at}", "shapley", settings={"tolerance": 60})


def sure(module, name, rows, truth, wanted):
    """Return the first rows, after a few for the background, that are of a kind and that the model gets right."""
    feature = SCHEMAS[name][0].name
    column = np.empty(len(rows), dtype=object)
    column[:] = list(rows)
    answers = module.predict({feature: column})
    said = answers.argmax(axis=1) if answers.ndim == 2 else answers > 0.5
    return [at for at in range(20, len(rows)) if truth[at] == wanted and said[at] == wanted][:2]


@pytest.mark.parametrize("name", CLASSES)
def test_the_models_learned_what_they_are_asked(modules, name):
    module, rows, truth = modules[name]
    right = sum(len(sure(module, name, rows, truth, wanted)) for wanted in (0, 1))
    assert right == 4


@pytest.mark.parametrize("name", CLASSES)
def test_parts_add_up_to_what_was_served(service, name):
    found = explained(service, name, 30)
    (total,) = found.attributions.values()
    assert found.base_value + total == pytest.approx(found.prediction, abs=1e-9)
    assert sum(part.amount for part in found.parts) == pytest.approx(total, abs=1e-9)
    assert found.quality["served_gap"] in (None, pytest.approx(0, abs=1e-6))
    assert found.quality["players"] == len(found.parts) > 3
    assert all(part.error is not None for part in found.parts)
    assert found.quality["absent"]


@pytest.mark.parametrize("name", ["TextGru", "TextTransformer"])
def test_the_words_that_decide_a_review_weigh_most(service, modules, name):
    module, texts, good = modules[name]
    for wanted, decisive in ((1, zoo_kinds.GOOD), (0, zoo_kinds.BAD)):
        for at in sure(module, name, texts, good, wanted):
            parts = explained(service, name, at).parts
            assert [texts[at][slice(*part.place)] for part in parts] == [part.label for part in parts]
            top = max(parts, key=lambda part: part.amount * (1 if wanted else -1))
            assert top.label in decisive
            plain = [abs(part.amount) for part in parts if part.label in zoo_kinds.PLAIN]
            assert np.mean(plain) < abs(top.amount) / 3


def test_the_segments_of_a_digit_cover_it_and_taking_the_best_away_changes_the_answer_most(service, modules):
    module, images, shown = modules["ImageCnn"]
    (at, _) = sure(module, "ImageCnn", images, shown, 0)
    found = explained(service, "ImageCnn", at)
    assert found.output == "probability of 0"
    by_amount = sorted(found.parts, key=lambda part: -part.amount)

    def without(parts):
        flat = images[at].ravel().copy()
        for part in parts:
            for first, length in zip(part.place[::2], part.place[1::2], strict=True):
                flat[first : first + length] = 0
        return module.predict({"image": flat.reshape(1, 8, 8)})[0, 0]

    assert without(found.parts) == pytest.approx(found.base_value, abs=1e-6), "all that is not black is a segment"
    assert without(by_amount[:3]) < without(by_amount[-3:]) - 0.3


def test_every_class_of_a_digit_is_explained_in_the_same_pass(service):
    found = explained(service, "ImageCnn", 31)
    assert set(found.outputs) == set(DIGITS)
    assert sum(each["image"] for each in found.outputs.values()) == pytest.approx(0, abs=1e-5), "probabilities sum to 1"
    assert found.outputs[found.output.removeprefix("probability of ")] == pytest.approx(found.attributions)


def test_the_sensor_and_the_hours_that_decide_weigh_most(service, modules):
    module, series, hot = modules["Sequences"]
    for at in sure(module, "Sequences", series, hot, 1):
        parts = explained(service, "Sequences", at).parts
        late = [part for part in parts if part.place[0] >= 18 and part.place[2] == 1]
        others = [part for part in parts if part.place[1] <= 18 or part.place[2] != 1]
        assert sum(part.amount for part in late) > 3 * abs(sum(part.amount for part in others))
        assert {part.place[2] for part in parts} == {0, 1, 2}
        assert max(part.place[1] for part in parts) == 24


def test_the_background_is_the_captured_rows_before(service):
    found = explained(service, "Sequences", 40)
    assert found.quality["background_source"] == "captured rows of version 1"
    assert found.quality["absent"] == "steps of background rows"


@pytest.mark.parametrize("name", CLASSES)
def test_the_very_first_row_is_explained_without_any_other(service, name):
    """Its parts have an absent value of their own."""
    found = explained(service, name, 0)
    (total,) = found.attributions.values()
    assert total
    assert found.base_value + total == pytest.approx(found.prediction, abs=1e-9)
    assert sum(part.amount for part in found.parts) == pytest.approx(total, abs=1e-9)
    assert "no reference" in found.quality["background_source"]
    assert "background" not in found.quality["absent"]
    assert service.explain(name.lower(), "r0", settings={"tolerance": 60}).id == found.id, "chosen by itself, too"


def test_what_compares_with_other_rows_says_that_there_are_none(service):
    said = r"compares with other rows, and there are no.*Register a reference, or use shapley"
    with pytest.raises(InvalidInput, match=said):
        service.explain("sequences", "r0", "shap_permutation")
    other = service.trying.counterfactual(Asked(model="textgru", inference_id="r0", method="shapley"))
    # A text loses words of its own: that needs no other row.
    assert (other.before >= 0.5) != (other.after >= 0.5)
    own = service.explain("textgru", "r0").values["text"]
    assert Counter(str(other.changes["text"]).split()) < Counter(str(own).split())


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_model_computes_where_the_adapter_put_it(device, modules, monkeypatch):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("NO GPU HERE: explanations on CUDA are not tested by this run")
    from explain.models import torch as adapters

    monkeypatch.setattr(adapters, "best_device", lambda: device)
    module, images, _ = modules["ImageCnn"]
    expected = module.predict({"image": images[:3]})
    model = adapters.TorchAdapter(zoo_kinds.ImageCnn.from_config({}), Task.MULTICLASS)
    model._module.load_state_dict(module.state_dict())
    np.testing.assert_allclose(model.predict({"image": images[:3]}), expected, atol=1e-4)
    assert next(model._module.parameters()).device.type == device == model.device


def test_a_segment_is_called_by_its_place_and_no_two_are_called_alike(service):
    labels = [part.label for part in explained(service, "ImageCnn", 30).parts]
    assert len(set(labels)) == len(labels) > 3
    assert all(re.fullmatch(r"(upper|lower|centre|left|right)( (left|right))?( \d+)?", label) for label in labels)


def test_what_if_says_how_large_an_image_was_asked_not_all_its_numbers(service):
    asked = Asked(model="imagecnn", inference_id="r30")
    found = service.trying.what_if(asked, {"image": np.zeros((8, 8)).tolist()})
    assert found.changes == {"image": "8 × 8 numbers"}
    assert found.before != found.after

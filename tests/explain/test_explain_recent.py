"""A question that was answered is known again, and only while everything that its answer follows from is the same."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from explain import recent
from explain.files import file_digest
from explain.recent import Recent
from explain.request import Asked, Requests
from monitor.errors import InvalidInput

QUESTION = Asked(model="flights", inference_id="r3", method="lime", version="1", seed=1, settings={"rows": 2_000})


@pytest.fixture
def known(store, register, capture, reference):
    """The questions lately answered, `QUESTION` being one; its request; and the specification of the model."""
    spec = register(endpoint={"url": "http://127.0.0.1:9/v2/models/flights/infer", "dialect": "v2"})
    reference()
    capture()
    capture(version="2", seed=6)
    request, kept = Requests(store, 60).make(QUESTION), Recent(store)
    assert kept.fingerprint(QUESTION) is None
    kept.keep(QUESTION, request)
    return kept, request, spec


def test_the_same_question_has_the_fingerprint_of_its_request(known):
    kept, request, _ = known
    assert kept.fingerprint(replace(QUESTION, settings={"rows": 2_000})) == request.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        {"inference_id": "r4"},
        {"method": "shapley"},
        {"version": "2"},
        {"version": None},
        {"seed": 2},
        {"seed": True},
        {"target": "endpoint"},
        {"settings": {"rows": 2_001}},
        {"settings": {"rows": "2000"}},
        {"settings": None},
        {"cohort": "carrier"},
    ],
    ids=str,
)
def test_another_question_is_not_known(known, other):
    assert known[0].fingerprint(replace(QUESTION, **other)) is None


def write_other_weights(store, spec, artifact, reference):
    """The file of the model, in its place, with other numbers in it."""
    other = artifact("Network", seed=99)
    Path(spec["weights"]).write_bytes(Path(other["weights"]).read_bytes())


def register_another_file(store, spec, artifact, reference):
    """The version, with another file."""
    store.catalog.put_version(replace(store.catalog.version("flights", "1"), artifact=artifact("Network", seed=99)))


def register_another_reference(store, spec, artifact, reference):
    """Reference rows that the background is of."""
    reference(seed=10)


def register_a_reference_of_another_version(store, spec, artifact, reference):
    """Reference rows that may be the background of versions without their own."""
    register = replace(store.catalog.version("flights", "1"), version="2")
    store.catalog.put_version(register)
    reference(version="2")


def change_the_schema(store, spec, artifact, reference):
    """The schema: two columns become one player."""
    model = store.catalog.model("flights")
    features = [
        replace(each, group="plane") if each.name in ("seats", "spare") else each for each in model.schema.features
    ]
    store.catalog.put_model(replace(model, schema=replace(model.schema, features=tuple(features))))


@pytest.mark.parametrize(
    "change",
    [
        write_other_weights,
        register_another_file,
        register_another_reference,
        register_a_reference_of_another_version,
        change_the_schema,
    ],
    ids=lambda change: change.__name__,
)
def test_a_question_is_not_known_any_more_once_its_answer_would_be_another(known, store, artifact, reference, change):
    kept, request, spec = known
    change(store, spec, artifact, reference)
    assert kept.fingerprint(QUESTION) is None
    again = Requests(store, 60).make(QUESTION)
    kept.keep(QUESTION, again)
    assert kept.fingerprint(QUESTION) == again.fingerprint
    if change is not register_a_reference_of_another_version:
        assert again.fingerprint != request.fingerprint


def test_a_question_that_names_no_version_is_not_kept(known, store):
    """The same id of another version may be captured at any time."""
    kept, _, _ = known
    open_question = replace(QUESTION, inference_id="r5", version=None)
    kept.keep(open_question, Requests(store, 60).make(replace(open_question, version="1")))
    assert kept.fingerprint(open_question) is None


def test_those_not_asked_again_for_longest_are_forgotten(known, monkeypatch):
    kept, request, _ = known
    monkeypatch.setattr(recent, "REMEMBERED", 2)
    second, third = (replace(QUESTION, seed=seed) for seed in (2, 3))
    kept.keep(second, request)
    assert kept.fingerprint(QUESTION) is not None
    kept.keep(third, request)
    assert [kept.fingerprint(each) is not None for each in (QUESTION, second, third)] == [True, False, True]


def test_a_model_file_that_was_replaced_is_not_explained_where_the_registered_one_is_named(
    service, store, register, capture, reference, artifact
):
    spec = register()
    sha = hashlib.sha256(Path(spec["weights"]).read_bytes()).hexdigest()
    known = store.catalog.version("flights", "1")
    store.catalog.put_version(replace(known, artifact={**spec, "sha256": sha}))
    reference()
    capture()
    asked = {"method": "lime", "version": "1", "settings": {"rows": 1_000}}
    assert service.explain("flights", "r3", **asked).attributions
    kept = Path(spec["weights"]).read_bytes()
    Path(spec["weights"]).write_bytes(Path(artifact("Network", seed=99)["weights"]).read_bytes())
    for _ in range(2):
        with pytest.raises(InvalidInput, match=f"is not the one that was registered.*says {sha}.*Put that file back"):
            service.explain("flights", "r3", **asked)
    Path(spec["weights"]).write_bytes(kept)
    assert service.explain("flights", "r3", **asked).attributions


def test_a_file_of_the_same_length_and_time_is_seen_to_be_another(tmp_path):
    """Tools that copy files set their times to those of the original."""
    path = tmp_path / "model"
    path.write_bytes(b"one")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    assert file_digest(str(path), "model") == hashlib.sha256(b"one").digest()
    path.write_bytes(b"two")
    os.utime(path, ns=times)
    assert file_digest(str(path), "model") == hashlib.sha256(b"two").digest()


def test_an_answer_of_a_model_file_that_was_replaced_is_never_served(
    service, store, register, capture, reference, artifact
):
    """Asked often enough that the short way to the stored answer is taken, before and after."""
    spec = register()
    reference()
    capture()

    def answers():
        return [service.explain("flights", "r3", "lime", version="1", settings={"rows": 1_000}) for _ in range(3)]

    first = answers()
    assert len({each.id for each in first}) == 1
    write_other_weights(store, spec, artifact, reference)
    second = answers()
    assert len({each.id for each in second}) == 1
    assert second[0].model_hash != first[0].model_hash
    assert second[0].attributions != first[0].attributions

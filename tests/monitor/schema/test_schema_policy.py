"""Images, embeddings, sequences, texts: what was sent is read back, and what is not kept is profiled alike."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.collectors.pairing import pair
from monitor.collectors.v1 import V1
from monitor.collectors.v2 import V2
from monitor.profile.build import profile
from monitor.profile.freeze import make_binning
from monitor.schema import Conformed, conform, conform_table
from monitor.schema.held import of_row, restored, summarised
from monitor.schema.policy import ARRAY_BYTES, TEXT_BYTES
from monitor.types import Feature, Inference, Keep, Kind, ModelSchema, Task

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
KINDS = {"img": Kind.IMAGE, "emb": Kind.EMBEDDING, "seq": Kind.SEQUENCE, "note": Kind.TEXT}


def schema(store: Keep | None = Keep.FULL, **kinds: Kind) -> ModelSchema:
    features = tuple(Feature(name=name, kind=kind, store=store) for name, kind in (kinds or KINDS).items())
    return ModelSchema(model="m", task=Task.REGRESSION, features=features)


def taken(rows: list[dict[str, object]], of: ModelSchema) -> Conformed:
    sent = [Inference(id=f"r{place}", time=NOW, features=row, prediction=1.0) for place, row in enumerate(rows)]
    return conform(sent, of, source="http", now=NOW)


def back(conformed: Conformed, of: ModelSchema) -> list[dict[str, object]]:
    names = [feature.name for feature in of.features]
    return [{name: restored(row, of)[name] for name in names} for row in conformed.batch.to_pylist()]


numbers = st.floats(allow_nan=False, width=64)
VALUES = {
    "img": st.one_of(
        st.binary(min_size=1, max_size=40).map(lambda content: base64.b64encode(content).decode()),
        st.lists(st.lists(st.integers(0, 255), min_size=3, max_size=3), min_size=1, max_size=5),
        st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=1, max_size=4),
        st.lists(st.lists(st.integers(-(2**62), 2**62), min_size=2, max_size=2), min_size=1, max_size=4),
        st.text(st.characters(codec="utf-8"), max_size=20),
    ),
    "emb": st.lists(numbers, max_size=8),
    "seq": st.one_of(
        st.lists(numbers, max_size=9),
        st.integers(1, 3).flatmap(
            lambda width: st.lists(
                st.lists(st.one_of(numbers, st.none()), min_size=width, max_size=width), min_size=1, max_size=5
            )
        ),
    ),
    "note": st.text(st.characters(codec="utf-8"), max_size=30),
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.one_of(st.none(), value) for name, value in VALUES.items()}), max_size=6
)


@given(rows=ROWS)
@settings(max_examples=60, deadline=None)
def test_what_was_sent_is_what_is_read_back(rows: list[dict[str, object]]) -> None:
    of = schema()
    conformed = taken(rows, of)
    assert back(conformed, of) == rows
    assert not any("retyped" in flag for flags in conformed.batch["_flags"].to_pylist() for flag in flags)


@given(rows=ROWS.filter(bool))
@settings(max_examples=40, deadline=None)
def test_whatever_is_kept_profiles_and_hashes_are_the_same_to_the_byte(rows: list[dict[str, object]]) -> None:
    full = taken(rows, schema()).batch
    binning = make_binning(taken([*rows, *rows], schema()).batch, schema())
    found = profile(full, schema(), binning)
    for store in (None, Keep.SUMMARY, Keep.SAMPLED):
        of = schema(store)
        batch = taken(rows, of).batch
        assert make_binning(taken([*rows, *rows], of).batch, of).to_json() == binning.to_json()
        assert profile(batch, of, binning).equals(found)
        assert batch["_hash"].equals(full["_hash"])


def test_a_summary_says_what_the_value_was() -> None:
    of = schema(Keep.SUMMARY, img=Kind.IMAGE, seq=Kind.SEQUENCE, note=Kind.TEXT)
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    row = taken([{"img": image.tolist(), "seq": [[3.0, 4.0], [None, 0.0]], "note": "été"}], of).batch.to_pylist()[0]
    found = of_row(row)
    assert [row[name] for name in ("img", "seq", "note")] == [None, None, None]
    assert found["img"]["sha256"] == hashlib.sha256(image.tobytes()).hexdigest()
    assert (found["img"]["shape"], found["img"]["dtype"], found["img"]["bytes"]) == ([2, 4, 3], "uint8", 24)
    assert found["img"]["mean"] == pytest.approx(image.mean())
    assert found["img"]["std"] == pytest.approx(image.std())
    assert (found["seq"]["shape"], found["seq"]["norm"], found["seq"]["non_finite"]) == ([2, 2], 5.0, 0.25)
    assert (found["note"]["size"], found["note"]["bytes"]) == (3, 5)
    assert summarised(row, of) == ["img", "seq", "note"]


def test_by_default_values_are_kept_up_to_a_size_and_a_share_of_ids_when_sampled() -> None:
    of = schema(None, emb=Kind.EMBEDDING, note=Kind.TEXT)
    most = ARRAY_BYTES // 8
    rows: list[dict[str, object]] = [
        {"emb": [0.5] * most, "note": "a" * TEXT_BYTES},
        {"emb": [0.5] * (most + 1), "note": "a" * (TEXT_BYTES + 1)},
    ]
    kept = [[row[name] is not None for name in ("emb", "note")] for row in taken(rows, of).batch.to_pylist()]
    assert kept == [[True, True], [False, False]]
    some = taken([{"emb": [1.0], "note": "x"}] * 2_000, replace(of, features=schema(Keep.SAMPLED).features[1:]))
    present = [row["emb"] is not None for row in some.batch.to_pylist()]
    assert 5 <= sum(present) <= 45


@pytest.mark.parametrize("shape", [(8, 8), (4, 4, 3), (40, 60, 3)])
def test_an_image_tensor_is_one_column_in_every_dialect(shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (2, *shape))
    tensor = {"name": "img", "shape": list(image.shape), "datatype": "UINT8"}
    flat = {"inputs": [tensor | {"data": image.ravel().tolist()}]}
    nested = {"inputs": [tensor | {"data": image.tolist()}]}
    head = json.dumps({"inputs": [tensor | {"parameters": {"binary_data_size": image.size}}]}).encode()
    bodies: list[tuple[V1 | V2, bytes, dict[str, str]]] = [
        (V2(), json.dumps(flat).encode(), {}),
        (V2(), json.dumps(nested).encode(), {}),
        (V2(), head + image.astype(np.uint8).tobytes(), {"inference-header-content-length": str(len(head))}),
        (V1(), json.dumps({"instances": [{"img": each} for each in image.tolist()]}).encode(), {}),
        (V1(), json.dumps({"inputs": {"img": image.tolist()}}).encode(), {}),
    ]
    (answer,) = V2().parse(b'{"outputs": [{"name": "y", "shape": [2], "datatype": "FP64", "data": [1, 2]}]}', {})
    of = schema(img=Kind.IMAGE)
    for collector, body, headers in bodies:
        (asked,) = collector.parse(body, headers)
        rows = pair(asked, answer, task=Task.REGRESSION)  # type: ignore[arg-type]
        assert [list(row.features) for row in rows] == [["img"], ["img"]]
        conformed = conform(rows, of, source="http", now=NOW)
        assert back(conformed, of) == [{"img": each} for each in image.tolist()]


def test_bytes_of_an_image_are_the_same_from_json_binary_and_arrow() -> None:
    of, text = schema(img=Kind.IMAGE), base64.b64encode(PNG).decode()
    element = len(PNG).to_bytes(4, "little") + PNG
    tensor = {"name": "img", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(element)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    (v2,) = V2().parse(head + element, {"inference-header-content-length": str(len(head))})
    (v1,) = V1().parse(json.dumps({"instances": [{"img": {"b64": text}}]}).encode(), {})
    arrow = conform_table(pa.table({"img": pa.array([PNG], pa.binary())}), of, source="http", now=NOW)
    for held in (v1.columns, v2.columns):  # type: ignore[union-attr]
        assert taken([{"img": held["img"][0]}], of).batch["img"].to_pylist() == [PNG]
    assert arrow.batch["img"].to_pylist() == [PNG]


def test_a_narrow_matrix_is_the_declared_embedding_again() -> None:
    of = schema(emb=Kind.EMBEDDING)
    (asked,) = V2().parse(
        b'{"inputs": [{"name": "emb", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6]}]}', {}
    )
    (answer,) = V2().parse(b'{"outputs": [{"name": "y", "shape": [2], "datatype": "FP64", "data": [1, 2]}]}', {})
    rows = pair(asked, answer, task=Task.REGRESSION)  # type: ignore[arg-type]
    conformed = conform(rows, of, source="http", now=NOW)
    assert back(conformed, of) == [{"emb": [1.0, 2.0, 3.0]}, {"emb": [4.0, 5.0, 6.0]}]
    assert conformed.batch["_extra"].null_count == 2


def test_a_wide_tensor_that_nobody_declared_is_one_summary_and_no_columns() -> None:
    of = ModelSchema(model="m", task=Task.REGRESSION, features=(Feature(name="x", kind=Kind.NUMERIC),))
    batch = taken([{"x": 1.0, "pixels": np.zeros((64, 64, 3)).tolist()}], of).batch
    extra = json.loads(batch["_extra"][0].as_py())
    assert batch["_flags"].to_pylist() == [["new:pixels"]]
    assert extra["pixels"]["summary"]["shape"] == [64, 64, 3]
    assert len(batch["_extra"][0].as_py()) < 500


@pytest.mark.parametrize("value", [[[1.0], [2.0, 3.0]], [["a"]], 5, {"a": 1}, [[1.0], None]])
def test_what_is_no_array_is_flagged_and_kept_aside(value: object) -> None:
    of = schema(seq=Kind.SEQUENCE)
    batch = taken([{"seq": value}], of).batch
    assert batch["_flags"].to_pylist() == [["retyped:seq"]]
    assert json.loads(batch["_extra"][0].as_py()) == {"seq": value}
    assert batch["seq"].to_pylist() == [None]


def test_the_same_numbers_in_another_shape_are_other_content() -> None:
    of = schema(seq=Kind.SEQUENCE)
    hashes = taken([{"seq": [[1.0, 2.0], [3.0, 4.0]]}, {"seq": [[1.0], [2.0], [3.0], [4.0]]}], of).batch["_hash"]
    assert hashes[0] != hashes[1]

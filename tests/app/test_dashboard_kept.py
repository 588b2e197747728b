"""Pages of a model that keeps a share of its rows, whose inputs are images, sequences and embeddings."""

import base64
import struct
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import streamlit

from app.data.shown import lines, picture
from app.runtime import Runtime, set_runtime
from monitor.config import Config
from monitor.schema import conform, conform_reference
from monitor.types import Feature, Inference, Keep, Kind, Model, ModelSchema, Sampling, Settings, Task, Window
from tests.app.test_dashboard_views import texts, visit

if TYPE_CHECKING:
    import pyarrow as pa

START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = {"start": "2026-01-05T00:00Z", "end": "2026-01-06T00:00Z"}
FEATURES = (
    Feature(name="photo", kind=Kind.IMAGE),
    Feature(name="pixels", kind=Kind.IMAGE),
    Feature(name="pulse", kind=Kind.SEQUENCE),
    Feature(name="face", kind=Kind.EMBEDDING, store=Keep.SUMMARY),
    Feature(name="note", kind=Kind.TEXT),
)
SCHEMA = ModelSchema(model="shapes", task=Task.REGRESSION, features=FEATURES)


def png() -> bytes:
    """A picture of two by two pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    pixels = zlib.compress(b"".join(b"\0" + bytes([255, 0, 0, 0, 0, 255]) for _ in range(2)))
    head = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def row(number: int) -> Inference:
    rng = np.random.default_rng(number)
    features = {
        "photo": base64.b64encode(png()).decode(),
        "pixels": rng.integers(0, 255, (8, 8, 3)).tolist(),
        "pulse": rng.normal(size=(30, 2)).tolist(),
        "face": rng.normal(size=384).tolist(),
        "note": "<script>alert(1)</script> **bold**",
    }
    return Inference(
        id=f"r{number}", time=START + timedelta(minutes=number), features=features, prediction=float(rng.normal())
    )


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runtime, str, str]]:
    """A model that keeps one row in five; with the id of a row kept, and of one that is not."""
    folder: Path = tmp_path_factory.mktemp("kept")
    with_clock = Runtime.open(Config(data_dir=folder, clock="manual"))
    with_clock.clock.advance(START + timedelta(days=1))  # type: ignore[attr-defined] # a manual clock was asked for
    settings = Settings(sampling=Sampling(rate=0.2))
    with_clock.store.catalog.put_model(Model(name="shapes", schema=SCHEMA, settings=settings, created=START))
    with_clock.ingest.start()
    now = START + timedelta(days=1)
    batch = conform([row(number) for number in range(200)], SCHEMA, source="http", now=now)
    columns = [name for name in batch.batch.column_names if not name.startswith("_")]
    reference: pa.Table = conform_reference(batch.batch.select(columns), SCHEMA, now=now)
    with_clock.ingest.register_reference("shapes", "1", reference, Window(START, now))
    with_clock.ingest.submit("shapes", batch, source="http", received=200).result()
    with_clock.ingest.thin()
    found = set(with_clock.store.rows.inferences("shapes", limit=1000)["_id"].to_pylist())
    ids = [f"r{number}" for number in range(200)]
    yield (
        with_clock,
        next(name for name in ids if name in found),
        next(name for name in ids if name not in found),
    )
    with_clock.ingest.stop()
    with_clock.close()


@pytest.fixture
def shown(kept: tuple[Runtime, str, str]) -> Iterator[tuple[Runtime, str, str]]:
    set_runtime(kept[0])
    streamlit.cache_data.clear()
    yield kept
    streamlit.cache_data.clear()


def test_the_pages_say_how_many_rows_are_kept_and_what_counts_cover(shown: tuple[Runtime, str, str]) -> None:
    counted = shown[0].store.thinning.counts("shapes")
    assert counted.stored == 200
    for view in ("model", "predictions"):
        said = texts(visit(view, model="shapes", **DAYS))
        assert f"1 in {round(200 / counted.kept)} rows kept" in said, view
        assert "asked 20.0 %" in said, view
        assert "counts and charts cover all 200" in said, view


def test_one_prediction_shows_its_picture_its_line_and_what_an_embedding_is(shown: tuple[Runtime, str, str]) -> None:
    page = visit("prediction", model="shapes", id=shown[1])
    said = texts(page)
    assert "What was it given?" in said
    assert "384 numbers, norm" in said
    assert "only this summary is kept" in said
    assert "30 × 2 numbers" in said
    assert "8 × 8 × 3 uint8" in said
    kinds = [element.type for element in page.main]
    assert (kinds.count("image"), kinds.count("vega_lite_chart")) == (2, 1)


def test_a_row_that_is_not_kept_says_so(shown: tuple[Runtime, str, str]) -> None:
    said = texts(visit("prediction", model="shapes", id=shown[2]))
    assert "was not kept" in said
    assert "settings.sampling.rate" in said


def test_the_list_of_predictions_describes_values_of_many_numbers(shown: tuple[Runtime, str, str]) -> None:
    table = visit("predictions", model="shapes", **DAYS).dataframe[0].value
    assert set(table["pixels"].str.slice(0, 15)) == {"8 × 8 × 3 uint8"}
    assert table["face"].str.contains("384 numbers, norm").all()


@pytest.mark.parametrize(
    ("shape", "drawn"),
    [((4, 5), (4, 5)), ((4, 5, 1), (4, 5)), ((1, 4, 5), (4, 5)), ((3, 4, 5), (4, 5, 3)), ((1, 4, 5, 3), (4, 5, 3)),
     ((5, 5, 7), None), ((9,), None)],
)  # fmt: skip
def test_arrays_that_are_pictures_are_drawn_and_no_others(
    shape: tuple[int, ...], drawn: tuple[int, ...] | None
) -> None:
    feature = Feature(name="img", kind=Kind.IMAGE)
    array = np.random.default_rng(0).normal(size=shape)
    schema = ModelSchema(model="m", task=Task.REGRESSION, features=(feature,))
    sent = Inference(id="a", time=START, features={"img": array.tolist()}, prediction=1.0)
    found = picture(feature, conform([sent], schema, source="http", now=START).batch.to_pylist()[0])
    assert (None if not isinstance(found, np.ndarray) else found.shape) == drawn
    if isinstance(found, np.ndarray):
        assert (found.min(), found.max()) == (0, 255)


def test_a_long_sequence_is_drawn_with_bounded_points() -> None:
    feature = Feature(name="s", kind=Kind.SEQUENCE)
    drawn = lines(feature, {"s": [float(number) for number in range(12_345)]})
    assert drawn is not None
    assert len(drawn) <= 5_000
    assert lines(feature, {"s": [1.0]}) is None

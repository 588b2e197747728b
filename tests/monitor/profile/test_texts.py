"""What is told of texts without a model: figures by their definitions, and drift of each kind shows in its own."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from monitor.profile import Binning, ColumnProfile, make_binning, merge, profile, read
from monitor.profile.text_bins import with_texts
from monitor.profile.texts import FIGURES, Usual, figure, figures
from monitor.types import Feature, Kind, ModelSchema, Task

SCHEMA = ModelSchema(
    model="m",
    task=Task.BINARY,
    classes=("no", "yes"),
    features=(Feature(name="note", kind=Kind.TEXT), Feature(name="x", kind=Kind.NUMERIC)),
)
WORDS = "the cat sat on a mat and saw that it was good for every dog in town we met".split()  # noqa: SIM905 - words
GERMAN = "der hund und die katze sassen auf dem teppich weil es schön war".split()  # noqa: SIM905 - words


def texts(rows, seed=0, words=WORDS):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(words, rng.integers(5, 15))) for _ in range(rows)]


def batch(notes, seed=0):
    rows = len(notes)
    return pa.table(
        {
            "_id": [f"{seed}-{at}" for at in range(rows)],
            "_version": ["1"] * rows,
            "_time": pa.array(np.arange(rows) * 1_000_000, pa.timestamp("us", tz="UTC")),
            "_score": np.random.default_rng(seed).random(rows),
            "note": pa.array(notes, pa.string()),
            "x": np.arange(rows, dtype=float),
        }
    )


REFERENCE = batch(texts(2_000))
BINNING = with_texts(make_binning(REFERENCE, SCHEMA), REFERENCE, SCHEMA)


def means(notes, binning=BINNING):
    found = read(profile(batch(notes, 1), SCHEMA, binning), binning, SCHEMA)
    return {name: found[f"note.{name}"].mean for name in FIGURES}


def test_figures_are_shares_by_hand():
    usual = Usual(("the", "cat"), np.array([(ord("t") << 21) | ord("h")]))
    note = pa.array(["The Cat, 12!", None, "", "é"])
    found = {name: figure(note, name, usual).to_pylist() for name in FIGURES}
    assert found["words"] == [3, None, 0, 1]
    assert found["unusual_words"] == [1 / 3, None, None, 1]
    assert found["unusual_pairs"] == [10 / 11, None, None, None]
    assert found["digits"] == [2 / 12, None, None, 0]
    assert found["upper"] == [2 / 12, None, None, 0]
    assert found["punctuation"] == [2 / 12, None, None, 0]
    assert found["non_ascii"] == [0, None, None, 1]


@pytest.mark.parametrize(
    "kind", [pa.array(texts(1_100)), pa.chunked_array([["a b", None], [], ["É 9!"]]), pa.array([1, 2])]
)
@pytest.mark.parametrize("usual", [Usual(), Usual.of(pa.array(texts(200)))])
def test_all_figures_at_once_are_those_one_by_one(kind, usual):
    together = figures(kind, usual)
    assert together.keys() == FIGURES.keys()
    for name, found in together.items():
        assert found.equals(figure(kind, name, usual)), name
        assert len(found) == len(kind)


def test_a_column_called_like_a_figure_of_another_that_is_not_there_is_null():
    features = (
        *SCHEMA.features,
        Feature(name="note.words", kind=Kind.NUMERIC),
        Feature(name="note.b", kind=Kind.NUMERIC),
    )
    schema = replace(SCHEMA, features=features)
    binning = with_texts(make_binning(REFERENCE, schema), REFERENCE, schema)
    found = read(profile(batch(["a b"] * 3), schema, binning), binning, schema)
    assert found["note.b"].nulls == 3
    assert found["note.digits"].nulls == 0


def test_later_texts_like_the_reference_s_are_as_usual_as_these():
    before, after = means(texts(2_000)), means(texts(2_000, seed=9))
    assert after["unusual_words"] == pytest.approx(before["unusual_words"], abs=0.01)
    assert after["unusual_pairs"] == pytest.approx(before["unusual_pairs"], abs=0.01)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("unusual_words", lambda notes: texts(500, 3, GERMAN)),
        ("unusual_pairs", lambda notes: texts(500, 3, GERMAN)),
        ("digits", lambda notes: [f"{note} 2024" for note in notes]),
        ("upper", lambda notes: [note.upper() for note in notes]),
        ("punctuation", lambda notes: [note.replace(" ", "; ") for note in notes]),
        ("non_ascii", lambda notes: [note.replace("a", "á") for note in notes]),
        ("words", lambda notes: [f"{note} {note}" for note in notes]),
    ],
)
def test_each_kind_of_drift_shows_in_its_own_figure(name, change):
    notes = texts(500, seed=4)
    before, after = means(notes), means(change(notes))
    assert after[name] > before[name] + 0.02


def test_splits_and_orders_give_the_same_pieces_and_bins_survive_json():
    again = Binning.from_json(BINNING.to_json())
    assert again.id == BINNING.id
    rows = batch([*texts(300, seed=5), None, "", "🙂" * 40, "x" * 5_000])
    mixed = rows.take(pa.array(np.random.default_rng(0).permutation(rows.num_rows)))
    parts = [profile(part, SCHEMA, again) for part in (mixed.slice(0, 120), mixed.slice(120))]
    assert merge(pa.concat_tables(parts)).equals(merge(profile(rows, SCHEMA, BINNING)))


def test_where_no_text_is_kept_nothing_is_told_and_bins_are_as_they_were():
    silent = batch([None] * 50)
    plain = make_binning(silent, SCHEMA)
    assert with_texts(plain, silent, SCHEMA) is plain


def test_texts_that_are_not_there_later_are_nulls_and_stop_nothing():
    found = read(profile(batch([None] * 20), SCHEMA, BINNING), BINNING, SCHEMA)
    column = found["note.words"]
    assert isinstance(column, ColumnProfile)
    assert column.nulls == 20
    without = profile(batch(["a"] * 3).drop_columns(["note"]), SCHEMA, BINNING)
    assert read(without, BINNING, SCHEMA)["note.digits"].nulls == 3


def test_what_is_learned_and_told_of_many_texts_takes_little_memory():
    """A reference of a hundred thousand long texts must not take the server down, nor ten thousand rows of a day."""
    many = pa.array([" ".join([*texts(4, seed)]) for seed in range(3_000)])
    size = pa.compute.sum(pa.compute.utf8_length(many)).as_py()
    tracemalloc.start()
    usual = Usual.of(many)
    told = figures(many, usual)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * size
    alone = [figure(many.slice(at, 1), "unusual_pairs", usual)[0] for at in (0, 499, 500, 2_999)]
    assert alone == [told["unusual_pairs"][at] for at in (0, 499, 500, 2_999)]


def test_texts_of_ascii_alone_are_told_as_all_texts_are():
    """They are read by a quicker way; one text beyond ASCII sends all of them by the other."""
    printable = [chr(code) for code in range(1, 127)]
    rng = np.random.default_rng(0)
    plain = ["".join(rng.choice(printable, 40)) for _ in range(300)]
    usual = Usual.of(pa.array(plain))
    for name in FIGURES:
        quick = figure(pa.array(plain), name, usual)
        other = figure(pa.array([*plain, "naïve"]), name, usual)
        assert quick.equals(other.slice(0, len(plain))), name


def test_nothing_is_usual_in_no_texts():
    for none in (pa.array([], pa.string()), pa.array([None, None], pa.string())):
        assert Usual.of(none).words == ()
        assert [figure(none, name, Usual()).null_count for name in FIGURES] == [len(none)] * len(FIGURES)

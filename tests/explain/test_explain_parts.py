"""Players beyond one column: groups, words, segments, stretches of time; how they look when some are absent."""

import base64
import io
from itertools import combinations
from math import factorial

import numpy as np
import pytest

from explain.explainers.shapley import Shapley
from explain.players import make_players
from explain.segments import Picture, runs, segmented
from monitor.types import Feature, Kind, ModelSchema, Task


def schema(*features):
    return ModelSchema(model="m", task=Task.REGRESSION, features=features)


def of(feature, own, others):
    """Return the players of one feature, of a row and its background."""
    if feature.kind in (Kind.TEXT, Kind.CATEGORICAL, Kind.SEQUENCE, Kind.IMAGE):
        row, usual = np.empty(1, dtype=object), np.empty(len(others), dtype=object)
        row[0], usual[:] = own, others
    else:
        row, usual = np.array([own]), np.array(others)
    return make_players({feature.name: row}, {feature.name: usual}, schema(feature))


def some(players, *members):
    """Return the columns of the row in which only these players are there, the rest from background row 0."""
    mask = np.zeros((1, players.size), dtype=np.bool_)
    mask[0, list(members)] = True
    return players.mixed(mask, np.zeros(1, dtype=np.intp))


NUMBERS = [
    Feature(name=name, kind=Kind.NUMERIC, group=group) for name, group in (("u", "wind"), ("r", ""), ("v", "wind"))
]


def brute_force(worth, size):
    """Return Shapley values by their definition."""
    values = np.zeros(size)
    for player in range(size):
        others = [each for each in range(size) if each != player]
        for count in range(size):
            share = factorial(count) * factorial(size - count - 1) / factorial(size)
            for members in combinations(others, count):
                values[player] += share * (worth((*members, player)) - worth(members))
    return values


def test_a_group_is_one_player_and_its_columns_come_from_the_same_row():
    row = {"u": np.array([1.0]), "r": np.array([2.0]), "v": np.array([3.0])}
    usual = {"u": np.array([10.0, 20.0]), "r": np.array([2.0, 5.0]), "v": np.array([11.0, 21.0])}
    players = make_players(row, usual, schema(*NUMBERS))
    assert [player.feature for player in players.names] == ["wind", "r"]
    mixed = players.mixed(np.array([[False, True]]), np.array([1]))
    assert (mixed["u"][0], mixed["v"][0], mixed["r"][0]) == (20.0, 21.0, 2.0)
    found = Shapley().explain(lambda c: c["u"] * c["v"] + c["r"], row, usual, schema(*NUMBERS), seed=0)
    assert list(found.attributions) == ["wind", "r"]
    assert found.attributions["wind"] == pytest.approx(1 * 3 - (10 * 11 + 20 * 21) / 2)
    np.testing.assert_array_equal(players.decode(players.background)["u"], usual["u"])


def test_short_texts_are_one_value_beside_other_columns_and_words_alone():
    note, other = Feature(name="note", kind=Kind.TEXT), Feature(name="x", kind=Kind.NUMERIC)
    row = {"note": np.array(["late again"], dtype=object), "x": np.array([1.0])}
    usual = {"note": np.array(["on time"], dtype=object), "x": np.array([2.0])}
    assert [player.label for player in make_players(row, usual, schema(note, other)).names] == ["note", "x"]
    assert [player.label for player in of(note, "late again", ["on time"]).names] == ["late", "again"]


def test_without_background_rows_words_play_and_columns_are_held_and_named():
    note, other = Feature(name="note", kind=Kind.TEXT), Feature(name="x", kind=Kind.NUMERIC)
    vector = Feature(name="v", kind=Kind.EMBEDDING)
    text = " ".join(f"word{at}" for at in range(12))
    row = {"note": np.array([text], dtype=object), "x": np.array([1.0]), "v": np.array([[1.0, 2.0]])}
    players = make_players(row, {name: column[:0] for name, column in row.items()}, schema(note, other, vector))
    assert [player.label for player in players.names] == text.split()
    assert players.unplayable == ("x", "v")
    assert some(players, 3)["x"].tolist() == [1.0]


def test_all_words_are_the_text_byte_by_byte_and_the_owners_token_stands_in():
    text = "  two\t words,\n and  Ü<b> "
    players = of(Feature(name="note", kind=Kind.TEXT), text, [None])
    assert some(players, *range(players.size))["note"][0] == text
    assert some(players, 1)["note"][0] == "words,"
    assert some(players)["note"][0] == ""
    marked = of(Feature(name="note", kind=Kind.TEXT, absent="[MASK]"), text, [None])
    assert some(marked, 0)["note"][0] == "two\t [MASK]\n [MASK]  [MASK]"
    assert players.rows == marked.rows == 1, "what is absent does not depend on the background"


def test_a_long_text_is_cut_into_phrases_of_equal_length():
    words = [f"w{at}" for at in range(130)]
    players = of(Feature(name="note", kind=Kind.TEXT), " ".join(words), [None])
    assert players.size == 44
    assert " ".join(player.label for player in players.names) == " ".join(words)


@pytest.mark.parametrize("shape", [(8, 8), (40, 30), (40, 30, 3), (3, 40, 30), (40, 30, 1)])
def test_the_segments_of_an_image_cover_it_and_do_not_overlap(shape):
    pixels = np.random.default_rng(0).integers(1, 255, shape).astype(np.uint8)
    players = of(Feature(name="image", kind=Kind.IMAGE, absent="0"), pixels.tolist(), [None])
    covered = np.zeros(Picture(pixels).pixels.shape[0] * Picture(pixels).pixels.shape[1], dtype=int)
    for player in players.names:
        for first, length in zip(player.place[::2], player.place[1::2], strict=True):
            covered[first : first + length] += 1
    assert set(covered) == {1}
    assert 12 <= players.size <= 60
    everything = some(players, *range(players.size))["image"]
    np.testing.assert_array_equal(everything[0], pixels)
    assert not some(players)["image"].any()


@pytest.mark.parametrize(("absent", "expected"), [("mean", 100.0), ("", 100.0), ("7", 7.0), ("blur", None)])
def test_what_is_absent_of_an_image_is_the_owners_choice(absent, expected):
    pixels = np.zeros((20, 20))
    pixels[:, 10:] = 200.0
    players = of(Feature(name="image", kind=Kind.IMAGE, absent=absent), pixels.tolist(), [None])
    gone = some(players)["image"][0]
    if expected is None:
        assert gone.mean() == pytest.approx(100, abs=5)
        assert np.abs(np.diff(gone, axis=1)).max() < 60, "the edge of 200 is gone"
    else:
        np.testing.assert_allclose(gone, expected)


def test_segments_follow_the_edges_of_what_is_shown():
    pixels = np.zeros((64, 64, 1))
    pixels[10:40, 20:50] = 1.0
    found = segmented(pixels)
    inside = set(found[10:40, 20:50].ravel().tolist())
    outside = set(found.ravel()[pixels.ravel() == 0].tolist())
    assert not inside & outside
    np.testing.assert_array_equal(found, segmented(pixels))


def test_an_image_file_is_cut_and_stays_one():
    from PIL import Image

    pixels = np.random.default_rng(1).integers(0, 255, (24, 32, 3)).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    players = of(Feature(name="image", kind=Kind.IMAGE, absent="0"), base64.b64encode(out.getvalue()).decode(), [None])
    made = some(players, *range(players.size))["image"][0]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(made)))), pixels)


@pytest.mark.parametrize("value", ["no image", base64.b64encode(b"\x89PNG\r\n").decode(), None, [[1, None]], []])
def test_what_is_no_image_is_held_and_named(value):
    players = of(Feature(name="image", kind=Kind.IMAGE), value, [None])
    assert (players.size, players.unplayable) == (0, ("image",))


def test_the_cells_of_a_sequence_come_from_the_same_places_of_a_background_row():
    rng = np.random.default_rng(2)
    own, others = rng.normal(size=(24, 3)), rng.normal(size=(5, 24, 3))
    players = of(Feature(name="s", kind=Kind.SEQUENCE), own.tolist(), others.tolist())
    assert players.size == 60
    assert players.rows == 5
    mask = rng.random((7, 60)) < 0.5
    rows = rng.integers(0, 5, 7)
    mixed = players.mixed(mask, rows)["s"]
    for at, (first, stop, channel) in enumerate(player.place for player in players.names):
        for row in range(7):
            source = own if mask[row, at] else others[rows[row]]
            np.testing.assert_array_equal(mixed[row, first:stop, channel], source[first:stop, channel])


def test_a_sequence_of_another_length_than_the_backgrounds_has_their_mean_by_channel():
    players = of(Feature(name="s", kind=Kind.SEQUENCE), [[1.0, 5.0]] * 4, [[[0.0, 2.0]] * 3, [[2.0, 4.0]] * 3])
    assert players.absent == "the background's mean by channel"
    assert some(players)["s"][0].tolist() == [[1.0, 3.0]] * 4
    assert {player.place[2] for player in players.names} == {1}, "the first channel is as usual, and does not play"


def test_nulls_of_a_sequence_are_kept():
    players = of(Feature(name="s", kind=Kind.SEQUENCE), [1.0, None, 3.0], [[4.0, 5.0, None]])
    assert np.isnan(some(players, *range(players.size))["s"][0][1])
    assert np.isnan(some(players)["s"][0][2])


@pytest.mark.parametrize(
    ("feature", "own", "others", "read"),
    [
        (Feature(name="x", kind=Kind.TEXT), "a bb ccc dddd", [None], lambda c: [len(t) ** 1.5 for t in c["x"]]),
        (Feature(name="x", kind=Kind.SEQUENCE), [1.0, 4.0, 2.0], [[0.0, 1.0, 1.0], [2.0, 2.0, 5.0]],
         lambda c: c["x"][:, 0] * c["x"][:, 1] + c["x"].max(axis=1)),
        (Feature(name="x", kind=Kind.IMAGE), np.arange(16.0).reshape(4, 4).tolist(), [None],
         lambda c: np.sqrt(c["x"].max(axis=(1, 2)) * c["x"].sum(axis=(1, 2)))),
    ],
    ids=["words", "steps", "segments"],
)  # fmt: skip
def test_the_values_of_parts_are_the_games_own_by_brute_force(feature, own, others, read):
    def predict(columns):
        return np.asarray(read(columns), dtype=float)

    players = of(feature, own, others)

    def worth(members):
        mask = np.zeros((players.rows, players.size), dtype=np.bool_)
        mask[:, list(members)] = True
        return predict(players.mixed(mask, np.arange(players.rows))).mean()

    row, usual = np.empty(1, dtype=object), np.empty(len(others), dtype=object)
    row[0], usual[:] = own, others
    found = Shapley().explain(predict, {"x": row}, {"x": usual}, schema(feature), seed=0)
    np.testing.assert_allclose([part.amount for part in found.parts], brute_force(worth, players.size), atol=1e-10)


def test_the_error_of_a_sum_of_parts_is_its_own():
    """The words of the only text add up exactly, however unsure each of them is."""
    text = " ".join(f"w{at}" for at in range(25))

    def predict(columns):
        return np.array([np.sin(len(each) * 0.7) + len(set(each)) / 9 for each in columns["x"]])

    row, usual = np.array([text], dtype=object), np.array([None], dtype=object)
    found = Shapley().explain(
        predict, {"x": row}, {"x": usual}, schema(Feature(name="x", kind=Kind.TEXT)), seed=1, rows=2_000
    )
    assert max(part.error for part in found.parts) > 1e-3
    assert found.standard_errors["x"] == pytest.approx(0, abs=1e-9)


def test_runs_are_the_pixels_of_a_mask():
    mask = np.array([[False, True, True], [True, False, False]])
    assert runs(mask) == (1, 3)

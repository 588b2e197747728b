"""A folder that is no stream is refused in words: what was got, what is allowed."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.benchmarks.streams.folder import Unusable, folder

ROWS = 400
SAID = 'time = "at"\nlabel = "y"\nscore = "p"\nchunk = "50"\n[kinds]\namount = "numeric"\nshop = "categorical"\n'


def write(path, said=SAID, **changes):
    """Write a folder of hourly rows, with some columns changed."""
    first = datetime(2024, 1, 1, tzinfo=UTC)
    rng = np.random.default_rng(0)
    columns = {
        "at": [first + timedelta(hours=at) for at in range(ROWS)],
        "amount": rng.normal(size=ROWS),
        "shop": rng.integers(0, 5, ROWS),
        "p": rng.random(ROWS),
        "y": rng.integers(0, 2, ROWS),
    }
    pq.write_table(pa.table(columns | changes), path / "rows.parquet")
    (path / "stream.toml").write_text(said)
    return path


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"at"', '"when"', "time names the column 'when'; there are at, amount"),
        ('"y"', '"truth"', "label names the column 'truth'"),
        ('"p"', '"chance"', "score names the column 'chance'"),
        ("amount =", "price =", "kinds names the column 'price'"),
        ('"numeric"', '"number"', "kinds.amount is 'number'; it can be numeric, integer"),
        ('shop = "categorical"', 'at = "integer"', "kinds.at is integer and the column holds timestamp"),
        ("chunk =", 'task = "ranking"\nchunk =', "task is 'ranking'; it can be binary, regression"),
        ('"50"', '"2d"', "chunk is '2d'; it is \"1d\", or a number of rows up to 200"),
        ('"50"', "0", "chunk is 0"),
        ("chunk =", "reference = 1.5\nchunk =", "reference is 1.5; it is a share"),
        ("chunk =", "reference = 400\nchunk =", "makes 400 of 400 rows; some have to follow"),
        ("chunk =", 'reference = "March"\nchunk =', "a date is written like 2024-03-01"),
        ("chunk =", "reference = 2020-01-01\nchunk =", "makes 0 of 400 rows"),
        ("chunk =", "labels = 3\nchunk =", "says labels; it can say name, time"),
        ("[kinds]", "[kinds", "is no TOML"),
        ('time = "at"', "", "does not say time"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, old, new, message):
    write(tmp_path, SAID.replace(old, new, 1))
    with pytest.raises(Unusable) as told:
        folder(tmp_path)
    assert message in str(told.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"at": [f"2024-01-{1 + at % 28:02}" for at in range(ROWS)]}, "has to be a timestamp"),
        ({"at": pa.array([None] * ROWS, pa.timestamp("us"))}, "missing in 400 rows"),
        ({"p": np.linspace(-1, 3, ROWS)}, "score 'p' reaches from -1 to 3"),
        ({"p": ["high"] * ROWS}, "score 'p' holds string"),
        ({"y": np.arange(ROWS)}, "label 'y' holds other values than 0 and 1"),
        ({"y": pa.nulls(ROWS, pa.int64())}, "label 'y' holds no number at all"),
        ({"amount": ["3,50"] * ROWS}, "say categorical, or convert it"),
    ],
)
def test_columns_that_do_not_hold_what_is_said_of_them_are_refused(tmp_path, changes, message):
    with pytest.raises(Unusable) as told:
        folder(write(tmp_path, **changes))
    assert message in str(told.value)


def test_a_folder_without_rows_or_words_is_refused(tmp_path):
    with pytest.raises(Unusable, match=r"has no stream\.toml"):
        folder(tmp_path)
    (tmp_path / "stream.toml").write_text(SAID)
    with pytest.raises(Unusable, match="holds no Parquet file"):
        folder(tmp_path)


def test_times_of_another_zone_are_the_same_instants_and_days_are_in_utc(tmp_path):
    plain = folder(write(tmp_path)).times
    zone = pa.timestamp("us", tz="America/New_York")
    moved = pa.array([datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=at) for at in range(ROWS)], zone)
    there = folder(write(tmp_path, SAID.replace('"50"', '"1d"'), at=moved))
    assert there.times.tolist() == plain.tolist()
    assert there.chunks.tolist() == [at // 24 for at in range(ROWS)]


def test_labels_scores_and_their_gaps_may_be_missing(tmp_path):
    bare = folder(write(tmp_path, SAID.replace('label = "y"\nscore = "p"\n', "")))
    assert bare.label is None
    assert bare.table.column_names == ["amount", "shop"]
    some = pa.array([None if at % 3 else at % 2 == 0 for at in range(ROWS)])
    assert np.isnan(folder(write(tmp_path, y=some)).label).sum() == np.ceil(ROWS / 3 * 2) - 1

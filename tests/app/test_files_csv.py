"""CSV has no types: a file is read by the model's schema, whole or not at all."""

from pathlib import Path

import pyarrow as pa
import pytest

from app.files import RowFile, types_of
from app.intake.rows import prepare
from app.registering import Columns
from monitor.errors import InvalidInput

FEATURES = [
    {"name": "zip", "kind": "categorical"},
    {"name": "age", "kind": "integer"},
    {"name": "country", "kind": "categorical"},
    {"name": "vip", "kind": "boolean"},
]


def written(folder: Path, *lines: str) -> Path:
    path = folder / "rows.csv"
    path.write_text("\n".join(("key,zip,age,country,vip", *lines)))
    return path


def test_columns_have_the_types_of_the_schema(tmp_path: Path) -> None:
    """A postal code and an id keep their zeros, an empty cell is missing, NA is a country but no number."""
    path = written(tmp_path, "007,01010,41,NA,true", "008,,NA,,false")
    table = RowFile(path, types_of(FEATURES, texts=["key"])).table()
    assert table["age"].type == pa.int64()
    assert table.to_pylist() == [
        {"key": "007", "zip": "01010", "age": 41, "country": "NA", "vip": True},
        {"key": "008", "zip": None, "age": None, "country": None, "vip": False},
    ]


def test_a_fraction_far_down_a_column_of_whole_numbers_stops_nothing(tmp_path: Path) -> None:
    lines = [f"{row},1,{row},AT,true" for row in range(100_000)]
    path = written(tmp_path, *lines, "last,1,0.5,AT,true")
    assert sum(len(table) for table in RowFile(path, types_of(FEATURES, texts=["key"])).batches()) == 100_001


def test_a_file_that_breaks_off_is_refused_before_its_first_row_is_given(tmp_path: Path) -> None:
    lines = [f"{row},1,{row},AT,true" for row in range(100_000)]
    path = written(tmp_path, *lines, "last,1,many,AT,true")
    with pytest.raises(InvalidInput, match="many"):
        next(RowFile(path, types_of(FEATURES, texts=["key"])).batches())


def test_a_file_without_any_column_of_the_model_is_refused() -> None:
    """As a CSV with semicolons is: its one column would be an unknown one, and every row missing everything."""
    table = pa.table({"zip;age": ["1010;41"]})
    with pytest.raises(InvalidInput, match="separator"):
        prepare(table, Columns(), {"zip", "age"}, "made:", 0, None)


def test_scores_and_the_numbers_of_a_regression_are_numbers_whatever_they_begin_with() -> None:
    columns = Columns(id="key", prediction="guess", scores="a,b", label="truth")
    schema = {"task": "regression", "features": []}
    assert {name for name, held in columns.types(schema).items() if held == pa.float64()} == {
        "a",
        "b",
        "guess",
        "truth",
    }
    assert "truth" not in columns.types(schema | {"task": "binary"})


def test_a_row_without_an_id_gets_the_same_one_every_time() -> None:
    table = pa.table({"key": ["a", None, "c"], "age": [1, 2, 3]})
    rows = prepare(table, Columns(id="key"), {"age"}, "import-abc:", 20, None)
    assert rows["_id"].to_pylist() == ["a", "import-abc:21", "c"]

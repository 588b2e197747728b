"""An Arrow body is refused by what it claims to become, before any of that is made."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from monitor.api.arrow_size import claimed
from monitor.api.operation import PARQUET
from monitor.api.problem import Problem
from monitor.api.tables import read_table

ARROW = {"content-type": "application/vnd.apache.arrow.stream"}
PATH = "/v1/models/flights/inferences"
NESTED = pa.table({"s": pa.array(["ab", "cd"] * 5).dictionary_encode(), "l": [[1.5, None]] * 10, "n": pa.nulls(10)})


def written(table: pa.Table, compression: str | None = None, *, file: bool = False) -> bytes:
    sink = io.BytesIO()
    make = pa.ipc.new_file if file else pa.ipc.new_stream
    with make(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    return sink.getvalue()


@pytest.mark.parametrize("file", [False, True])
@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
def test_what_is_claimed_is_what_it_becomes(compression: str | None, file: bool) -> None:
    """Arrow's own count is the oracle; buffers are padded to 8 bytes at most."""
    for table in (NESTED, pa.table({"x": np.zeros(100_000), "y": ["abc"] * 100_000})):
        size = claimed(written(table, compression, file=file))
        assert size.rows == table.num_rows
        assert table.nbytes <= size.bytes <= table.nbytes + 100


def test_a_bomb_is_refused_without_being_inflated(flights, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = written(pa.table({"temp": np.zeros(1_000_000)}), "zstd")
    assert len(bomb) < 2_000
    monkeypatch.setattr("monitor.api.capture._MOST_BYTES", 2**20)
    monkeypatch.setattr(pa.ipc, "open_stream", lambda _: pytest.fail("it was read"))
    assert flights("POST", PATH, content=bomb, headers=ARROW).status_code == 413


def test_rows_that_take_no_bytes_are_counted_too(flights) -> None:
    body = written(pa.table({"temp": pa.nulls(1_000_001)}))
    assert len(body) < 1_000
    assert flights("POST", PATH, content=body, headers=ARROW).status_code == 413


def test_mutated_metadata_is_refused_and_no_memory_follows_it(flights) -> None:
    body = bytearray(written(NESTED, "zstd"))
    for place in range(0, len(body), 3):
        body[place] ^= 0xFF
        status = flights("POST", PATH, content=bytes(body), headers=ARROW).status_code
        assert status in {200, 400, 413, 422}, place
        body[place] ^= 0xFF


def test_text_that_is_not_utf_8_is_refused(flights) -> None:
    """Arrow takes it as text without looking; whoever reads it later would stop."""
    broken = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])
    answer = flights("POST", PATH, content=written(pa.table({"carrier": broken})), headers=ARROW)
    assert answer.status_code == 400


def test_a_text_that_many_rows_point_at_is_refused_before_each_has_its_own(flights) -> None:
    """A megabyte of text in a dictionary and 2,000 places: two gigabytes, of a body of one."""
    places = pa.array([0] * 2_000, pa.int16())
    column = pa.DictionaryArray.from_arrays(places, pa.array(["x" * 2**20]))
    nested = pa.ListArray.from_arrays(pa.array(range(2_001), pa.int32()), column)
    for held in (column, nested):
        body = written(pa.table({"carrier": held}))
        assert len(body) < 2**21
        assert flights("POST", PATH, content=body, headers=ARROW).status_code == 413


def test_the_same_in_parquet_is_refused() -> None:
    table = pa.table({"carrier": pa.array(["x" * 2**20] * 3_000)})
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink, dictionary_pagesize_limit=2**22)
    assert len(sink.getvalue()) < 2**21
    with pytest.raises(Problem) as refused:
        read_table(sink.getvalue(), PARQUET)
    assert refused.value.status == 413


def test_dictionaries_are_stored_as_what_they_stand_for(flights) -> None:
    """Of texts, numbers, truths and lists of texts, with nulls: the same as their plain form."""
    table = pa.table({"s": ["a", None, "a"], "n": [1.5, None, 2.5], "l": [["a"], ["b", "a"], None]})
    coded = pa.table(
        {
            "s": table["s"].combine_chunks().dictionary_encode(),
            "n": table["n"].combine_chunks().dictionary_encode(),
            "l": table["l"].combine_chunks().cast(pa.list_(pa.dictionary(pa.int32(), pa.string()))),
        }
    )
    assert read_table(written(coded), ARROW["content-type"]).equals(table)

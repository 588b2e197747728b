"""Files that mean harm, or are broken: the import says what is wrong in one line, and is alive for the next file."""

import contextlib
import gzip
import json
import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.finding import find
from app.importing import Asked, import_files, peek_files
from app.intake import Limits
from app.intake.memory import FILE
from app.link import Link, Refused, connect
from app.registering import Columns
from monitor.config import Config
from monitor.errors import InvalidInput

SCHEMA = {
    "task": "binary",
    "classes": ["no", "yes"],
    "features": [{"name": "temp", "kind": "numeric"}, {"name": "wind", "kind": "categorical"}],
}
CAPTURE = '{"captureData": {"endpointInput": {"data": "1.5,a", "encoding": "CSV"}}, "eventMetadata": {"eventId": "%s"}}'


@pytest.fixture(scope="module")
def link(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Link]:
    """A store with the model m."""
    patch = pytest.MonkeyPatch()
    patch.delenv("WATCHGLASS_URL", raising=False)
    config = Config(data_dir=tmp_path_factory.mktemp("store"), port=0, base_url="http://127.0.0.1:9")
    with connect(config) as open_link:
        open_link.ask("PUT", "/v1/models/m", json_body={"schema": SCHEMA, "owner": "me@x"})
        yield open_link
    patch.undo()


def take(link: Link, *names: Path | str, form: str | None = None, memory: Path | None = None, **given: Any) -> Any:
    limits = Limits(given.pop("memory_mb", 1024), given.pop("seconds", 60.0))
    asked = Asked(model="m", form=form, limits=limits, memory=memory, columns=Columns(**given))
    return import_files(link, asked, find([str(name) for name in names], form), quiet=True)


def rows(count: int, **more: Any) -> pa.Table:
    return pa.table({"temp": np.arange(count, dtype=float), "wind": ["a"] * count, **more})


def truncated(path: Path) -> None:
    pq.write_table(rows(1_000), path)
    path.write_bytes(path.read_bytes()[:-200])


def flipped(path: Path) -> None:
    pq.write_table(rows(1_000), path)
    content = bytearray(path.read_bytes())
    content[20:400] = bytes(byte ^ 0x5A for byte in content[20:400])
    path.write_bytes(content)


def bomb(path: Path) -> None:
    """Two gigabytes of one text in a few kilobytes."""
    text = pa.array(["x" * 4_000_000])
    table = pa.table({"temp": [1.0] * 500, "wind": pa.DictionaryArray.from_arrays(pa.array([0] * 500), text)})
    pq.write_table(table, path, compression="zstd")


def gz(path: Path) -> None:
    with gzip.open(path, "wb") as file:
        for _ in range(300):
            file.write(bytes(2**20))


HOSTILE: dict[str, tuple[Callable[[Path], object], str | None, str]] = {
    "truncated.parquet": (truncated, None, "cannot be read"),
    "flipped.parquet": (flipped, None, "cannot be read"),
    "empty.parquet": (lambda path: path.write_bytes(b""), None, "cannot be read"),
    "bomb.parquet": (bomb, None, "memory"),
    "brotli.parquet": (lambda path: pq.write_table(rows(10), path, compression="brotli"), None, "Brotli"),
    "norows.parquet": (lambda path: pq.write_table(rows(0), path), None, "holds no rows"),
    "twice.parquet": (
        lambda path: pq.write_table(pa.Table.from_arrays([pa.array([1.0])] * 2, ["temp", "temp"]), path),
        None,
        "names must be unique",
    ),
    "headeronly.csv": (lambda path: path.write_text("temp,wind\n"), None, "no rows below its header"),
    "nothing.csv": (lambda path: path.write_text(""), None, "cannot be read"),
    "ragged.csv": (lambda path: path.write_text("temp,wind\n1,a\n2,b,c\n"), None, "cannot be read"),
    "longline.csv": (lambda path: path.write_bytes(b"temp,wind\n" + b"1" * 5_000_000), None, "cannot be read"),
    "binary.csv": (lambda path: path.write_bytes(b"\xff\xfe\x00" * 999), None, "cannot be read"),
    "wide.csv": (lambda path: path.write_text(",".join(f"c{n}" for n in range(200_000)) + "\n1\n"), None, "wide.csv"),
    "object.npy": (lambda path: np.save(path, np.array([{}], object), allow_pickle=True), None, ".parquet, .csv"),
    "object.csv": (
        lambda path: path.write_bytes(b"\x93NUMPY\x01\x00v\x00{'descr': '|O'}\n"),
        None,
        "no rows below its header",
    ),
    "pickle.jsonl": (
        lambda path: path.write_bytes(b"cos\nsystem\n(S'touch pwned'\ntR."),
        None,
        "one JSON object",
    ),
    "empty.jsonl": (lambda path: path.write_text("\n\n"), None, "holds no rows"),
    "deep.jsonl": (lambda path: path.write_text("[" * 1_000_000), None, "one JSON object"),
    "long.jsonl": (lambda path: path.write_bytes(b'{"temp": "' + b"x" * 9_000_000), None, "longer than"),
    "bomb.gz": (gz, "sagemaker", "inflates beyond"),
    "cut.gz": (lambda path: path.write_bytes(gzip.compress(b"x" * 9_999)[:-30]), "sagemaker", "cut short"),
    "deep.json": (lambda path: path.write_text('{"id": ' + "[" * 500_000), "triton_trace", "triton_trace"),
    "other.json": (lambda path: path.write_text('{"a": 1}'), "kserve_blob", "kserve_blob"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_words_and_the_next_one_is_taken(link: Link, tmp_path: Path, name: str) -> None:
    """Alone it fails; beside a good one it is told of, and the good one is imported."""
    make, form, said = HOSTILE[name]
    make(tmp_path / name)
    with pytest.raises((InvalidInput, Refused), match=re.escape(said)) as refused:
        take(link, tmp_path / name, form=form)
    assert "Traceback" not in str(refused.value)
    if form is None and not name.endswith(".npy"):
        (tmp_path / "zgood.csv").write_text(f"temp,wind,id\n1,a,{name}\n")
        told = take(link, tmp_path)
        assert told["inferences"]["stored"] == 1
        assert [Path(failure["file"]).name for failure in told["failed"]] == [name]
    assert not (tmp_path / "pwned").exists()


def test_a_file_that_takes_too_long_or_kills_its_reader_is_told_and_the_others_are_taken(
    link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader is ended; what it read before is kept, and the files behind are read by another."""
    for place in (1, 3):
        (tmp_path / f"{place}.csv").write_text(f"temp,wind,id\n{place},a,slow{place}\n")
    (tmp_path / "2.parquet").write_bytes(b"x")
    code = "import os, app.files as files, time\n"
    ends = [("os.abort()", "SIGABRT", 60.0), ("time.sleep(300)", "--seconds", 10.0)]  # a reader's start is in its time
    for number, (what, said, seconds) in enumerate(ends):
        folder = tmp_path / f"hook{number}"
        folder.mkdir()
        hook = f"{code}before = files.RowFile.__init__\ndef init(self, path, types=None):\n"
        hook += (
            f"    if path.name == '2.parquet': {what}\n    before(self, path, types)\nfiles.RowFile.__init__ = init\n"
        )
        (folder / "sitecustomize.py").write_text(hook)
        monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.pathsep.join(sys.path)}")
        told = take(link, tmp_path / "1.csv", tmp_path / "2.parquet", tmp_path / "3.csv", seconds=seconds)
        assert told["inferences"]["received"] == 2
        assert said in told["failed"][0]["detail"]


def test_a_column_that_changes_its_type_in_the_middle_is_imported_and_flagged(link: Link, tmp_path: Path) -> None:
    """Values of another type are kept; a line that is no JSON is rejected, and counted by the server."""
    lines = [json.dumps({"id": f"t{place}", "temp": place if place < 50 else f"{place} C"}) for place in range(100)]
    (tmp_path / "x.jsonl").write_text("\n".join([*lines, "not json", '{"id": "t100", "temp": NaN}']))
    told = take(link, tmp_path / "x.jsonl")
    assert (told["inferences"]["stored"], told["inferences"]["rejected"]) == (101, 1)
    assert told["errors"][0]["row"] == 100
    row = link.ask("GET", "/v1/models/m/inferences/t70")
    assert (row["features"]["temp"], row["extra"]["temp"]) == (None, "70 C")
    assert "retyped:temp" in row["flags"]
    assert link.ask("GET", "/v1/models/m/inferences/t7")["features"]["temp"] == 7.0
    assert link.ask("GET", "/v1/verify")["ok"]


def test_folders_patterns_and_links(tmp_path: Path) -> None:
    """Folders are read whole but for links that lead out of them; odd names are shown without control characters."""
    inside = tmp_path / "in" / "deep"
    inside.mkdir(parents=True)
    for name in ("b.csv", "a.jsonl", "note.txt", "e\x1b[31m\n.csv"):
        (inside / name).write_text("x\n1\n")
    (tmp_path / "secret.csv").write_text("x\n1\n")
    (inside / "out.csv").symlink_to(tmp_path / "secret.csv")
    found = find([str(tmp_path / "in")], None)
    assert [path.name for path, _ in found.files] == ["a.jsonl", "b.csv", "e\x1b[31m\n.csv"]
    assert ["leads out" in one["detail"] for one in found.refused] == [True]
    assert len(find([str(tmp_path / "in" / "**" / "*.csv")], None).files) == 3
    for name in ("nowhere/*.csv", "/dev/null", "absent\x1b.csv"):
        with pytest.raises(InvalidInput) as refused:
            find([name], None)
        assert "\x1b" not in str(refused.value)


def test_a_broken_off_import_goes_on_where_it_stopped_and_a_done_one_sends_nothing(
    link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was acknowledged is not sent again, unless asked to, or the store no longer has it."""
    pq.write_table(rows(65_000, label=["yes"] * 65_000), tmp_path / "x.parquet")
    sent: list[int] = []
    ask = link.ask

    def cut(method: str, path: str, **given: Any) -> Any:
        if method == "POST" and path.endswith("inferences"):
            if len(sent) == 2:
                raise KeyboardInterrupt
            sent.append(len(given["body"]))
        return ask(method, path, **given)

    monkeypatch.setattr(link, "ask", cut)
    with pytest.raises(KeyboardInterrupt):
        take(link, tmp_path / "x.parquet", memory=tmp_path, label="label")
    monkeypatch.setattr(link, "ask", ask)
    told = take(link, tmp_path / "x.parquet", memory=tmp_path, label="label")
    assert told["before"] == {"inferences": 40_000, "labels": 40_000}
    assert told["inferences"] | {"received": 65_000, "stored": 25_000, "duplicate": 40_000} == told["inferences"]
    assert told["labels"]["received"] == 65_000
    sent.clear()
    monkeypatch.setattr(link, "ask", cut)
    again = take(link, tmp_path / "x.parquet", memory=tmp_path, label="label")
    assert sent == []
    assert (again["inferences"]["stored"], again["inferences"]["duplicate"]) == (0, 65_000)
    monkeypatch.setattr(link, "ask", ask)
    assert "before" not in take(link, tmp_path / "x.parquet", memory=None, label="label")
    with contextlib.closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as remembered:
        remembered.execute(
            "UPDATE taken SET stored = 1000000000"
        )  # as if the store had been restored to an earlier day
    assert "before" not in take(link, tmp_path / "x.parquet", memory=tmp_path, label="label")


def test_many_small_files_go_in_few_requests_and_are_gone_on_with(link: Link, tmp_path: Path) -> None:
    """Files of a server are gathered into pieces; a new file beside them is all that is sent the next time."""
    folder = tmp_path / "capture"
    folder.mkdir()
    for place in range(30):
        (folder / f"{place:02}.jsonl").write_text(full(f"s{place}"))
    first = take(link, folder, form="sagemaker", memory=tmp_path)
    assert first["inferences"]["stored"] == 30
    (folder / "99.jsonl").write_text(full("s99"))
    told = take(link, folder, form="sagemaker", memory=tmp_path)
    assert (told["before"], told["inferences"]["stored"]) == ({"inferences": 30, "files": 30}, 1)


def full(name: str) -> str:
    sides = {"endpointInput": "1.5,a", "endpointOutput": "0.75"}
    captured = {side: {"data": data, "encoding": "CSV"} for side, data in sides.items()}
    return json.dumps({"captureData": captured, "eventMetadata": {"eventId": name}})


def test_a_look_before_says_what_would_be_taken_and_takes_nothing(link: Link, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,temp,extra\n1,2,3\n2,3,4\n")
    before = link.ask("GET", "/v1/models/m/inferences", query={"limit": 1})["total"]
    (told,) = peek_files(link, Asked(model="m"), find([str(tmp_path / "x.csv")], None))
    assert (told["rows"], told["missing"]) == (2, ["wind"])
    assert {one["column"]: one["as"] for one in told["columns"]} == {
        "id": "not a feature",
        "temp": "numeric",
        "extra": "new: kept, flagged",
    }
    assert link.ask("GET", "/v1/models/m/inferences", query={"limit": 1})["total"] == before

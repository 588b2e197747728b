"""Every command does what its help says, with or without a server, and leaves by the right exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from app import cli
from app.demo.processes import Child, free_port
from app.files import RowFile
from app.intake.rows import prepare
from app.link import Link, Refused, connect
from app.registering import Columns
from app.transport import Answer
from monitor.config import Config, load
from monitor.errors import Held, InvalidInput, Unavailable

COMMANDS = (
    "demo",
    "serve",
    "proxy",
    "init",
    "register",
    "import",
    "run",
    "explain",
    "report",
    "verify",
    "replay",
    "alerts",
    "snooze",
    "rebaseline",
    "try",
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory whose configuration nobody else answers."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("WATCHGLASS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WATCHGLASS_PORT", str(free_port()))
    return tmp_path


Run = Callable[..., SimpleNamespace]


@pytest.fixture
def watchglass(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process; its exit code, output, and the JSON of its last line if that is JSON."""

    def run(*arguments: str) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["watchglass", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        lines = out.strip().splitlines()
        told = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else None
        return SimpleNamespace(code=ended.value.code, out=out, err=err, told=told)

    return run


def predictions(rows: int = 300) -> pa.Table:
    start = datetime(2024, 5, 1, tzinfo=UTC)
    return pa.table(
        {
            "when": [start + timedelta(minutes=30 * place) for place in range(rows)],
            "key": [f"k{place}" for place in range(rows)],
            "temp": [place % 30 + 0.5 for place in range(rows)],
            "carrier": [("AA", "UA", "DL")[place % 3] for place in range(rows)],
            "p": [place / rows for place in range(rows)],
            "late": [("no", "yes", None)[place % 3] for place in range(rows)],
        }
    )


REGISTER = (
    "--task",
    "binary",
    "--classes",
    "no,yes",
    "--time",
    "when",
    "--id",
    "key",
    "--scores",
    "p",
    "--label",
    "late",
)
IMPORT = ("--time", "when", "--id", "key", "--scores", "p", "--label", "late")


@pytest.fixture
def registered(watchglass: Run, place: Path) -> Run:
    pq.write_table(predictions(), place / "reference.parquet")
    told = watchglass(
        "register", "flights", "--reference", "reference.parquet", "--owner", "me@x", *REGISTER, "--json"
    ).told
    assert (told["features"], told["reference_rows"], told["labelled"]) == (2, 300, 200)
    return watchglass


def test_help_is_quick_and_complete() -> None:
    """``--help`` answers without importing anything a command needs; each command says what it does and how."""
    code = "import sys; sys.argv = ['watchglass', '--help']\nfrom app import cli\n"
    code += "try: cli.main()\nexcept SystemExit: pass\n"
    code += "print({'pyarrow', 'duckdb', 'streamlit', 'pydantic', 'starlette', 'urllib3'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")
    for command in COMMANDS:
        assert command in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(watchglass: Run, command: str) -> None:
    done = watchglass(command, "--help")
    assert done.code == 0
    assert "Usage: watchglass" in done.out
    assert command in ("serve", "demo", "proxy") or "--json" in done.out


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("explain", "m"), ("serve", "--port", "x"), ("register", "m", "--task", "magic"), ()],
)
def test_wrong_usage_is_2(watchglass: Run, arguments: tuple[str, ...]) -> None:
    assert watchglass(*arguments).code == 2


def test_init_writes_a_configuration_that_is_the_default_and_never_overwrites(watchglass: Run, place: Path) -> None:
    assert watchglass("init", "--json").told == {"path": "watchglass.toml"}
    assert load(place / "watchglass.toml", environ={}) == Config()
    again = watchglass("init")
    assert (again.code, "exists already" in again.err) == (1, True)
    assert watchglass("init", "no/such/folder.toml").code == 1


def test_a_wrong_configuration_is_2_and_names_the_key(watchglass: Run, place: Path) -> None:
    (place / "watchglass.toml").write_text("prot = 1")
    done = watchglass("verify")
    assert (done.code, "prot" in done.err, "Traceback" in done.err) == (2, True, False)
    assert watchglass("verify", "--config", "nowhere.toml").code == 2


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_importing_a_file_twice_stores_it_once(registered: Run, place: Path, suffix: str) -> None:
    table = predictions(100).slice(10)
    file = f"rows.{suffix}"
    if suffix == "parquet":
        pq.write_table(table, place / file)
    elif suffix == "csv":
        pyarrow.csv.write_csv(table, place / file)
    else:
        lines = [json.dumps(row, default=lambda moment: moment.isoformat()) for row in table.to_pylist()]
        (place / file).write_text("\n".join(lines))
    told = registered("import", "flights", file, *IMPORT, "--json").told
    assert told["inferences"] == {"received": 90, "stored": 90, "duplicate": 0, "rejected": 0, "dropped": 0}
    assert told["labels"]["stored"] == 60
    again = registered("import", "flights", file, *IMPORT, "--json").told
    assert (again["inferences"]["duplicate"], again["labels"]["duplicate"]) == (90, 60)
    verified = registered("verify", "--json")
    assert (verified.code, verified.told["ok"]) == (0, True)


def test_rows_without_ids_get_the_same_ones_every_time(registered: Run, place: Path) -> None:
    pq.write_table(predictions(50).drop_columns(["key"]), place / "rows.parquet")
    for expected in ({"stored": 50, "duplicate": 0}, {"stored": 0, "duplicate": 50}):
        done = registered(
            "import", "flights", "rows.parquet", "--time", "when", "--scores", "p", "--label", "late", "--json"
        )
        assert done.told["inferences"] | expected == done.told["inferences"]


def test_rows_as_the_api_takes_them_can_be_imported(registered: Run, place: Path) -> None:
    rows = [
        {
            "id": f"n{place}",
            "version": "2",
            "time": "2024-05-01T00:00:00Z",
            "features": {"temp": place, "carrier": "AA"},
            "scores": [0.5],
        }
        for place in range(5)
    ]
    (place / "rows.ndjson").write_text("\n".join(map(json.dumps, rows)))
    assert registered("import", "flights", "rows.ndjson", "--json").told["inferences"]["stored"] == 5


def test_rejected_rows_are_told_with_their_place_in_the_file(registered: Run, place: Path) -> None:
    table = predictions(30)
    when = table["when"].to_pylist()
    when[17] = datetime(2999, 1, 1, tzinfo=UTC)
    pq.write_table(table.set_column(0, "when", pa.array(when)), place / "rows.parquet")
    done = registered("import", "flights", "rows.parquet", *IMPORT)
    assert done.code == 0
    assert "29 stored" in done.out
    told = registered("import", "flights", "rows.parquet", *IMPORT, "--json").told
    assert [(error["row"], error["reason"]) for error in told["errors"]] == [(17, "clock_skew")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "reference.parquet"), "nobody"),
        (("flights", "absent.parquet"), "no file"),
        (("flights", "watchglass.toml"), ".parquet, .csv"),
        (("flights", "broken.parquet"), "cannot be read"),
        (("flights", "reference.parquet", "--id", "nothing"), "no column nothing"),
    ],
)
def test_what_cannot_be_imported_is_1_and_says_why(
    registered: Run, place: Path, arguments: tuple[str, ...], said: str
) -> None:
    (place / "watchglass.toml").write_text("")
    (place / "broken.parquet").write_text("PAR1 no")
    done = registered("import", *arguments)
    assert (done.code, said in done.err) == (1, True), done.err


def test_which_class_is_positive_is_not_guessed_against_the_scores(watchglass: Run, place: Path) -> None:
    """Without --classes the later one in the alphabet is positive: refused where its scores are the lower ones."""
    rows = {
        "p": [0.9, 0.8, 0.1, 0.2],
        "truth": ["benign", "benign", "malignant", "malignant"],
        "x": [1.0, 2.0, 3.0, 4.0],
    }
    pq.write_table(pa.table(rows), "tumours.parquet")
    asked = ("register", "tumours", "--task", "binary", "--reference", "tumours.parquet", "--scores", "p")
    refused = watchglass(*asked, "--label", "truth")
    assert refused.code == 1
    assert "--classes malignant,benign" in refused.err
    told = watchglass(*asked, "--label", "truth", "--classes", "malignant,benign").out
    assert "classes: malignant, benign (positive)" in told
    assert "classes: malignant, benign (positive)" in watchglass(*asked, "--label", "truth").out  # they are known now


def test_register_takes_a_schema_file(watchglass: Run, place: Path) -> None:
    schema = {"task": "regression", "target": "price", "features": [{"name": "size", "kind": "numeric", "unit": "m²"}]}
    (place / "a.json").write_text(json.dumps(schema))
    (place / "b.toml").write_text('[schema]\ntask = "regression"\n[settings]\nowner = "me"\n')
    (place / "c.json").write_text("[1]")
    assert (
        watchglass("register", "a", "--schema", "a.json", "--endpoint", "http://127.0.0.1:9/", "--json").told[
            "features"
        ]
        == 1
    )
    assert watchglass("register", "b", "--schema", "b.toml").code == 0
    for arguments in (
        ("--schema", "c.json"),
        ("--schema", "absent.json"),
        ("--owner", "x", "--artifact", "{"),
        ("--owner", "x", "--artifact", "[]"),
        (),
    ):
        assert watchglass("register", "c", *arguments).code == 1


def test_classes_of_many_are_read_from_the_reference(watchglass: Run, place: Path) -> None:
    rows = {"x": [1.0, 2.0, 3.0], "kind": ["b", "a", "c"], "guess": ["b", "a", "a"]}
    pyarrow.csv.write_csv(pa.table(rows), place / "r.csv")
    done = watchglass(
        "register", "m", "--task", "multiclass", "--reference", "r.csv", "--label", "kind", "--prediction", "guess"
    )
    assert done.code == 0, done.err
    assert "reference_rows: 3" in done.out


def test_run_and_verify_tell_what_they_did(registered: Run, place: Path) -> None:
    pq.write_table(predictions(), place / "rows.parquet")
    registered("import", "flights", "rows.parquet", *IMPORT)
    told = registered("run", "--until", "2024-05-04", "--json").told
    assert told["windows"] >= 3
    assert told["measurements"] > 0
    again = registered("run", "--until", "2024-05-04")
    assert (again.code, "0 windows" in again.out) == (0, True)
    assert (
        registered("run", "--model", "flights", "--job", "drift", "--until", "2024-05-04", "--json").told["windows"]
        == 1
    )
    assert registered("run", "--job", "nobody").code == 1
    assert registered("explain", "flights", "nobody").code == 1
    assert "ok " in registered("verify").out


def test_a_ledger_that_does_not_add_up_is_1(watchglass: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from monitor.store import Check

    monkeypatch.setattr("monitor.api.jobs.verify", lambda _: [Check(name="rows", ok=False, detail="one is missing")])
    done = watchglass("verify")
    assert (done.code, "FAILED rows: one is missing" in done.out) == (1, True)


def test_a_named_server_that_is_not_there_is_3(watchglass: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHGLASS_URL", f"http://127.0.0.1:{free_port()}")
    done = watchglass("verify")
    assert (done.code, "WATCHGLASS_URL" in done.err) == (3, True)


@pytest.fixture
def server(place: Path) -> Iterator[str]:
    port = free_port()
    environment = {"WATCHGLASS_DATA_DIR": str(place / "watchglass_data")}
    child = Child("watchglass", ["app.cli", "serve", "--port", str(port), "--no-dashboard"], place / "log", environment)
    child.wait_ready(f"http://127.0.0.1:{port}/healthz")
    yield f"http://127.0.0.1:{port}"
    child.stop()


def test_with_a_server_running_the_command_line_asks_it(server: str, registered: Run, place: Path) -> None:
    """The address is found through the data directory, whatever port the server took."""
    with connect(load()) as link:
        assert link.where == server
    pq.write_table(predictions(), place / "rows.parquet")
    assert registered("import", "flights", "rows.parquet", *IMPORT, "--json").told["inferences"]["stored"] == 300
    assert registered("verify").code == 0


class Scripted:
    """A transport that gives prepared answers and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, bytes]] = []

    def send(self, method: str, target: str, headers: Any, body: bytes) -> Answer:
        self.asked.append((method, target, body))
        return self.answers.pop(0)

    def close(self) -> None:
        self.answers.clear()


def test_a_link_tells_refusals_from_outages() -> None:
    link = Link(Scripted(Answer(409, b'{"detail": "no"}'), Answer(503, b""), Answer(200, b"")), "here")
    with pytest.raises(Refused, match="no") as refused:
        link.ask("GET", "/a", query={"x": None, "y": [1, 2]})
    assert refused.value.status == 409
    with pytest.raises(Unavailable, match="503"):
        link.ask("GET", "/a")
    assert link.ask("GET", "/a") is None


def test_a_column_that_is_also_a_feature_stays_one() -> None:
    table = pa.table({"hour": [1, 2], "x": [0.1, 0.2]})
    rows = prepare(table, Columns(id="hour", scores="x"), {"hour"}, "import-", 0, "3")
    assert rows.column_names == ["hour", "_id", "_scores", "_version"]
    assert rows["_id"].to_pylist() == ["1", "2"]
    assert rows["_version"].to_pylist() == ["3", "3"]


def test_files_are_read_in_pieces(place: Path) -> None:
    with (place / "big.csv").open("w") as file:
        file.write("x,y\n" + "1,a\n" * 200_000)
    file = RowFile(place / "big.csv")
    assert sum(table.num_rows for table in file.batches()) == 200_000
    assert len(list(file.batches())) > 1
    (place / "empty.jsonl").write_text("")
    with pytest.raises(InvalidInput):
        list(RowFile(place / "empty.jsonl").batches())


def test_a_command_waits_for_a_server_that_is_just_starting(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between its opening the store and its first answer there is neither a server to ask nor a file to open."""
    tried: list[Config] = []

    def held(config: Config) -> None:
        tried.append(config)
        raise Held("Cannot open the store.")

    monkeypatch.setattr("app.link.LocalTransport", held)
    monkeypatch.setattr("app.link.answers", lambda url: len(tried) >= 2)
    assert connect(load(None)).where.startswith("http://127.0.0.1:")

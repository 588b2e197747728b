"""Files that model servers write are imported as they are: every row once, what cannot be read told."""

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from app import cli
from app.demo.processes import free_port

Run = Callable[..., SimpleNamespace]
SCHEMA = {
    "schema": {
        "task": "binary",
        "classes": ["no", "yes"],
        "features": [{"name": "temp", "kind": "numeric"}, {"name": "wind", "kind": "numeric"}],
    }
}


@pytest.fixture
def watchglass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process and in an empty folder, where the model flights is registered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHGLASS_URL", raising=False)
    monkeypatch.setenv("WATCHGLASS_PORT", str(free_port()))

    def run(*arguments: str) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["watchglass", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        told = json.loads(out.strip().splitlines()[-1]) if "--json" in arguments and out else None
        return SimpleNamespace(code=ended.value.code, out=out, err=err, told=told)

    Path("schema.json").write_text(json.dumps(SCHEMA))
    assert run("register", "flights", "--schema", "schema.json", "--owner", "me@x").code == 0
    return run


def capture(name: str, asked: str, answered: str) -> str:
    sides = {
        "endpointInput": {"observedContentType": "text/csv", "data": asked, "encoding": "CSV"},
        "endpointOutput": {"observedContentType": "text/csv", "data": answered, "encoding": "CSV"},
    }
    event = {"eventId": name, "inferenceTime": "2024-05-01T12:00:00Z"}
    return json.dumps({"captureData": sides, "eventMetadata": event, "eventVersion": "0"})


def truth(name: str, value: str) -> str:
    return json.dumps({"groundTruthData": {"data": value, "encoding": "CSV"}, "eventMetadata": {"eventId": name}})


def record(name: str, side: str, document: object) -> str:
    body = base64.b64encode(json.dumps(document).encode()).decode()
    return json.dumps([{"Id": name, "ReqType": f"org.kubeflow.serving.inference.{side}", "Bytes": body}])


def test_a_folder_of_captures_and_truths_is_imported_once(watchglass: Run) -> None:
    hour = Path("capture/AllTraffic/2024/05/01/12")
    hour.mkdir(parents=True)
    (hour / "1.jsonl").write_text("\n".join(capture(f"e{row}", f"{row}.5,{row}", "0.75") for row in range(20)))
    (hour / "2.jsonl").write_text(truth("e1", "yes") + "\n{}\n" + truth("e2", "no"))
    arguments = ("import", "flights", "capture", "--format", "sagemaker", "--columns", "temp,wind", "--json")
    told = watchglass(*arguments).told
    assert told["inferences"] == {"received": 20, "stored": 20, "duplicate": 0, "rejected": 0, "dropped": 0}
    assert told["labels"]["stored"] == 2
    assert [error["reason"] for error in told["errors"]] == ["unread"]
    assert "2.jsonl: sagemaker: 1 of 3 lines" in told["errors"][0]["detail"]
    again = watchglass(*arguments).told
    assert (again["inferences"]["duplicate"], again["labels"]["duplicate"]) == (20, 2)
    assert "20 duplicate" in watchglass(*arguments[:-1]).out
    assert watchglass("verify", "--json").told["ok"]


def test_halves_are_paired_across_files_in_either_order(watchglass: Run) -> None:
    folder = Path("logs")
    folder.mkdir()
    (folder / "a-response.json").write_text(record("a", "response", {"predictions": [0.25, 0.75]}))
    (folder / "b-request.json").write_text(record("a", "request", {"instances": [[1.5, 2.5], [3.5, 4.5]]}))
    (folder / "c-request.json").write_text(record("c", "request", {"instances": [[1.5, 2.5]]}))
    (folder / "d-request.json").write_text(record("d", "request", {"instances": [[1.5, 2.5]] * 3}))
    (folder / "e-response.json").write_text(record("d", "response", {"predictions": [0.25, 0.75]}))
    arguments = ("import", "flights", "logs", "--format", "kserve_blob", "--columns", "temp,wind", "--json")
    told = watchglass(*arguments).told
    assert told["inferences"]["stored"] == 2
    assert told["halves"] == {"unpaired": 3, "probes": 0}
    assert [error["reason"] for error in told["errors"]] == ["unpaired"]
    assert watchglass(*arguments).told["inferences"]["duplicate"] == 2


def test_bentoml_is_read_with_the_schema_beside_it(watchglass: Run) -> None:
    for name in ("schema", "data"):
        Path(f"monitoring/flights/{name}").mkdir(parents=True)
    roles = {"temp": "feature", "wind": "feature", "p": "prediction", "late": "target"}
    columns = [{"name": name, "role": role, "type": "numerical"} for name, role in roles.items()]
    Path("monitoring/flights/schema/schema.1.log").write_text(json.dumps({"meta_data": {}, "columns": columns}))
    rows = [{"temp": 1.5, "wind": float("nan"), "p": 0.75, "late": "yes", "timestamp": "2024-05-01T12:00:00"}] * 3
    lines = [json.dumps(row | {"request_id": str(place)}) for place, row in enumerate(rows)]
    Path("monitoring/flights/data/data.1.log").write_text("\n".join(lines))
    told = watchglass("import", "flights", "monitoring", "--format", "bentoml", "--version", "2.0", "--json").told
    assert (told["inferences"]["stored"], told["labels"]["stored"]) == (3, 3)
    assert "errors" not in told


def test_rows_without_ids_get_the_same_ones_every_time(watchglass: Run) -> None:
    tensors = {"TENSOR_QUEUE_INPUT": ("x", "1.5,2.5,3,4", "2,2"), "TENSOR_BACKEND_OUTPUT": ("p", "0.25,0.75", "2,1")}
    events = [
        {"id": 1, "activity": activity, "tensor": {"name": name, "data": data, "shape": shape, "dtype": "FP32"}}
        for activity, (name, data, shape) in tensors.items()
    ]
    Path("trace.json").write_text(json.dumps([{"id": 1, "model_name": "m", "model_version": 1}, *events]))
    for expected in ({"stored": 2, "duplicate": 0}, {"stored": 0, "duplicate": 2}):
        told = watchglass("import", "flights", "trace.json", "--format", "triton_trace", "--json").told
        assert told["inferences"] | expected == told["inferences"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("schema.json", "--format", "morse"), "allowed: bentoml, kserve_blob, sagemaker, triton_trace"),
        (("absent", "--format", "sagemaker"), "no file absent"),
        (("schema.json", "--format", "sagemaker", "--id", "key"), "leave out"),
    ],
)
def test_what_cannot_be_imported_is_1_and_says_why(watchglass: Run, arguments: tuple[str, ...], said: str) -> None:
    done = watchglass("import", "flights", *arguments)
    assert (done.code, said in done.err) == (1, True), done.err

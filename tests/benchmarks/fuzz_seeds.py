"""What is mutated: one good request of every form that capture takes, or those of a folder of recordings."""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa

from tests.benchmarks.fuzz_bodies import BODIES

JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
ARROW = {"content-type": "application/vnd.apache.arrow.stream"}
_PSEUDO = {":path": "watchglass-path", ":status": "watchglass-status"}
_CLIENT = {"watchglass-client": "c", "watchglass-dropped": "queue_full=1"}
_COLLECTORS = ("v1", "v2", "kserve", "torchserve", "bentoml", "sagemaker")


@dataclass(frozen=True, slots=True)
class Seed:
    """One request: where it goes below the model, its body and its headers."""

    path: str
    body: bytes
    headers: Mapping[str, str]


def own() -> list[Seed]:
    """Return the API's own forms, and the bodies of `fuzz_bodies` for every collector."""
    times = [f"2026-11-2{day}T20:40:28Z" for day in range(2)]
    rows = [
        {"id": f"a{number}", "time": time, "version": "1", "features": {"temp": 1.5, "carrier": "AA", "seats": 3},
         "scores": [0.25], "latency_ms": 1.5, "batch_size": 2, "status": "200"}
        for number, time in enumerate(times)
    ]  # fmt: skip
    labels = [{"id": f"a{number}", "value": "late", "time": time} for number, time in enumerate(times)]
    flat = [{"_id": row["id"], "temp": 1.5, "carrier": "AA", "seats": 3, "_scores": [0.25]} for row in rows]
    seeds = []
    for what, given in (("inferences", rows), ("labels", labels)):
        seeds.append(Seed(what, json.dumps(given).encode(), JSON | _CLIENT))
        seeds.append(Seed(what, json.dumps(given[0]).encode(), JSON))
        seeds.append(Seed(what, b"\n".join(json.dumps(one).encode() for one in given), NDJSON))
    # One plain row has a way of its own, by the journal: of several shapes, so that it is met often.
    one = {"id": "p0", "features": {"temp": 1.5, "carrier": "AA", "seats": 3}}
    more = ({}, {"scores": [0.5]}, {"prediction": "late"}, {"time": times[0], "status": "200"}, {"batch_size": 1})
    seeds += [Seed("inferences", json.dumps(one | each).encode(), JSON) for each in more]
    seeds.append(Seed("inferences", _stream(flat), ARROW))
    seeds.append(Seed("labels", _stream([{"id": "a0", "value": "late"}]), ARROW))
    for name, bodies in BODIES.items():
        for body, headers in bodies:
            given = {_PSEUDO.get(key, key): value for key, value in headers.items()}
            seeds.append(Seed(f"collect/{name}", body, JSON | given))
    return seeds


def recorded(folder: Path) -> list[Seed]:
    """Return the requests and answers of a folder of recordings, each for the collectors that may read it.

    A recording is ``NAME.meta.json`` (url, request_headers, status, response_headers) with ``NAME.request.*`` and
    ``NAME.response.*``.
    """
    found: list[Seed] = []
    for meta in sorted(folder.rglob("*.meta.json")):
        told = json.loads(meta.read_text())
        name = meta.name.removesuffix(".meta.json")
        path = urlsplit(told.get("url", "")).path
        for side, extra in (("request", {"watchglass-path": path}), ("response", {"watchglass-status": "200"})):
            for file in sorted(meta.parent.glob(f"{name}.{side}.*")):
                headers = {key.lower(): value for key, value in told.get(f"{side}_headers", {}).items()}
                headers = {key: value for key, value in headers.items() if key not in _HOP} | extra
                found += [Seed(f"collect/{collector}", file.read_bytes(), JSON | headers) for collector in _COLLECTORS]
    found += [Seed("collect/bentoml", file.read_bytes(), NDJSON) for file in _logs(folder)]
    if not found:
        raise ValueError(f"{folder} holds no recordings (NAME.meta.json beside NAME.request.*)")
    return found


_HOP = frozenset({"connection", "transfer-encoding", "content-length", "keep-alive", "date", "server", "host"})


def _logs(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*.log")) if file.is_file())


def _stream(rows: list[dict[str, object]]) -> bytes:
    sink = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()

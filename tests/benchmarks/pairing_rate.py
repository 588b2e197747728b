"""How many events of KServe's logger a server takes in a second, paired and durable, and whether all of it is there."""

import base64
import json
import random
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.load import post
from tests.benchmarks.pairing_server import Server, answer_to

COLUMNS = 20
_SIDES = ("request", "response")
_EVENT = {"ce-specversion": "1.0", "ce-source": "bench"}


def wide(number: int, side: str) -> bytes:
    """Return the HTTP request of one event of an exchange of `COLUMNS` columns, as KServe's logger sends it."""
    row = {f"f{place}": number + place / 8 for place in range(COLUMNS)}
    data = {"instances": [row]} if side == "request" else {"predictions": [answer_to(number)]}
    told = _EVENT | {"ce-id": f"w{number}", "ce-type": f"org.kubeflow.serving.inference.{side}"}
    headers = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return post("/v1/models/wide/collect/kserve", json.dumps(data).encode(), "application/json", headers)


def rate(directory: Path, events: int, connections: int, seed: int = 0) -> dict[str, float]:
    """Send as many events as fast as they are answered, and return how fast that was and whether all is there."""
    server = Server(directory)
    try:
        features = [{"name": f"f{place}", "kind": "numeric"} for place in range(COLUMNS)]
        server.ask("PUT", "/v1/models/wide", json={"schema": {"task": "regression", "features": features}})
        requests = [wide(number, side) for number in range(events // 2) for side in _SIDES]
        random.Random(seed).shuffle(requests)
        begun = server.cpu_seconds
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.load", f"--port={server.port}", f"--connections={connections}"],
            input=b"\n".join(map(base64.b64encode, requests)),
            stdout=subprocess.PIPE,
            check=True,
        )
        found = json.loads(done.stdout)
        cpu = server.cpu_seconds - begun
        ledger = server.ask("GET", "/v1/ledger")
        stored = sum(line["rows"] for line in ledger["lines"] if line["outcome"] == "stored")
        failed = sum(not check["ok"] for check in server.ask("GET", "/v1/verify")["checks"])
        return {
            "kserve_events_per_s": round(found["answered"] / found["seconds"]),
            "kserve_p99_ms": round(found["p99_ms"], 1),
            "kserve_cpu_us_per_event": round(cpu / found["answered"] * 1e6),
            "kserve_unanswered": len(requests) - found["answered"],
            "kserve_wrong": abs(len(requests) // 2 - stored)
            + failed
            + sum(line["unpaired"] for line in ledger["halves"]),
        }
    finally:
        server.stop()

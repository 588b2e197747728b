"""The bare parts that the ingest benchmark compares with, each in a process of its own.

python -m tests.benchmarks.ingest_bare route PORT        a Starlette route that only parses its body
python -m tests.benchmarks.ingest_bare insert FILE DIR   INSERT … SELECT of the batches in FILE, a commit each
"""

import json
import sys
import time
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.benchmarks.ingest_rows import PATH


def route(port: int) -> None:
    """Serve the capture path with a route that parses JSON and answers 200."""

    async def parse(request: Request) -> Response:
        msgspec.json.decode(await request.body())
        return Response(b'{"received":1}', media_type="application/json")

    app = Starlette(routes=[Route(PATH, parse, methods=["POST"])])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", access_log=False, server_header=False)


def insert(file: Path, directory: Path) -> None:
    """Insert each batch of an Arrow file in a transaction of its own; the log is synced by every commit."""
    opened = pa.ipc.open_file(pa.memory_map(str(file)))
    batches = [pa.Table.from_batches([opened.get_batch(at)]) for at in range(opened.num_record_batches)]
    connection = duckdb.connect(str(directory / "bare.duckdb"), config={"memory_limit": "1GB", "threads": 2})
    connection.register("incoming", batches[0])
    connection.execute("CREATE TABLE rows AS SELECT * FROM incoming LIMIT 0")
    begun = time.perf_counter()
    for batch in batches:
        connection.execute("BEGIN TRANSACTION")
        connection.register("incoming", batch)
        connection.execute("INSERT INTO rows SELECT * FROM incoming")
        connection.execute("COMMIT")
    seconds = time.perf_counter() - begun
    stored = connection.execute("SELECT count(*) FROM rows").fetchone()
    print(json.dumps({"rows": stored[0] if stored else 0, "seconds": seconds}))  # noqa: T201 - read by the bench


if __name__ == "__main__":
    if sys.argv[1] == "route":
        route(int(sys.argv[2]))
    else:
        insert(Path(sys.argv[2]), Path(sys.argv[3]))

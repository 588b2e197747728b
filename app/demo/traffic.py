"""Real flights as real requests: who asks, in which portions, and how an answer is read."""

import random
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
import urllib3

from app.demo import data
from app.demo.story import INFER
from monitor.errors import Unavailable

DATATYPES = {**dict.fromkeys(data.CATEGORIES, "BYTES"), **dict.fromkeys(data.INTEGERS, "INT64")}


def portions(rows: int, largest: int, seed: int) -> Iterator[tuple[int, int]]:
    """Cut ``rows`` into consecutive requests of 1 to ``largest``, the same way for the same seed.

    >>> list(portions(10, 4, seed=1))
    [(0, 2), (2, 3), (3, 6), (6, 7), (7, 10)]
    """
    draw = random.Random(seed)  # noqa: S311 - sizes of requests are no secret
    start = 0
    while start < rows:
        size = min(draw.randint(1, largest), rows - start)
        yield start, start + size
        start += size


def request_body(rows: Mapping[str, list[Any]], ids: list[str]) -> bytes:
    """Return an Open Inference Protocol v2 request: one tensor a column, and the rows' ids as one more.

    A missing number travels as null.
    """
    tensors = [
        {"name": name, "shape": [len(ids)], "datatype": DATATYPES.get(name, "FP64"), "data": rows[name]}
        for name in data.COLUMNS
    ]
    tensors.append({"name": "id", "shape": [len(ids)], "datatype": "BYTES", "data": ids})
    return msgspec.json.encode({"inputs": tensors})


class ServedModel:
    """A caller of the served model, over connections that stay open."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._pool = urllib3.PoolManager(maxsize=2, retries=False, timeout=30)

    def ask(self, body: bytes, headers: Mapping[str, str]) -> list[float]:
        """Send one V2 request and return P(late) of each row.

        Raises:
            Unavailable: the server did not answer, or not with 200.
        """
        try:
            reply = self._pool.request("POST", self.url + INFER, body=body, headers=dict(headers))
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"the model server at {self.url} does not answer: {error}") from error
        if reply.status != 200:
            raise Unavailable(f"the model server answered {reply.status}: {reply.data[:500]!r}")
        scores: list[float] = msgspec.json.decode(reply.data)["outputs"][0]["data"]
        return scores

    def replay(self, flights: pa.Table, largest: int, seed: int) -> Iterator[dict[str, float]]:
        """Ask for all ``flights`` in their order, in portions; yield each request's scores by id.

        A request carries its moment in the header ``watchglass-time``: the schedule of its first flight.
        """
        table = flights.combine_chunks()
        for start, end in portions(table.num_rows, largest, seed):
            rows = table.slice(start, end - start).to_pydict()
            time: datetime = rows["time"][0]
            ids: list[str] = rows["id"]
            scores = self.ask(request_body(rows, ids), {"watchglass-time": time.isoformat()})
            yield dict(zip(ids, scores, strict=True))

    def probe(self, row: Mapping[str, Any], identity: str) -> float:
        """Ask for one row afresh, marked as a probe so that it is not taken for traffic."""
        body = request_body({name: [row[name]] for name in data.COLUMNS}, [identity])
        return self.ask(body, {"watchglass-probe": "1"})[0]

"""What the served model of the overhead benchmark is asked."""

import functools
import json

from tests.benchmarks.ingest_rows import CATEGORICAL, MODEL, NUMERIC, rows
from tests.benchmarks.load import MARK, post

INFER = f"/v2/models/{MODEL}/infer"


@functools.cache
def request(count: int) -> bytes:
    """Return a V2 request of so many rows, its id to be numbered; one tensor a column."""
    table = rows(count, 11, "x")
    tensors = [
        {"name": name, "shape": [count], "datatype": kind, "data": table[name].to_pylist()}
        for kind, names in (("FP64", NUMERIC), ("BYTES", CATEGORICAL))
        for name in names
    ]
    return post(INFER, json.dumps({"id": MARK.decode(), "inputs": tensors}).encode(), "application/json")

"""Ingests until it is killed: says what is registered, then prints each number once it is acknowledged.

Arguments: the store's file, and the first number of each lane that is not acknowledged yet.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock, Thread

import numpy as np
import pyarrow as pa

from monitor.clock import ManualClock
from monitor.ingest import Ingest
from monitor.schema import Conformed, conform
from monitor.store import Store
from monitor.types import Feature, Inference, Kind, Label, Model, ModelSchema, Settings, Task, Window

START, NOW = datetime(2013, 5, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC)
FEATURES = (Feature(name="delay", kind=Kind.NUMERIC), Feature(name="carrier", kind=Kind.CATEGORICAL))
SCHEMA = ModelSchema(model="flights", task=Task.BINARY, classes=("no", "yes"), features=FEATURES)
SIZES = (1, 20, 7, 40)
"""How many rows each lane sends at a time."""


def inferences(lane: int, first: int, count: int) -> list[Inference]:
    made = []
    for number in range(first, first + count):
        score = float(np.random.default_rng([lane, number]).random())
        made.append(
            Inference(
                id=f"{lane}-{number}",
                time=START + timedelta(minutes=number % 1440),
                features={"delay": score * 9, "carrier": "AB"[number % 2]},
                scores=(score,),
            )
        )
    return made


def rows(lane: int, first: int, count: int) -> Conformed:
    return conform(inferences(lane, first, count), SCHEMA, source="http", now=NOW)


def truth(lane: int, number: int) -> Label:
    return Label(id=f"{lane}-{number}", value="yes" if number % 3 else "no")


def main() -> None:
    store = Store.open(Path(sys.argv[1]), threads=1)
    ingest = Ingest(store, ManualClock(NOW), flush_rows=300, flush_seconds=0.05)
    if not store.catalog.models():
        store.catalog.put_model(
            Model(name="flights", schema=SCHEMA, settings=Settings(segments=("carrier",)), created=START)
        )
        batch = rows(9, 0, 200).batch
        ingest.register_reference(
            "flights", "1", batch.append_column("_label", pa.nulls(200, pa.string())), Window(START, NOW)
        )
    ingest.start()
    saying = Lock()

    def send(lane: int, first: int) -> None:
        while True:
            size = SIZES[lane]
            labels = [truth(lane, number) for number in range(first, first + size) if number % 2]
            if lane % 2:  # by the journal, and the truths after it
                plain = inferences(lane, first, size)
                ingest.submit("flights", None, source="http", received=size, rows=plain, plain=True).result()
                ingest.submit("flights", None, labels, source="http", received=len(labels)).result()
            else:
                sent = rows(lane, first, size)
                ingest.submit("flights", sent, labels, source="http", received=size + len(labels)).result()
            first += size
            with saying:
                sys.stdout.write(f"{lane} {first}\n")
                sys.stdout.flush()

    for lane, first in enumerate(sys.argv[2:]):
        Thread(target=send, args=(lane, int(first)), daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()

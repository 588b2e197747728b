"""How long a captured row takes to be durable while drift and accuracy are computed beside it, in one process."""

import time
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import numpy as np

from monitor.clock import ManualClock
from monitor.ingest import Ingest
from monitor.schema import conform
from monitor.store import Store
from monitor.types import Inference, Window
from tests.benchmarks import drift_speed_rows as made
from tests.benchmarks.drift_speed_answer import Answers

_TURN = 50  # rows of one turn, with jobs or without
_PAUSE = 0.002
_BETWEEN = 0.05  # a tick's jobs over one window, then other models' turn


def capture_p99_ratio(folder: Path, rows: int, stored: int) -> float:
    """Return the 99th percentile with jobs running, over that without, of so many rows each, in turns.

    ``stored`` rows of 30 days are there before.
    """
    clock = ManualClock(made.START + timedelta(days=30))
    taken: dict[bool, list[float]] = {False: [], True: []}
    with Store.open(folder / "capture.db") as store:
        made.fill(store, stored, 30, reference_rows=stored // 4, keep_rows=True)
        ingest = Ingest(store, clock)
        ingest.start()
        try:
            answers = Answers(store)
            window = Window(made.START, made.START + timedelta(days=30))
            answers.drift(window)
            sent = 0
            while len(taken[True]) < rows:
                for busy in (False, True):
                    taken[busy] += _turn(ingest, answers, window, clock, sent, busy=busy)
                    sent += _TURN
        finally:
            ingest.stop()
    return float(np.percentile(taken[True], 99) / np.percentile(taken[False], 99))


def _turn(
    ingest: Ingest, answers: Answers, window: Window, clock: ManualClock, sent: int, *, busy: bool
) -> list[float]:
    over = Event()

    def jobs() -> None:
        while not over.wait(_BETWEEN):
            answers.drift(window)
            answers.accuracy(window)

    beside = Thread(target=jobs)
    if busy:
        beside.start()
    taken = []
    try:
        for number in range(sent, sent + _TURN):
            inference = Inference(
                version=made.VERSION,
                id=f"live-{number}",
                time=clock.now(),
                features=dict.fromkeys(made.NUMBERS, 0.5) | dict.fromkeys(made.CATEGORIES, "c1"),
                scores=(0.25,),
            )
            rows = conform([inference], made.SCHEMA, source="http", now=clock.now())
            began = time.perf_counter()
            ingest.submit(made.NAME, rows, source="http", received=1).result(120)
            taken.append(time.perf_counter() - began)
            time.sleep(_PAUSE)
    finally:
        over.set()
        if busy:
            beside.join()
    return taken

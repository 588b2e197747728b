"""The rows of the statistics bench, one group a file.

To add a group, put one file here with ``measure(options) -> Iterator[Row]``. `tests.benchmarks.statistics` finds it,
runs it, and puts its figures into the table and the JSON line.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from tests.benchmarks.streams.stream import Stream

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Options:
    """What is measured.

    Attributes:
        seeds: 0 to 4 to develop on, 5 to 9 held out.
        data: a folder with another stream, in place of flights and car loan; see `tests.benchmarks.streams.folder`.
        peers: whether Evidently, PSI and NannyML are measured beside ours.
        scale: the share of the trials to run; 1 for the bench, less to see that it works.
        workers: processes at once.
    """

    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    data: Path | None = None
    peers: bool = False
    scale: float = 1.0
    workers: int = 2

    def streams(self) -> list[Stream]:
        """Return the real streams to measure on."""
        from tests.benchmarks.streams.carloan import carloan
        from tests.benchmarks.streams.flights import flights
        from tests.benchmarks.streams.folder import folder

        return [folder(self.data)] if self.data is not None else [flights(), carloan()]

    def trials(self, number: int) -> int:
        """Return how many trials a seed makes where all seeds together are to make ``number``; at least 1."""
        return max(1, round(self.scale * number / len(self.seeds)))


@dataclass(frozen=True)
class Row:
    """One figure: its name, its value, and how it compares.

    Attributes:
        figure: the key in the JSON line; ``key.part`` for an entry of a nested figure.
        value: a number, or True and False.
        bar: what it has to be, in words; empty where there is no bar.
        held: whether it is; None without a bar.
        peer: what others reach.
    """

    figure: str
    value: Any
    bar: str = ""
    held: bool | None = None
    peer: str = ""


def spread(work: Callable[[T], R], parts: Iterable[T], workers: int) -> Iterator[R]:
    """Run ``work`` on every part in processes of their own, and yield the results in order."""
    if workers < 2:
        yield from map(work, parts)
        return
    for library in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(library, "1")  # threads of several processes wait for each other more than they work
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        yield from pool.map(work, parts)

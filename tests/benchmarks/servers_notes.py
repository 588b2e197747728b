"""The notes that clients of real servers take: what they sent, and what they were answered."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.servers_wire import Tensor


@dataclass(frozen=True)
class Noted:
    """One exchange as its client saw it."""

    inputs: list[Tensor]
    outputs: list[Tensor]

    @property
    def rows(self) -> int:
        """How many rows were asked."""
        return len(self.inputs[0].rows)


def read_notes(path: Path) -> list[Noted]:
    """Return the exchanges in order."""
    return [Noted(*(_tensors(line[side]) for side in ("inputs", "outputs"))) for line in map(json.loads, path.open())]


def _tensors(told: list[dict[str, object]]) -> list[Tensor]:
    return [Tensor(**one) for one in told]  # type: ignore[arg-type]


def say(*words: object) -> None:
    """Print a line at once."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()

"""What one bad input is: what is sent, and what must come of it.

A case gets a server and the name of a model of its own, and fails with an `AssertionError` where the answer or its
effect is another. `CASES` maps the number to what it is in words and how to try it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.benchmarks.fuzz_server import Answer, Server

JSON = {"content-type": "application/json"}

Check = Callable[["At"], None]


@dataclass(frozen=True, slots=True)
class Case:
    """One bad input: what it is, and how to try it."""

    behaviour: str
    check: Check


CASES: dict[int, Case] = {}


def case(number: int, behaviour: str) -> Callable[[Check], Check]:
    """Note a function as the case of this number."""

    def note(check: Check) -> Check:
        CASES[number] = Case(behaviour, check)
        return check

    return note


@dataclass(frozen=True, slots=True)
class At:
    """One model of one server, and what a case needs to ask it."""

    server: Server
    model: str

    @property
    def path(self) -> str:
        """Where the model is."""
        return f"/v1/models/{self.model}"

    def post(self, body: bytes, headers: Mapping[str, str] = JSON, what: str = "inferences") -> Answer:
        """Post a body to the model."""
        return self.server.ask("POST", f"{self.path}/{what}", body, headers)

    def rows(self, *rows: Any) -> Answer:
        """Post rows as JSON."""
        return self.post(json.dumps(rows).encode())

    def refused(self, status: int, body: bytes, headers: Mapping[str, str] = JSON) -> None:
        """A body is refused whole with a status; the problem says so, and nothing was counted."""
        same(self.post(body, headers).status, status)
        same(self.lines(), {})

    def stored(self, name: str) -> Any:
        """Return one stored row."""
        answer = self.server.ask("GET", f"{self.path}/inferences/{quote(name, safe='')}")
        same(answer.status, 200)
        return answer.body

    def lines(self) -> dict[tuple[str, str], int]:
        """Return how many rows met which fate, by (outcome, reason)."""
        found = self.server.ask("GET", f"/v1/ledger?model={self.model}")["lines"]
        return {(line["outcome"], line["reason"]): line["rows"] for line in found}

    def letters(self) -> list[Any]:
        """Return the model's dead letters."""
        return list(self.server.ask("GET", f"{self.path}/dead-letters")["letters"])

    def flagged(self, features: bytes, flag: str, extra: Any = None) -> Any:
        """A row of these features is stored and flagged; ``extra`` is what is kept beside the columns."""
        same(self.post(b'[{"id": "a", "scores": [0.5], "features": ' + features + b"}]")["stored"], 1)
        row = self.stored("a")
        if flag not in row["flags"]:
            raise AssertionError(f"flags are {row['flags']}, without {flag}")
        same(row["extra"], extra)
        return row

    def buried(self, body: bytes, headers: Mapping[str, str] = JSON, collector: str = "v2") -> None:
        """A body is acknowledged, counted as rejected, and kept byte for byte as a dead letter."""
        answer = self.post(body, headers, f"collect/{collector}")
        same((answer.status, answer["rejected"], answer["stored"]), (200, 1, 0))
        (letter,) = self.letters()
        same((letter["form"], letter["body"]), (collector, body.decode()))


def same(got: Any, wanted: Any) -> None:
    """Fail where the two differ."""
    if got != wanted:
        raise AssertionError(f"got {str(got)[:400]}; expected {wanted}")


def row(**given: Any) -> dict[str, Any]:
    """Return a row that is good but for what is given."""
    return {"id": "a", "features": {"temp": 1.5, "carrier": "AA", "seats": 3}, "scores": [0.25]} | given


GOOD = json.dumps([row()]).encode()


def try_case(server: Server, number: int, *, model: str = "") -> None:
    """Try one case on a model of its own.

    Raises:
        AssertionError: what came of it is not what must.
    """
    name = model or f"case-{number:02}"
    server.register(name)
    CASES[number].check(At(server, name))
    if not server.alive:
        raise AssertionError(f"the server is gone:\n{server.log()}")

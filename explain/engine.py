"""What the worker process does: load a model, keep it warm, explain one row, and answer in plain data.

Started by :mod:`explain.worker` as ``python -c "from explain.engine import main; main()" FD`` with one end of a socket
pair; jobs and replies are msgpack, so that nothing is ever unpickled. It ends when the other end closes.
"""

import contextlib
import ctypes
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from explain.asking import Asking, exhausted
from explain.columns import Column, as_column, asked
from explain.explainers import Attribution, explainer, explainers
from explain.models import Allowed, ModelAdapter, adapter
from explain.quality import card
from monitor.errors import Unavailable, WatchglassError
from monitor.types import ModelSchema

WARM_MODELS = 4

MARK = b"\x1e"
"""Parts what jobs print: written before each, and behind it. One byte, so that it is never cut in two."""

ASK = "ask"
"""The method of a job that only asks the model: ``row`` has n rows, and what it answers comes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The first message: what holds for every job. ``memory_mb`` bounds the process's data memory; 0 is no bound."""

    allowed: Allowed
    threads: int = 1
    memory_mb: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One explanation to make. ``output`` is the class to explain of a model with one output per class."""

    spec: dict[str, Any]
    schema: ModelSchema
    model_hash: str
    method: str
    row: dict[str, list[Any]]
    background: dict[str, list[Any]]
    seed: int
    settings: dict[str, int]
    output: int | None = None
    seconds: float = 60.0
    many: bool = False  # `row` has n rows; each is explained, without the card


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of it. ``fatal`` asks the parent to start a fresh worker; ``answers`` are those to `ASK`."""

    attribution: Attribution | None = None
    attributions: list[Attribution] | None = None
    answers: list[float] | None = None
    error: str = ""
    message: str = ""
    fatal: bool = False


class Engine:
    """The warm models, and one job after another."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._warm: OrderedDict[tuple[str, bytes], ModelAdapter] = OrderedDict()

    def run(self, job: Job) -> Attribution:
        """Explain one row.

        Raises:
            InvalidInput: the model does not load, or the settings do not fit the method.
            Unavailable: the model does not answer.
        """
        model = self._model(job)

        row, background = _columns(job.row, job.schema), _columns(job.background, job.schema)
        ask = Asking(model, job.output)
        method = explainer(job.method)()
        method.look_into(model, job.output)
        found = method.explain(ask, row, background, job.schema, seed=job.seed, **job.settings)
        told = card(ask, row, background, job.schema, found, job.seed)
        return replace(found, quality={**found.quality, **told, **ask.said})

    def many(self, job: Job) -> list[Attribution]:
        """Explain each of a job's rows.

        Raises:
            As `run`.
        """
        model = self._model(job)
        rows, background = _columns(job.row, job.schema), _columns(job.background, job.schema)
        ask = Asking(model, job.output)
        found = []
        for at in range(len(next(iter(rows.values())))):
            method = explainer(job.method)()
            method.look_into(model, job.output)
            row = {name: column[at : at + 1] for name, column in rows.items()}
            found.append(method.explain(ask, row, background, job.schema, seed=job.seed, **job.settings))
        return found

    def ask(self, job: Job) -> list[float]:
        """Return what the model answers to the rows of a job: the explained output of each."""
        model = self._model(job)
        answers: list[float] = Asking(model, job.output)(_columns(job.row, job.schema)).tolist()
        return answers

    def _model(self, job: Job) -> ModelAdapter:
        key = (job.model_hash, msgspec.json.encode((job.spec, job.schema), order="deterministic"))
        if key not in self._warm:
            cls = adapter(job.spec)
            model = cls.load(job.spec, job.schema, self._allowed)
            if cls.fingerprint(job.spec) != job.model_hash:
                raise Unavailable("the model's files changed while they were loaded; ask again")
            self._warm[key] = model
            if len(self._warm) > WARM_MODELS:
                self._warm.popitem(last=False)[1].close()
        self._warm.move_to_end(key)
        return self._warm[key]


def _columns(values: Mapping[str, list[Any]], schema: ModelSchema) -> dict[str, Column]:
    return {feature.name: asked(as_column(values[feature.name], feature), feature) for feature in schema.features}


def answer(engine: Engine, job: Job) -> bytes:
    """Run one job and return whatever comes of it as an encoded :class:`Reply`."""
    try:
        if job.method == ASK:
            return msgspec.msgpack.encode(Reply(answers=engine.ask(job)))
        if job.many:
            return msgspec.msgpack.encode(Reply(attributions=engine.many(job)))
        return msgspec.msgpack.encode(Reply(attribution=engine.run(job)))
    except WatchglassError as error:
        reply = Reply(error=type(error).__name__, message=str(error))
    except Exception as error:  # noqa: BLE001 - the process's boundary: a broken model must not end the worker
        memory = exhausted(error)
        message = f"{type(error).__name__}: {error}"[:1_000]
        reply = Reply(error="Memory" if memory else "Model", message=message, fatal=memory)
    return msgspec.msgpack.encode(reply)


def main() -> None:
    """Serve jobs on the file descriptor given as the only argument until the parent goes away."""
    pipe = Connection(int(sys.argv[1]))
    printed = os.dup(1)  # a model may close its own
    start = msgspec.msgpack.decode(pipe.recv_bytes(), type=Start)
    _limit_memory(start.memory_mb)
    import torch

    torch.set_num_threads(start.threads)
    engine = Engine(start.allowed)
    try:
        _warm()  # libraries take seconds to import: they are not of any job's time
        pipe.send_bytes(b"ready")
        while True:
            given = pipe.recv_bytes()
            _part(printed)
            pipe.send_bytes(b"begun")  # from here on a death may be the job's doing, and it is given to no other
            job = msgspec.msgpack.decode(given, type=Job)
            # The parent ends a job that takes too long; should it be gone, the alarm does.
            signal.alarm(int(job.seconds) + 10)
            reply = answer(engine, job)
            signal.alarm(0)
            _part(printed)
            pipe.send_bytes(reply)
    except (EOFError, OSError):
        os._exit(0)  # the parent closed its end


def _part(printed: int) -> None:
    """Part what was printed, by Python or by C, from what will be."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # a model may have put something else there
            stream.flush()
    ctypes.CDLL(None).fflush(None)
    os.write(printed, MARK)


def _warm() -> None:
    for method in explainers().values():
        with contextlib.suppress(Exception):  # a job that needs the method says what is wrong with it
            method.warm()


def _limit_memory(megabytes: int) -> None:
    """Bound the memory this process can allocate (heap and private mappings), so that the server keeps the rest."""
    if megabytes and sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (megabytes * 2**20, megabytes * 2**20))

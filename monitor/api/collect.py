"""Take what model servers and their loggers send, each in its own format, at one address per format."""

import asyncio
import time
from collections.abc import Mapping
from typing import cast

import monitor.collectors
from monitor.api.capture import LARGE, Capture
from monitor.api.gather import Gathered, Reading, check_framing, gather, unread
from monitor.api.operation import BodySpec, Call, Operation, Parameter, Reply
from monitor.api.problem import Problem
from monitor.api.services import Services
from monitor.api.waking import Waker
from monitor.collectors import Collector
from monitor.errors import InvalidInput, NotFound
from monitor.ingest import Collected
from monitor.plugins import plugins
from monitor.schema import check_name
from monitor.types import Model

_QUERY = (
    Parameter(name="columns", description="Names for the columns of an unnamed matrix or CSV, by commas."),
    Parameter(name="version", description="The version that answered, where neither body says so."),
    Parameter(name="id_column", description="The input whose values are the rows' ids, if there is one.", default="id"),
)
_HEADERS = (
    Parameter(name="watchglass-path", where="header", description="TorchServe: the body is what this path was asked."),
    Parameter(name="watchglass-status", where="header", description="TorchServe: the body was answered, so."),
    Parameter(name="watchglass-schema", where="header", description="BentoML: the monitor's schema, one line of JSON."),
    Parameter(name="watchglass-tensor", where="header", description="v2: NAME DATATYPE SIZE… of a raw tensor."),
)
_PSEUDO = {"watchglass-path": ":path", "watchglass-status": ":status"}


class Collect:
    """The handler of every collector's address. It answers once rows and halves are durable.

    A sender that tells but once (`Collector.tells_once`) is answered 200 whatever its body holds: what cannot be read
    is kept as a dead letter and counted. Others are told 400 where the body is not of the format at all.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._capture = Capture(services)
        self._waker = Waker()
        self._versions: set[tuple[str, str]] = set()
        self._collectors = {name: kind() for name, kind in plugins(monitor.collectors, Collector).items()}

    async def post(self, call: Call) -> Reply:
        """Take one body."""
        collector = self._collector(call.path["collector"])
        model = self._services.store.catalog.model(call.path["model"])
        self._services.ingest.check(model.name)
        version = call.text("version")
        if version is not None:
            check_name("version", version)
        reading = Reading(
            collector=collector,
            model=model,
            headers=_headers(call, model),
            source=collector.name,
            version=version,
            id_column=cast("str", call.values["id_column"]),
        )
        if call.refused is not None:
            return await self._lost(call.refused, reading)
        if len(call.body) < LARGE:
            gathered = self._read(call.body, reading)
        else:
            gathered = await asyncio.to_thread(self._read, call.body, reading)
        return Reply(await self._submit(gathered, reading))

    async def replay(
        self, model: Model, name: str, body: bytes, headers: Mapping[str, str], number: int
    ) -> tuple[int, int]:
        """Read a dead letter's body again; return how many rows were stored, and how many were there already.

        Raises:
            NotFound: there is no such collector any more.
            InvalidInput: it still cannot be read; nothing was counted.
        """
        collector = self._collector(name)
        reading = Reading(
            collector=collector,
            model=model,
            headers=headers,
            source=name,
            version=headers.get("watchglass-version"),
            id_column=headers.get("watchglass-id-column", "id"),
        )
        gathered = await asyncio.to_thread(gather, body, reading, self._services.clock.now())
        if gathered.error is not None:
            raise gathered.error
        for bad in gathered.rejected:
            raise InvalidInput(bad.detail)
        told = await self._submit(gathered, reading, replays=[number])
        return told.stored, told.duplicate

    def _collector(self, name: str) -> Collector:
        found = self._collectors.get(name)
        if found is None:
            raise NotFound(f"There is no collector {name[:80]!r}; there are {', '.join(self._collectors)}.")
        return found

    def _read(self, body: bytes, reading: Reading) -> Gathered:
        """Read a body.

        Raises:
            Problem: 400 it is not of the format, and its sender can be told so.
        """
        collector = reading.collector
        strict = not collector.tells_once and not collector.files
        if strict and "json" in reading.headers.get("content-type", ""):
            check_framing(body, reading.headers)
        gathered = gather(body, reading, self._services.clock.now())
        if gathered.nothing and not collector.tells_once:
            known = check_framing(body, reading.headers)
            if not isinstance(known, dict) or not known:
                raise Problem(400, str(gathered.error))
        return gathered

    async def _lost(self, problem: Problem, reading: Reading) -> Reply:
        """Count a body that could not be received.

        Raises:
            Problem: the same, for a sender that can be told, or where the body is larger than anything that is read.
        """
        if not reading.collector.tells_once or problem.status == 408:
            raise problem
        receipt = await self._submit(unread(problem, b"", reading), reading)
        if problem.status == 413:
            raise problem
        return Reply(receipt)

    async def _submit(self, gathered: Gathered, reading: Reading, replays: list[int] | None = None) -> Collected:
        model = reading.model.name
        begun = time.perf_counter()
        waiting = self._services.ingest.submit(
            model,
            gathered.conformed,
            gathered.labels,
            source=reading.source,
            received=gathered.received,
            replays=replays or (),
            halves=gathered.halves,
        )
        receipt = cast("Collected", await self._waker.wait(waiting))
        self._services.commit_seconds.observe(time.perf_counter() - begun)
        # Which version answered is known only once both sides are there.
        fresh = {(model, version) for version in receipt.versions} - self._versions
        if fresh:
            await asyncio.to_thread(self._capture.register, model, fresh)
            self._versions |= fresh
        return receipt


def _headers(call: Call, model: Model) -> dict[str, str]:
    """Return what the collector is told beside the body; the query goes before headers, which loggers cannot set."""
    given = {name.lower(): value for name, value in call.headers.items()}
    given |= {pseudo: given[name] for name, pseudo in _PSEUDO.items() if name in given}
    given.setdefault("watchglass-task", model.schema.task.value)
    said = {"watchglass-columns": call.text("columns"), "watchglass-version": call.text("version")}
    return given | {name: value for name, value in said.items() if value is not None}


def operations(services: Services) -> list[Operation]:
    """Return the operation that takes every collector's format."""
    return [
        Operation(
            method="POST",
            path="/v1/models/{model}/collect/{collector}",
            name="collect",
            summary="Take a body in a model server's own format: KServe's logger events, V1, V2, SageMaker, BentoML ….",
            tag="capture",
            handler=Collect(services).post,
            replies={200: Collected},
            errors=(400, 404, 408, 413, 415, 422, 429, 503, 507),
            parameters=_QUERY + _HEADERS,
            body=BodySpec(media=("*/*",), forgiving=True),
        )
    ]

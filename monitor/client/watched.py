"""The hooks on a torch module: they look, and whatever happens in them stays with them.

torch is handed in, so that only `monitor.client.torch` imports it.
"""

import inspect
import logging
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock, local
from types import FrameType
from typing import Any, Self

from monitor.client.client import Client
from monitor.client.copying import Budget, Copying, TooLarge
from monitor.client.devices import Devices, Span
from monitor.client.hooks import After, Before
from monitor.client.pace import UnderWay
from monitor.client.probe import is_probing
from monitor.client.seen import Reading, Seen

_log = logging.getLogger(__name__)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True, slots=True)
class _Call:
    """One call of a module that is under way: what it was given, and what of the allowance its copies left."""

    span: Span
    inputs: Any
    ids: list[object] | None
    rows: int
    left: Budget


class _Running(local):
    """The calls that this thread is in: the frame that each was made from, and what was copied of it, if anything."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, _Call | None]] = []


class Watched:
    """The hooks on one module; made by `watch`.

    Attributes:
        counts: calls left out, by reason: ``training``, ``probe``, ``nested`` (within another call of the same
            module), ``cuda_graph`` (while one is recorded), ``compiled`` (graphs made without the hooks), ``failed``
            (an exception of capture itself, told in `Client.stats`), ``too_large``.
    """

    def __init__(
        self,
        torch: Any,
        module: Any,
        client: Client,
        reading: Reading,
        devices: Devices,
        ids: Callable[[], str | Sequence[str] | None],
        *,
        training: bool,
        max_bytes: int,
    ) -> None:
        torch.compiler.assume_constant_result(Watched.compiled)
        self.torch = torch
        self._tensor, self._ids = torch.Tensor, ids
        self._client, self._reading, self._devices = client, reading, devices
        self._training, self._max_bytes = training, max_bytes
        self._parameters = _parameters(module)
        self._running = _Running()
        self._counting = Lock()
        self._open: dict[int, tuple[UnderWay, int]] = {}
        self.counts: Counter[str] = Counter()
        self._handles = [
            module.register_forward_pre_hook(Before(self), with_kwargs=True),
            module.register_forward_hook(After(self), with_kwargs=True, always_call=True),
        ]

    def remove(self) -> None:
        """Take the hooks off; what was captured is still sent."""
        for handle in self._handles:
            handle.remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    def before(self, module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Copy what the module is given, because it may change it, and start the clock."""
        call: _Call | None = None
        calls = self._running.calls
        try:
            while calls and not _is_running(calls[-1][0]):
                self._abandon(calls.pop()[1])  # an exception passed all hooks by, as KeyboardInterrupt does
            why = "nested" if calls else self._left_out(module)
            if why:
                self._leave_out(why)
            else:
                call = self._begin(module, args, kwargs)
                self._opened(call)
        except Exception as error:  # noqa: BLE001 - the served module must not notice; counted
            self._failed(error, _rows(args))
        calls.append((id(sys._getframe(2)), call))  # noqa: SLF001 - the frame that calls the module, held by nothing

    def after(self, result: Any) -> None:
        """Stop the clock, copy what the module answered, and queue both."""
        calls = self._running.calls
        if not calls:
            return
        call = calls.pop()[1]
        if call is None or self._open.pop(id(call), None) is None:
            return  # not captured; or the client has ended and told that it was unfinished
        try:
            call.span.end()
            if result is None and sys.exc_info()[0] is not None:
                self._client.count("errors")
                return
            outputs = Copying(self._tensor, call.span, call.left).outputs(result, whole=callable(self._reading.output))
            call.span.seal()
            self._client.put(
                Seen(
                    model=self._client.model,
                    version=self._client.version,
                    reading=self._reading,
                    inputs=call.inputs,
                    outputs=outputs,
                    span=call.span,
                    ids=call.ids,
                    rows=call.rows,
                    size=self._max_bytes - call.left.bytes,
                )
            )
        except Exception as error:  # noqa: BLE001 - the served module must not notice; counted
            self._failed(error, call.rows)

    def _opened(self, call: _Call | None) -> None:
        if call is not None:
            under_way = self._client.under_way
            self._open[id(call)] = (under_way, call.rows)
            under_way.watch(self)

    def unfinished(self) -> None:
        """Count the calls of this process that have begun and not ended: their client ends, and nobody will tell."""
        for key, (under_way, rows) in list(self._open.items()):
            if self._open.pop(key, None) is not None and under_way is self._client.under_way:
                self._client.lost("unfinished", rows, "the client was closed while it was under way")

    def _abandon(self, call: _Call | None) -> None:
        if call is not None:
            self._open.pop(id(call), None)
            with suppress(Exception):  # whatever a device in trouble raises: nobody waits for this call
                call.span.end()

    def _leave_out(self, why: str) -> None:
        if why == "training" and not self.counts[why]:
            _log.warning(
                "A watched module is in training mode: not captured. Call .eval(), or watch with training=True."
            )
        self.count(why)

    def count(self, why: str) -> None:
        """Count a call that is not captured."""
        with self._counting:
            self.counts[why] += 1

    def compiled(self) -> None:
        """Say that a graph was made without the hooks; run once while it is made, and no part of it."""
        self.count("compiled")
        _log.warning(
            "A watched module was compiled; its compiled calls are not captured. Watch what torch.compile returns: "
            "watch(torch.compile(module), ...)."
        )

    def _left_out(self, module: Any) -> str:
        if is_probing():
            return "probe"
        return "training" if module.training and not self._training else ""

    def _begin(self, module: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> _Call | None:
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, self._tensor)]
        first = next(module.parameters(), given[0] if given else None)
        span = self._devices.span(None if first is None else first.device)
        if span is None:
            self.count("cuda_graph")
            return None
        ids = self._ids()
        left = Budget(self._max_bytes)
        copying = Copying(self._tensor, span, left)
        if self._reading.features is None:
            inputs = copying.tensors(args, kwargs, self._parameters)
        else:
            inputs = copying.whole((args, dict(kwargs)))
        rows = next((len(tensor) for tensor in given if tensor.ndim), 1)
        call = _Call(span, inputs, None if ids is None else [ids] if isinstance(ids, str) else list(ids), rows, left)
        span.begin()
        return call

    def _failed(self, error: Exception, rows: int) -> None:
        large = isinstance(error, TooLarge)
        self.count("too_large" if large else "failed")
        with suppress(Exception):  # even counting may fail, in a process that ends
            self._client.lost("too_large" if large else "unserialisable", rows, error)


def _rows(args: tuple[Any, ...]) -> int:
    shape: Sequence[int] = getattr(next(iter(args), None), "shape", ())
    return int(shape[0]) if len(shape) else 1


def _is_running(frame: int) -> bool:
    """Whether the frame of that identity is among those that led here."""
    at: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the way Python gives to the stack
    while at is not None:
        if id(at) == frame:
            return True
        at = at.f_back
    return False


def _parameters(module: Any) -> list[str]:
    """Return the names of what ``forward`` takes, through the wrappers that torch has."""
    inner = getattr(module, "_orig_mod", module)
    inner = inner.module if type(inner).__name__ in ("DataParallel", "DistributedDataParallel") else inner
    try:
        return [name for name, each in inspect.signature(inner.forward).parameters.items() if each.kind in _POSITIONAL]
    except (TypeError, ValueError):
        return []

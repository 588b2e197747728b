"""Trace files of NVIDIA Triton at the level TENSORS: capture without touching requests.

The file is an array of events that share a trace's ``id``: one names the model, one each gives a timestamp or a tensor,
whose ``data`` and ``shape`` are numbers by commas. (https://github.com/triton-inference-server/server,
docs/user_guide/trace.md.) Triton writes floats with six digits, and nothing at all of FP16 and BF16.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from monitor.collectors import Collector, Half
from monitor.collectors.inflate import inflated
from monitor.collectors.pairing import pair, task_of
from monitor.collectors.records import each
from monitor.collectors.tabular import joined
from monitor.collectors.v2 import Tensor, columns_of
from monitor.collectors.v2_binary import Tail
from monitor.errors import InvalidInput
from monitor.types import Inference, Label, Task

_ALLOWED = "an array of Triton's trace events"
_SIDES = {"TENSOR_QUEUE_INPUT": "request", "TENSOR_BACKEND_OUTPUT": "response"}
_NUMBER: Mapping[str, Callable[[str], Any]] = {"BOOL": lambda text: bool(int(text)), "FP32": float, "FP64": float}


@dataclass(slots=True)
class Trace:
    """What the events of one id say."""

    model: str | None = None
    version: str | None = None
    request: str | None = None
    parent: bool = False
    tensors: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)


class TritonTrace(Collector):
    """Traced requests as inferences, or as a `Half` where one side was not traced.

    A trace's model is told by ``model_name``; steps inside an ensemble (traces with a parent) belong to the ensemble's
    and give nothing of their own unless asked for. Triton's clock is not the time of day, so inferences have a latency
    but no time. Headers: ``watchglass-model`` to read that model's traces alone, steps included; ``watchglass-task``
    says what the model predicts, needed for a regression that answers fractions.
    """

    name = "triton_trace"
    files = True

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:
        r"""Read one trace file; one that Triton has not closed yet is read as far as it goes.

        Raises:
            InvalidInput: not such a file; or, after the good traces, what was wrong with the others.

        >>> body = b'[{"id": 1, "model_name": "m", "model_version": 1, "request_id": "q"},' \
        ...     b'{"id": 1, "activity": "TENSOR_QUEUE_INPUT", "tensor": {"name": "x", "data": "1.5,2.5",' \
        ...     b'"shape": "1,2", "dtype": "FP32"}}]'
        >>> half, = TritonTrace().parse(body, {})
        >>> half.id, half.model, half.columns
        ('q', 'm', {'x': [[1.5, 2.5]]})
        """
        task, wanted = task_of(headers, "triton_trace"), headers.get("watchglass-model")
        traces = _joined(_events(inflated(body, name="triton_trace")))
        chosen = (
            (place, (place, trace))
            for place, trace in traces.items()
            if trace.tensors and (trace.model == wanted if wanted else not trace.parent)
        )
        yield from each(chosen, lambda one: _read(*one, task), name="triton_trace", what="trace")


def _events(body: bytes) -> list[Any]:
    # Texts in tensors are not escaped, and small integers are single characters, control characters among them.
    text = body.decode("utf-8", "surrogateescape").strip()
    if text.startswith("[") and not text.endswith("]"):
        text = text.rstrip(",") + "]"
    try:
        events = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"triton_trace: {error}; {_ALLOWED} is allowed") from None
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise InvalidInput(f"triton_trace: {_ALLOWED} is allowed")
    return events


def _joined(events: list[dict[str, Any]]) -> dict[int, Trace]:
    traces: dict[int, Trace] = {}
    for event in events:
        place = event.get("id")
        if type(place) is not int or not event.keys() & {"model_name", "timestamps", "activity"}:
            raise InvalidInput(
                f"triton_trace: got an event of the keys {sorted(event)[:8]!s:.200}; {_ALLOWED} is allowed"
            )
        trace = traces.setdefault(place, Trace())
        if "model_name" in event:
            version = event.get("model_version")
            trace.model = str(event["model_name"])
            trace.version = None if version in (None, -1) else str(version)
            trace.request = str(event["request_id"]) if event.get("request_id") else None
            trace.parent = bool(event.get("parent_id"))
        for stamp in event["timestamps"] if isinstance(event.get("timestamps"), list) else ():
            if isinstance(stamp, dict) and type(stamp.get("ns")) is int:
                trace.times[str(stamp.get("name"))] = stamp["ns"]
        side = _SIDES.get(str(event.get("activity")))
        if side is not None:
            tensor = event.get("tensor")
            trace.tensors.setdefault(side, []).append(tensor if isinstance(tensor, dict) else {})
    return traces


def _read(place: int, trace: Trace, task: Task | None) -> Iterator[Inference | Half]:
    sides: tuple[Literal["request"], Literal["response"]] = ("request", "response")
    halves = [_half(side, place, trace) for side in sides if side in trace.tensors]
    if len(halves) == 1:
        return iter(halves)
    # Ids of traces begin anew with every start of the server, so they cannot name rows.
    unnamed = [replace(half, exchange=None) for half in halves]
    try:
        return iter(pair(*unnamed, task=task, latency_ms=_latency(trace.times)))
    except InvalidInput:
        return iter(halves)  # sides of different rows: both are kept, and seen to be unpaired


def _half(side: Literal["request", "response"], place: int, trace: Trace) -> Half:
    columns = joined(_columns(tensor) for tensor in trace.tensors[side])
    counts = {name: len(values) for name, values in columns.items()}
    if len(set(counts.values())) > 1:
        raise InvalidInput(f"tensors differ in rows: {dict(list(counts.items())[:5])}; all must have as many")
    return Half(
        side=side,
        rows=next(iter(counts.values()), 0),
        columns=columns,
        id=trace.request,
        exchange=str(place),
        model=trace.model,
        version=trace.version,
    )


def _columns(tensor: Mapping[str, Any]) -> Any:
    parts = [tensor.get(key) for key in ("name", "data", "shape", "dtype")]
    if not all(isinstance(part, str) for part in parts):
        raise InvalidInput("a tensor has not name, data, shape and dtype as texts; all must be there")
    name, data, shape, datatype = (str(part) for part in parts)
    shown = f"tensor {name[:80]!r}"
    if datatype in ("FP16", "BF16") and not data:
        raise InvalidInput(f"{shown}: Triton does not trace the values of {datatype}")
    try:
        sizes = [int(size) for size in shape.split(",")] if shape else []
        values = _values(data, datatype)
    except ValueError:
        raise InvalidInput(
            f"{shown}: data {data[:40]!r}, shape {shape[:40]!r}; numbers by commas are allowed"
        ) from None
    return columns_of(Tensor(name, sizes, datatype, values), Tail(b""))


def _values(data: str, datatype: str) -> list[Any]:
    if not data:
        return []
    if datatype == "BYTES":
        return data[1:-1].split('","')
    if datatype in ("INT8", "UINT8") and not re.fullmatch(r"-?\d+(,-?\d+)*", data):
        # Triton writes these as characters, of which one may be the comma itself.
        codes = data[::2].encode("utf-8", "surrogateescape")
        return [code - 256 if datatype == "INT8" and code > 127 else code for code in codes]
    return [_NUMBER.get(datatype, int)(value) for value in data.split(",")]


def _latency(times: Mapping[str, int]) -> float | None:
    for start, end in (("HTTP_RECV_START", "HTTP_SEND_END"), ("REQUEST_START", "REQUEST_END")):
        if start in times and end in times and times[end] >= times[start]:
            return (times[end] - times[start]) / 1e6
    return None

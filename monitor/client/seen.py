"""A call of a model in this process, copied; made rows of later, on the client's thread."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from monitor.client.devices import Span
from monitor.client.items import Kind, LoggedRows, Row, new_identity
from monitor.client.snapshot import take_inputs, take_outputs
from monitor.client.tensors import Array, answers_of, columns_of


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read what a model takes and gives; see `monitor.client.torch.watch`."""

    columns: Sequence[str] | None
    features: Callable[..., Any] | None
    output: str | Callable[[Any], Any]

    def inputs(self, given: Any) -> Any:
        """Return what `Client.log` takes as inputs."""
        if self.features is not None:
            args, kwargs = given
            return self.features(*args, **kwargs)
        return columns_of({name: array(tensor) for name, tensor in given.items()}, self.columns)

    def answers(self, given: Any) -> Any:
        """Return what `Client.log` takes as outputs."""
        return self.output(given) if callable(self.output) else answers_of(array(given), self.output)


@dataclass(slots=True)
class Seen:
    """One call in the client's queue."""

    model: str
    version: str
    reading: Reading
    inputs: Any
    outputs: Any
    span: Span
    ids: list[object] | None
    rows: int
    size: int
    identity: str = field(default_factory=new_identity)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    kind: Kind = "inferences"

    def build(self) -> Iterator[Row]:
        """Wait for the device, and make one row per inference.

        Raises:
            ValueError: inputs, outputs and ids are not as many.
            TimeoutError: the device never finished.
        """
        ran: Mapping[str, Any] = self.span.result()
        inputs = take_inputs(self.reading.inputs(self.inputs))
        outputs = take_outputs(self.reading.answers(self.outputs))
        counts = {"inputs": inputs.rows, "outputs": outputs.rows} | ({"ids": len(self.ids)} if self.ids else {})
        if len(set(counts.values())) != 1:
            raise ValueError(f"a call has {counts} rows; they must be as many")
        yield from LoggedRows(
            self.model, self.version, inputs, outputs, self.ids, None, ran["latency_ms"], self.identity, self.now,
            inputs.rows, self.size, {name: ran[name] for name in _RAN if ran.get(name) is not None},
        ).build()  # fmt: skip


_RAN = ("device", "device_ms", "memory_mb")


def array(tensor: Any) -> Array:
    """Return a copied tensor as NumPy's, wherever it is; what NumPy has no type for (bfloat16) in float32."""
    if isinstance(tensor, np.ndarray):
        return tensor
    tensor = tensor.detach().cpu()
    try:
        found: Array = tensor.numpy()
    except TypeError:
        found = tensor.float().numpy()
    return found

"""Capture what an onnxruntime session is given and answers.

from monitor.client import Client
from monitor.client.onnx import watch
session = watch(onnxruntime.InferenceSession("model.onnx"), Client("http://127.0.0.1:8080", "flights", version="2"))
answers = session.run(None, {"temp": temp, "wind": wind})

The session is wrapped: ``run`` and ``run_with_ort_values`` take and return just what they did, the same objects;
everything else is the session's own; ``run_async`` and ``run_with_iobinding`` are not captured. onnxruntime itself is
not imported here.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from monitor.client.client import Client
from monitor.client.copying import TooLarge
from monitor.client.devices import HostSpan
from monitor.client.probe import is_probing, request_id
from monitor.client.seen import Reading, Seen
from monitor.client.tensors import OUTPUTS
from monitor.errors import InvalidInput

__all__ = ["WatchedSession", "request_id", "watch"]

MAX_BYTES = 4 * 2**20
"""Most bytes that are copied of one call."""


def watch(
    session: Any,
    client: Client,
    *,
    columns: Sequence[str] | None = None,
    features: Callable[[Mapping[str, Any]], Any] | None = None,
    output: str | Callable[[Mapping[str, Any]], Any] = "probability",
    answer: str | None = None,
    max_bytes: int = MAX_BYTES,
) -> "WatchedSession":
    """Return ``session`` with every call captured.

    Args:
        session: an ``onnxruntime.InferenceSession``.
        client: what sends; exceptions of capture are counted there and never raised.
        columns: names of the columns of the one matrix it takes. Without them inputs are called as the model names
            them, and matrices of at most 64 columns become ``name-0`` …; an input [n, 1] is the column of its name.
        features: for anything else: given copies of the inputs by name, on the client's thread, returns what
            `Client.log` takes as inputs.
        output: what the model answers: ``probability``, ``logit``, ``logits`` or ``prediction``; or a function of a
            copy of the outputs by name that returns what `Client.log` takes as outputs.
        answer: the output to read; the first of a float type if not given (a classifier of scikit-learn answers its
            label first), else the first.
        max_bytes: calls with more in inputs and outputs are not captured but counted (``too_large``).

    Raises:
        InvalidInput: ``output`` or ``answer`` is not known.
    """
    if not callable(output) and output not in OUTPUTS:
        raise InvalidInput(f"output: got {output!r}; allowed: {', '.join(OUTPUTS)}, or a function")
    names = [each.name for each in session.get_outputs()]
    if answer is not None and answer not in names:
        raise InvalidInput(f"answer: got {answer!r}; the model's outputs are {', '.join(names)}")
    return WatchedSession(session, client, Reading(columns, features, output), answer, max_bytes)


class WatchedSession:
    """An inference session whose calls are captured; made by `watch`. ``session`` is the one within."""

    def __init__(self, session: Any, client: Client, reading: Reading, answer: str | None, max_bytes: int) -> None:
        self.session = session
        self._client, self._reading, self._answer, self._max_bytes = client, reading, answer, max_bytes
        self._outputs = [each.name for each in session.get_outputs()]
        self._device = _device(session)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def run(self, output_names: Any, input_feed: Mapping[str, Any], run_options: Any = None) -> Any:
        """Run the session; arguments, result and exceptions are its own."""
        return self._ran(self.session.run, output_names, input_feed, run_options, np.asarray)

    def run_with_ort_values(
        self, output_names: Any, input_dict_ort_values: Mapping[str, Any], options: Any = None
    ) -> Any:
        """Run the session on its own kind of values; arguments, result and exceptions are its own."""
        return self._ran(
            self.session.run_with_ort_values, output_names, input_dict_ort_values, options, lambda value: value.numpy()
        )

    def _ran(
        self,
        run: Callable[..., Any],
        names: Any,
        feed: Mapping[str, Any],
        options: Any,
        array: Callable[[Any], Any],
    ) -> Any:
        if is_probing():
            return run(names, feed, options)
        copied = self._copied(feed, array, self._max_bytes)
        begun = time.perf_counter()
        try:
            with self._client.under_way:
                result = run(names, feed, options)
        except BaseException:
            self._client.count("errors")
            raise
        elapsed = (time.perf_counter() - begun) * 1000
        if copied is not None:
            self._keep(copied, names, result, elapsed, array)
        return result

    def _copied(self, feed: Mapping[str, Any], array: Callable[[Any], Any], left: int) -> dict[str, Any] | None:
        try:
            return _copies({str(name): array(value) for name, value in feed.items()}, left)
        except Exception as error:  # noqa: BLE001 - the served model must not notice; counted
            self._lost(error, feed)
            return None

    def _keep(
        self, inputs: dict[str, Any], names: Any, result: Any, elapsed: float, array: Callable[[Any], Any]
    ) -> None:
        try:
            taken = _size(inputs.values())
            asked = list(names) if names else self._outputs
            # Sequences and maps, as scikit-learn's probabilities, are for a function: they are handed over as they are.
            answered = {name: array(v) if not isinstance(v, list) else v for name, v in zip(asked, result, strict=True)}
            if not callable(self._reading.output):
                chosen = self._answer or _floats(answered)
                answered = {chosen: answered[chosen]}
            copied = _copies(answered, self._max_bytes - taken)
            ids = request_id.get()
            self._client.put(
                Seen(
                    model=self._client.model,
                    version=self._client.version,
                    reading=self._reading,
                    inputs=((inputs,), {}) if self._reading.features is not None else _flat(inputs),
                    outputs=copied if callable(self._reading.output) else next(iter(copied.values())),
                    span=HostSpan(self._device, elapsed=elapsed),
                    ids=None if ids is None else [ids] if isinstance(ids, str) else list(ids),
                    rows=_rows(inputs),
                    size=taken + _size(copied.values()),
                )
            )
        except Exception as error:  # noqa: BLE001 - the served model must not notice; counted
            self._lost(error, inputs)

    def _lost(self, error: Exception, feed: Mapping[str, Any]) -> None:
        self._client.lost("too_large" if isinstance(error, TooLarge) else "unserialisable", _rows(feed), error)


def _copies(arrays: Mapping[str, Any], left: int) -> dict[str, Any]:
    size = _size(arrays.values())
    if size > left:
        raise TooLarge(f"a call has {size:,} bytes where {max(left, 0):,} are allowed; allow more by max_bytes=")
    return {name: array.copy() for name, array in arrays.items()}


def _size(arrays: Any) -> int:
    """Return about how many bytes arrays, or lists of mappings, take."""
    return sum(array.nbytes if hasattr(array, "nbytes") else 200 * len(array) for array in arrays)


def _flat(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs with columns written as [n, 1] as columns."""
    return {name: array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array for name, array in inputs.items()}


def _floats(outputs: Mapping[str, Any]) -> str:
    found = (name for name, array in outputs.items() if getattr(getattr(array, "dtype", None), "kind", "") == "f")
    return next(found, next(iter(outputs)))


def _rows(feed: Mapping[str, Any]) -> int:
    shapes = (value.shape for value in feed.values() if hasattr(value, "shape") and not callable(value.shape))
    shape: Sequence[int] = next(shapes, ())
    return int(shape[0]) if len(shape) else 1


def _device(session: Any) -> str:
    """Return what the session's first provider computes on, as torch would call it."""
    provider = next(iter(session.get_providers()), "CPUExecutionProvider")
    if provider in ("CUDAExecutionProvider", "TensorrtExecutionProvider"):
        options = session.get_provider_options().get(provider, {})
        return f"cuda:{options.get('device_id', 0)}"
    return str(provider).removesuffix("ExecutionProvider").lower()

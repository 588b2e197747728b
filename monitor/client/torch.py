"""Capture what a served torch module is given and answers, by hooks that change nothing about it.

from monitor.client import Client
from monitor.client.torch import watch
watch(module, Client("http://127.0.0.1:8080", "flights", version="2"), columns=["temp", "wind"], output="logits")

Works in eager mode under grad, no_grad and inference_mode, on the CPU and CUDA, and around DataParallel. Of
torch.compile, watch the compiled module: ``watch(torch.compile(module), …)``. The hooks of a module that is compiled
after it was watched are left out of the graph; a warning says so. ScriptModules take no hooks and are refused.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from monitor.client.client import Client
from monitor.client.devices import Devices
from monitor.client.probe import probing, request_id
from monitor.client.seen import Reading
from monitor.client.tensors import OUTPUTS
from monitor.client.watched import Watched
from monitor.errors import InvalidInput

if TYPE_CHECKING:
    import torch

__all__ = ["probing", "request_id", "watch"]

MAX_BYTES = 4 * 2**20
"""Most bytes that are copied of one call."""


def watch(
    module: "torch.nn.Module",
    client: Client,
    *,
    columns: Sequence[str] | None = None,
    features: Callable[..., Any] | None = None,
    output: str | Callable[[Any], Any] = "probability",
    training: bool = False,
    peak_memory: bool = True,
    max_bytes: int = MAX_BYTES,
) -> Watched:
    """Capture every call of ``module``.

    Args:
        module: the served module; its mode, gradients and outputs stay as they are.
        client: what sends; exceptions of capture are counted there and never raised.
        columns: names of the columns of the one matrix it takes. Without them a lone tensor is ``input``, several are
            called as the parameters of ``forward``, and matrices of at most 64 columns become ``input-0`` …
        features: for anything else: given copies of all arguments on the CPU, on the client's thread, returns what
            `Client.log` takes as inputs.
        output: what it answers: ``probability``, ``logit`` (of the positive class), ``logits`` (of the classes),
            ``prediction`` (numbers as they are), or a function of a copy that returns what `Client.log` takes. Of a
            tuple or mapping without a function, the first tensor.
        training: whether calls in training mode are captured too.
        peak_memory: whether torch's peak of CUDA memory may be reset between calls, to know each call's own.
        max_bytes: calls with more in inputs and outputs are not captured but counted (``too_large``).

    Returns:
        A handle: ``remove()``, or use it as a context manager; ``counts`` says what was left out.

    Raises:
        InvalidInput: it takes no hooks, or ``output`` is not known.
    """
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        raise InvalidInput("a ScriptModule takes no hooks; watch an nn.Module that calls it")
    if module.__dict__.get("_compiled_call_impl") is not None:
        raise InvalidInput("the module was compiled in place, hooks and all; watch(torch.compile(module), …) instead")
    if not callable(output) and output not in OUTPUTS:
        raise InvalidInput(f"output: got {output!r}; allowed: {', '.join(OUTPUTS)}, or a function")
    reading = Reading(columns, features, output)
    devices = Devices(torch, peak_memory=peak_memory)
    return Watched(torch, module, client, reading, devices, request_id.get, training=training, max_bytes=max_bytes)

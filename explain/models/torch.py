"""A torch model: a registered class, safetensors weights and a JSON config. Nothing is ever unpickled.

The specification of a version's artifact::

    {"adapter": "torch", "class": "pkg.mod:Class", "weights": "/models/late.safetensors", "config": "/models/late.json"}

The class must be in the configuration's allow list (``explain.classes``), be importable where the server runs, and keep
this protocol::

    class Late(torch.nn.Module):
        @classmethod
        def from_config(cls, config: Mapping[str, Any]) -> "Late": ...

        def predict(self, columns: Mapping[str, np.ndarray]) -> np.ndarray: ...

``from_config`` builds the module from the JSON object (sizes, vocabularies, means); the weights are then loaded into
it by ``load_state_dict(strict=True)``. ``predict`` gets every schema feature by its name, n rows each: numeric,
integer, boolean and timestamp columns are float64 with NaN for null, categorical and text columns are object arrays
of ``str | None``, and images, embeddings and sequences of one shape one array [n, …]. It returns float64 [n]:
P(positive class) for a binary task, the value for regression; for a multiclass task [n, classes] in schema order.
Nulls and categories never seen must work. It is called in inference mode, in evaluation mode, on a copy of the model
that only Watchglass holds, and must be deterministic. The module is put on a GPU where there is one; a class that makes
its inputs on the processor is moved back.

Where gradients are to be followed (integrated and expected gradients), the class has two more methods::

    def explain_inputs(self, columns: Mapping[str, np.ndarray]) -> Mapping[str, Tensor]: ...
    def explain_outputs(self, inputs: Mapping[str, Tensor]) -> Tensor: ...

The first returns one floating tensor for each feature it uses, [n, …]: numbers as the network reads them, embeddings of
categories and tokens. The second answers them as ``predict`` answers the columns, but differentiably.
"""

import importlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from explain.asking import exhausted
from explain.columns import Column
from explain.files import Specification, digest, file_digest, read, text
from explain.models import Allowed, Gradients, ModelAdapter, checked
from monitor.client.probe import probing
from monitor.errors import InvalidInput
from monitor.types import ModelSchema, Task


class TorchAdapter(ModelAdapter):
    """A torch module of a registered class."""

    name = "torch"
    has_gradients = True

    def __init__(self, module: Any, task: Task, classes: Sequence[str] = ()) -> None:
        self._module = module
        self._task, self._classes = task, classes
        self.device = best_device()
        module.to(self.device)
        self._settled = self.device == "cpu"

    @classmethod
    def load(cls, spec: Specification, schema: ModelSchema, allowed: Allowed) -> "TorchAdapter":
        """Build the module from its config and fill in the weights.

        Raises:
            InvalidInput: the class is not allowed or does not keep the protocol, or weights and config do not fit it.
        """
        factory = _registered(text(spec, "class"), allowed)
        config = _config(read(text(spec, "config"), "config"))
        weights = read(text(spec, "weights"), "weights")
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import load

        try:
            # Fresh layers draw their first weights from torch's global generator: the caller's must not move.
            with torch.random.fork_rng(devices=[]):
                module = factory.from_config(config)
            if not isinstance(module, torch.nn.Module) or not callable(getattr(module, "predict", None)):
                raise InvalidInput(f"{spec['class']}.from_config must return a torch.nn.Module with a predict method")
            module.load_state_dict(load(weights), strict=True)
        except (RuntimeError, KeyError, TypeError, ValueError, SafetensorError) as error:
            raise InvalidInput(f"weights and config do not fit {spec['class']}: {error}") from error
        return cls(module.eval().requires_grad_(False), schema.task, schema.classes)

    @classmethod
    def fingerprint(cls, spec: Specification) -> str:
        """Return the sha256 of class name, weights and config.

        Raises:
            InvalidInput: a key is missing or a file cannot be read.
        """
        weights, config = (file_digest(text(spec, what), what) for what in ("weights", "config"))
        return digest(text(spec, "class").encode(), weights, config)

    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the module's outputs, [n] or [n, classes]."""
        import torch

        rows = len(next(iter(columns.values())))
        with probing(), torch.inference_mode():
            try:
                outputs = self._module.predict(columns)
            except (RuntimeError, TypeError) as error:
                # A class that makes its tensors on the processor cannot be asked elsewhere: it is moved back, once.
                if self._settled or exhausted(error):
                    raise
                self.device = "cpu"
                self._module.to("cpu")
                outputs = self._module.predict(columns)
            self._settled = True
            return checked(outputs, rows, self._task, self._classes)

    def gradients(self) -> Gradients | None:
        """Return the module's own ``explain_inputs`` and ``explain_outputs``, None where its class has not both."""
        inputs, outputs = (getattr(self._module, f"explain_{what}", None) for what in ("inputs", "outputs"))
        return Gradients(inputs, outputs) if callable(inputs) and callable(outputs) else None


def best_device() -> str:
    """Return "cuda" where torch finds a GPU, else "cpu"."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _registered(path: str, allowed: Allowed) -> Any:
    """Return the allowed class at "pkg.mod:Class"; only an allowed module is ever imported."""
    if path not in allowed.classes:
        listed = ", ".join(allowed.classes) or "none"
        raise InvalidInput(
            f"model class {path!r} is not allowed; explain.classes in the configuration lists: {listed}. "
            "Whoever runs the server can add it to `classes` under [explain] in watchglass.toml, and start it again"
        )
    module, _, name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"model class {path!r} cannot be imported where the server runs: {error}") from error
    if not callable(getattr(found, "from_config", None)):
        raise InvalidInput(f"model class {path!r} has no class method from_config(config)")
    return found


def _config(body: bytes) -> Mapping[str, Any]:
    try:
        config = json.loads(body)
    except ValueError as error:
        raise InvalidInput(f"the model's config is not JSON: {error}") from error
    if not isinstance(config, dict):
        raise InvalidInput(f"the model's config must be a JSON object, got {type(config).__name__}")
    return config

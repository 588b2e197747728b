"""Models that can be explained: each adapter turns a specification into one ``predict`` over columns.

To add a kind of model, add one file here with a concrete :class:`ModelAdapter`; it is found by its ``name``, which is
what ``"adapter"`` in a version's ``artifact`` (or ``"endpoint"``) says. Import heavy packages inside the methods: the
module is imported by the server too, which must never load a model framework.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.files import Specification, check_pinned
from monitor.errors import InvalidInput, Unavailable
from monitor.plugins import plugins
from monitor.types import ModelSchema, Task

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""The hosts that may be probed unless the configuration names others."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the administrator trusts.

    ``classes`` are model classes by "package.module:Class", ``endpoints`` by "host" or "host:port", ``types`` what a
    scikit-learn file may hold beside the usual, ``files`` the sha256 of files that can run code.
    """

    classes: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = LOOPBACK
    types: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trees:
    """An ensemble of trees as its own library holds it, for methods that read the trees themselves.

    ``matrix`` turns the columns of n rows into what the trees read, [n, inputs]; ``owners`` names the feature that each
    of these inputs is of.
    """

    model: Any
    matrix: Callable[[Mapping[str, Column]], npt.NDArray[np.float64]]
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gradients:
    """A torch model taken apart for methods that follow gradients, without touching the module.

    ``inputs`` turns the columns of n rows into one floating tensor for each feature, [n, …] (tokens: their embeddings);
    ``outputs`` answers such tensors with [n] or [n, classes], differentiably.
    """

    inputs: Callable[[Mapping[str, Column]], Mapping[str, Any]]
    outputs: Callable[[Mapping[str, Any]], Any]


class ModelAdapter(ABC):
    """One loaded model, asked in batches.

    ``hash`` says which model answered: the same hash means the same answers. It is computed by
    :meth:`fingerprint`, without loading the model, so that a cached explanation is found cheaply.
    ``max_rows`` is the largest batch it should be asked in.
    """

    name: ClassVar[str]
    max_rows: ClassVar[int] = 16_384
    cheap: ClassVar[bool] = True  # False: every row is a probe that somebody else's server pays for
    device: str = "cpu"  # where it computes, as people are told
    has_trees: ClassVar[bool] = False  # True: `trees` answers for most models of the kind
    in_log_odds: ClassVar[bool] = False  # True: a classifier's trees add up to log odds, not to its answers
    has_gradients: ClassVar[bool] = False  # True: `gradients` answers for most models of the kind

    @classmethod
    @abstractmethod
    def load(cls, spec: Specification, schema: ModelSchema, allowed: Allowed) -> "ModelAdapter":
        """Load the model.

        Raises:
            InvalidInput: the specification is malformed, names something that is not allowed, or does not load.
        """

    @classmethod
    @abstractmethod
    def fingerprint(cls, spec: Specification) -> str:
        """Return the sha256 that identifies the model, loading nothing heavy.

        Raises:
            InvalidInput: the specification is malformed or its files cannot be read.
        """

    @abstractmethod
    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the model's outputs for n rows: [n] (P(positive) or the value) or [n, classes].

        Raises:
            Unavailable: the model did not answer, or not with one finite number per row (and class).
        """

    def trees(self) -> Trees | None:
        """Return the model's trees, None where it has none."""
        return None

    def gradients(self) -> Gradients | None:
        """Return what follows gradients through the model, None where nothing can."""
        return None

    def close(self) -> None:  # noqa: B027 - most models hold nothing that must be released
        """Release what the model holds."""


def adapters() -> dict[str, type[ModelAdapter]]:
    """Return every adapter by its name.

    >>> sorted(adapters())
    ['catboost', 'endpoint', 'lightgbm', 'onnx', 'sklearn', 'torch', 'torch_export', 'xgboost']
    """
    return plugins(sys.modules[__name__], ModelAdapter)


def adapter(spec: Specification) -> type[ModelAdapter]:
    """Return the adapter that ``spec["adapter"]`` names.

    Raises:
        InvalidInput: there is no such adapter; the message lists those there are.
    """
    known = adapters()
    name = spec.get("adapter")
    if name not in known:
        raise InvalidInput(f'no model adapter {name!r}; set "adapter" to one of: {", ".join(known)}')
    return known[str(name)]


def model_hash(spec: Specification) -> str:
    """Return what identifies the model of a specification: its adapter's fingerprint.

    Raises:
        InvalidInput: the specification is malformed, its files cannot be read, or are not those it names by hash.
    """
    check_pinned(spec)
    return adapter(spec).fingerprint(spec)


def as_type(values: npt.NDArray[Any], dtype: str, name: str) -> npt.NDArray[Any]:
    """Return numbers as a model's input takes them.

    >>> as_type(np.array([1.0, 2.0]), "int64", "age").tolist()
    [1, 2]

    Raises:
        InvalidInput: one is missing, and the input takes whole numbers, which have no missing one.
    """
    if np.dtype(dtype).kind in "iub" and values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InvalidInput(
            f"the model's input {name!r} takes {dtype}, which has no missing value, and some rows that would be asked "
            "have one; export the model with an input of floats, or have it explained through its endpoint"
        )
    return values.astype(dtype)


def linked(outputs: npt.NDArray[np.float64], link: str) -> npt.NDArray[np.float64]:
    """Return the probabilities that a model's raw outputs stand for.

    >>> linked(np.zeros((1, 4)), "softmax").tolist()
    [[0.25, 0.25, 0.25, 0.25]]

    Raises:
        InvalidInput: the link is not known, or "softmax" of one number per row, which would always be 1.
    """
    if link == "identity":
        return outputs
    if link == "sigmoid":
        return np.asarray(0.5 * (1 + np.tanh(outputs / 2)))
    if link == "softmax":
        if outputs.ndim < 2 or outputs.shape[-1] < 2:
            raise InvalidInput(
                'the model answers one number per row, and "link" softmax needs one for each class; set it to sigmoid'
            )
        raised = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
    raise InvalidInput(f'"link" must be identity, sigmoid or softmax; got {link!r}')


def checked(outputs: Any, rows: int, task: Task, classes: Sequence[str] = ()) -> npt.NDArray[np.float64]:
    """Return a model's answer as finite float64 [rows] or [rows, classes].

    A binary model may answer [n, 1] or [n, 2] (negative, positive); both become P(positive) [n]. One of several
    classes answers a number for each of them, where the schema names them.

    >>> checked([[0.25, 0.75]], 1, Task.BINARY)
    array([0.75])

    Raises:
        Unavailable: another shape, or an answer that is not finite.
        InvalidInput: not as many numbers per row as there are classes.
    """
    array = np.asarray(outputs, dtype=np.float64)
    if array.ndim not in (1, 2) or array.shape[0] != rows or array.size == 0:
        raise Unavailable(f"the model answered {array.shape} for {rows} rows; [{rows}] or [{rows}, classes] is needed")
    if not np.isfinite(array).all():
        raise Unavailable(f"the model answered {int((~np.isfinite(array)).sum())} numbers that are not finite")
    each = array.shape[1] if array.ndim == 2 else 1
    several = len(classes) if task is Task.MULTICLASS else 0
    if (several and each != several) or (task is Task.BINARY and each > 2):
        named = f"{several} classes ({', '.join(classes)})" if several else "two classes"
        raise InvalidInput(
            f"the model answers {each} numbers per row, and the schema has {named[:300]}; register the model that "
            "served, or the classes that it has, in its order"
        )
    if array.ndim == 1:
        return array
    if each == 1:
        return array[:, 0]
    return array[:, -1] if task is Task.BINARY else array


def places(classes: Sequence[str], known: Iterable[object]) -> list[int]:
    """Return where the schema's classes are among those that a model names; as they are where it names others.

    >>> places(("late", "on time"), ["on time", "late"]), places(("no", "yes"), [0, 1])
    ([1, 0], [0, 1])
    """
    named = [str(each) for each in known]
    return [named.index(each) for each in classes] if set(classes) == set(named) else list(range(len(named)))

"""Copies of the tensors of one call, within an allowance of bytes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from monitor.client.devices import Span

_DEEPEST = 20


class TooLarge(ValueError):
    """A call has more to copy than may be copied."""


class Budget:
    """How many bytes of one call may still be copied."""

    def __init__(self, size: int) -> None:
        self.bytes = self.size = size

    def take(self, tensor: Any) -> None:
        """Take what a tensor needs.

        Raises:
            TooLarge: it is more than is left.
        """
        needed = tensor.numel() * tensor.element_size()
        if needed > self.bytes:
            raise TooLarge(f"a call has more than {self.size:,} bytes of tensors; allow more by max_bytes=")
        self.bytes -= needed

    @property
    def taken(self) -> int:
        """How many bytes were copied."""
        return self.size - self.bytes


class Copying:
    """Copies what a module is given and answers.

    Args:
        tensor: what a tensor is, ``torch.Tensor``.
        span: makes the copies.
        left: how much may be copied.
    """

    def __init__(self, tensor: type, span: Span, left: Budget) -> None:
        self._tensor, self._span, self._left = tensor, span, left

    def tensors(self, args: Sequence[Any], kwargs: Mapping[str, Any], parameters: Sequence[str]) -> dict[str, Any]:
        """Copy the tensors among the arguments, by name: ``input`` where there is one, else the parameter's."""
        placed = {parameters[place] if place < len(parameters) else f"input{place}": v for place, v in enumerate(args)}
        named = [(name, v) for name, v in {**placed, **kwargs}.items() if isinstance(v, self._tensor)]
        return {name if len(named) > 1 else "input": self._copy(tensor) for name, tensor in named}

    def outputs(self, result: Any, *, whole: bool) -> Any:
        """Copy all of an answer, or the first tensor in it.

        Raises:
            TypeError: there is no tensor in it.
        """
        if whole:
            return self.whole(result)
        first = _first(result, self._tensor)
        if first is None:
            raise TypeError(f"outputs: got {type(result).__name__} without a tensor; give output= a function")
        return self._copy(first)

    def whole(self, value: Any) -> Any:
        """Copy tensors in tuples, lists and mappings; anything else is passed on as it is."""
        return _mapped(value, self._tensor, self._copy)

    def _copy(self, tensor: Any) -> Any:
        self._left.take(tensor)
        return self._span.copy(tensor)


def _first(value: Any, tensor: type) -> Any:
    if isinstance(value, tensor):
        return value
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return next((each for each in inner if isinstance(each, tensor)), None)


def _mapped(value: Any, tensor: type, copy: Callable[[Any], Any], depth: int = 0) -> Any:
    if isinstance(value, tensor):
        return copy(value)
    if depth > _DEEPEST:
        raise TypeError(f"a call's tensors are nested more than {_DEEPEST} deep")
    if isinstance(value, Mapping):
        return {name: _mapped(each, tensor, copy, depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [_mapped(each, tensor, copy, depth + 1) for each in value]
    if isinstance(value, tuple):
        parts = [_mapped(each, tensor, copy, depth + 1) for each in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value

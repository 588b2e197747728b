"""What torch calls before and after a watched module; copies and files of the module hold hooks that do nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.client.watched import Watched


class Before:
    """The hook before a call. Copies of the module, and its file, hold a hook that does nothing in its place."""

    def __init__(self, watched: "Watched") -> None:
        self._watched = watched

    def __call__(self, module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Only look."""
        torch = self._watched.torch
        if torch.compiler.is_compiling():
            self._watched.compiled()
        elif not torch.jit.is_tracing():
            self._watched.before(module, args, kwargs)

    def __reduce__(self) -> tuple[Callable[[], Callable[..., None]], tuple[()]]:
        return _silent, ()


class After:
    """The hook after a call; as `Before`."""

    def __init__(self, watched: "Watched") -> None:
        self._watched = watched

    def __call__(self, _module: Any, _args: object, _kwargs: object, result: Any) -> None:
        """Only look."""
        torch = self._watched.torch
        if not torch.compiler.is_compiling() and not torch.jit.is_tracing():
            self._watched.after(result)

    def __reduce__(self) -> tuple[Callable[[], Callable[..., None]], tuple[()]]:
        return _silent, ()


def _silent() -> Callable[..., None]:
    return _nothing


def _nothing(*_: object) -> None:
    """Stand for a hook in a copy of a watched module."""

"""The decorator that captures what a predict function is given and returns."""

import functools
import inspect
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from monitor.client.client import Client

F = TypeVar("F", bound=Callable[..., Any])


def watched(client: "Client", function: F, ids: Callable[[Any], Iterable[object]] | None) -> F:
    """Return ``function``, captured by ``client``; see `Client.watch`."""
    place = 1 if next(iter(inspect.signature(function).parameters), "") in ("self", "cls") else 0

    @functools.wraps(function)
    def plain(*args: Any, **kwargs: Any) -> Any:
        call = _Call(client, ids, args, kwargs, place)
        try:
            with client.under_way:
                outputs = function(*args, **kwargs)
        except BaseException:
            client.count("errors")
            raise
        call.end(outputs)
        return outputs

    @functools.wraps(function)
    async def waiting(*args: Any, **kwargs: Any) -> Any:
        call = _Call(client, ids, args, kwargs, place)
        try:
            with client.under_way:
                outputs = await function(*args, **kwargs)
        except BaseException:
            client.count("errors")
            raise
        call.end(outputs)
        return outputs

    return cast("F", waiting if inspect.iscoroutinefunction(function) else plain)


class _Call:
    """One call: inputs copied before it, because the function may change them; ids made then too."""

    def __init__(
        self,
        client: "Client",
        ids: Callable[[Any], Iterable[object]] | None,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        place: int,
    ) -> None:
        given = args[place] if len(args) > place else next(iter(kwargs.values()), None)
        self.client = client
        self.ids: Iterable[object] | None = None
        self.taken = client.snapshot(given)
        if self.taken is not None and ids is not None:
            try:
                names = ids(given)
                self.ids = names if isinstance(names, str) else list(names)
            except Exception as error:  # noqa: BLE001 - the user's own function; the served model must not notice
                client.lost("unserialisable", self.taken.rows, error)
                self.taken = None
        self.begun = time.perf_counter()

    def end(self, outputs: Any) -> None:
        elapsed = (time.perf_counter() - self.begun) * 1000
        if self.taken is not None:
            self.client.capture(self.taken, outputs, self.ids, None, elapsed)

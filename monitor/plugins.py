"""Find plug-ins: every concrete subclass of a base in the modules of one package."""

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")

_FOUND: dict[tuple[ModuleType, type], dict[str, type[Any]]] = {}
"""What each package has: requests ask for their method and adapter, and looking takes a millisecond."""


def plugins(package: ModuleType, base: type[T]) -> dict[str, type[T]]:
    """Return the concrete subclasses of ``base`` defined in ``package``'s modules, by their ``name``.

    A file dropped into the package is found; nothing is registered by hand.

    Args:
        package: an imported package, such as ``monitor.drift``.
        base: the abstract class that plug-ins extend; each carries a class attribute ``name``.

    Raises:
        ValueError: two classes carry the same name.
    """
    known: dict[str, type[T]] | None = _FOUND.get((package, base))
    if known is None:
        known = _FOUND[package, base] = _find(package, base)
    return dict(known)


def _find(package: ModuleType, base: type[T]) -> dict[str, type[T]]:
    found: dict[str, type[T]] = {}
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(cls, base) and cls.__module__ == module.name and not inspect.isabstract(cls):
                name = str(getattr(cls, "name"))  # noqa: B009 - the base does not promise the attribute to mypy
                if name in found:
                    raise ValueError(f"{cls.__module__} and {found[name].__module__} both define the plug-in {name!r}")
                found[name] = cls
    return dict(sorted(found.items()))

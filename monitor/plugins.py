"""Find plug-ins: every concrete subclass of a base in the modules of one package."""

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import TypeVar

T = TypeVar("T")


def plugins(package: ModuleType, base: type[T]) -> dict[str, type[T]]:
    """Return the concrete subclasses of ``base`` defined in ``package``'s modules, by their ``name``.

    A file dropped into the package is found; nothing is registered by hand.

    Args:
        package: an imported package, such as ``monitor.drift``.
        base: the abstract class that plug-ins extend; each carries a class attribute ``name``.

    Raises:
        ValueError: two classes carry the same name.
    """
    found: dict[str, type[T]] = {}
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if issubclass(cls, base) and cls.__module__ == module.name and not inspect.isabstract(cls):
                name = str(getattr(cls, "name"))  # noqa: B009 - the base does not promise the attribute to mypy
                if name in found:
                    raise ValueError(f"{cls.__module__} and {found[name].__module__} both define the plug-in {name!r}")
                found[name] = cls
    return dict(sorted(found.items()))

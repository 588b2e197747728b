"""Capture, profiles, drift, accuracy and alerts of served models.

>>> import monitor
>>> monitor.Client.__module__
'monitor.client.client'
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from monitor.client import Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
    """Import `Client` when it is first asked for: most who import a part of this package do not need it."""
    if name == "Client":
        from monitor.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Capture in the process that serves a model, so lightly that the model does not notice.

Nothing here does I/O, waits, or raises on the caller's path: calls copy what they were given into a queue bounded in
bytes, and one daemon thread does the rest. What does not fit is dropped, counted by reason and told to the server.
"""

from monitor.client.client import Client

__all__ = ["Client"]

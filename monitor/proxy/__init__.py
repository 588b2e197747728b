"""A reverse proxy before a model server: every byte passes as it is, and `CaptureMiddleware` around it sees them pass.

``app`` is the ASGI application, ``upstream`` the connections to the model server, ``headers`` what belongs to one
connection and is not passed on.
"""

from monitor.proxy.app import Proxy

__all__ = ["Proxy"]

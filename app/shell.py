"""The HTML page around the dashboard, as Streamlit serves it, put right for addresses below the root.

Opened at ``/model?…``, Streamlit's page first asks for its backend below ``/model/``, gets 404 twice, which the browser
logs as errors, and only then at the root. Told where the backend is, it asks there at once. And where the server has
gone away, Streamlit's page asks people about their internet; ours says what is so.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = b'<script>window.__streamlit={BACKEND_BASE_URL:location.origin+"/"}</script>'
GONE = (
    b"<script>addEventListener('DOMContentLoaded',()=>new MutationObserver(()=>{"
    b"for(const said of document.querySelectorAll('[role=dialog] p,[role=dialog] div'))"
    b"if(!said.children.length&&said.textContent.startsWith('Streamlit server is not responding'))"
    b"said.textContent='The Watchglass server does not answer. What is shown is as it was; this page goes on by itself "
    b"as soon as the server is back.'}).observe(document.body,{childList:true,subtree:true}))</script>"
)
"""What a page says once its server is gone."""
STYLE = b"<style>a:focus-visible{outline:2px solid #2f6fde!important;outline-offset:1px;border-radius:6px}</style>"
"""Links that the keyboard is at are seen to be so; Streamlit draws nothing around them."""
_CHANGES = ((b"<head>", b"<head>" + SCRIPT + GONE + STYLE), (b"<title>Streamlit</title>", b"<title>Watchglass</title>"))


def rooted(app: ASGIApp) -> ASGIApp:
    """Wrap the dashboard so that every HTML page names the backend's address and the product's title."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "." in scope["path"].rpartition("/")[2]:
            await app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await app({**scope, "headers": plain}, receive, _Page(send))

    return wrapped


class _Page:
    """Passes a response on; one of HTML is gathered, changed and sent whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if dict(message["headers"]).get(b"content-type", b"").startswith(b"text/html"):
                self._start = message
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body", False):
                return
            for before, after in _CHANGES:
                self._body = self._body.replace(before, after, 1)
            MutableHeaders(raw=self._start["headers"])["content-length"] = str(len(self._body))
            await self._send(self._start)
            self._start, message = None, {"type": "http.response.body", "body": self._body}
        await self._send(message)

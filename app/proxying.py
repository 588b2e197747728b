"""Run the proxy until it is told to stop."""

import contextlib
import logging
import signal
import sys
from dataclasses import dataclass
from threading import Event, Thread

import uvicorn

from app.listening import is_loopback, listen, url_of
from monitor.client import Client
from monitor.client.asgi import CaptureMiddleware
from monitor.errors import ConfigError, InvalidInput
from monitor.proxy import Proxy

_LOG = logging.getLogger("watchglass")
_DRAIN_SECONDS = 10
_KEEP_ALIVE_SECONDS = 300
"""Longer than clients keep a connection, so that it is never this end that closes one just as it is used."""
_SWITCH_SECONDS = 0.0005
"""How long the thread that reads copies may hold the interpreter while a request waits for it."""
_TELL_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Watched:
    """Which traffic is captured, and as what; see `CaptureMiddleware`."""

    model: str
    version: str | None = None
    task: str | None = None
    id_column: str = "id"
    columns: str | None = None
    path: str | None = None
    tensor: str | None = None


def proxy(upstream: str, watched: Watched, *, host: str, port: int, url: str) -> None:
    """Listen, and pass everything on to ``upstream``, until SIGINT or SIGTERM; then send what was captured.

    Args:
        upstream: the model server, ``http://host:port``.
        watched: what is captured.
        host: where to listen; this machine's own addresses only.
        port: where to listen; 0 takes any free port.
        url: the address of Watchglass.

    Raises:
        ConfigError: the host is not loopback.
        InvalidInput: the upstream or the URL is no address, or the upstream is the proxy itself.
        Unavailable: the port is taken.
    """
    if not is_loopback(host):
        raise ConfigError(
            f"--host is {host!r}; a loopback address (127.0.0.1, ::1, localhost) is allowed. There is no access "
            "control yet: whoever reached the proxy could ask the model, and fill what is watched as they please."
        )
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(f"--url is {url!r:.200}; an address such as http://127.0.0.1:8080 is allowed.")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    passing = Proxy(upstream)
    with contextlib.closing(listen(host, port, option="--listen-port")) as listener:
        if is_loopback(passing.pool.host) and passing.pool.port == listener.getsockname()[1]:
            raise InvalidInput(f"--upstream {upstream} is the proxy itself; give another --listen-port.")
        client = Client(url, watched.model, watched.version or "1", source="proxy")
        app = CaptureMiddleware(
            passing,
            client=client,
            model=watched.model,
            version=watched.version,
            path=watched.path,
            id_column=watched.id_column,
            task=watched.task,
            columns=watched.columns,
            tensor=watched.tensor,
        )
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                # Headers are the model server's own, and what it breaks off is told by the proxy.
                server_header=False,
                date_header=False,
                proxy_headers=False,
                log_level="critical",
                access_log=False,
                ws="none",
                lifespan="on",
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_DRAIN_SECONDS,
            )
        )
        sys.setswitchinterval(_SWITCH_SECONDS)
        _LOG.info("The proxy listens at %s, asks %s and tells %s", url_of(listener), upstream, url)
        # uvicorn raises the signal that ended it once more when it is done; by then it has been obeyed.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stopped = Event()
        Thread(target=tell_of_losses, args=(client, stopped), name="watchglass-losses", daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        stopped.set()
        client.close()
        _LOG.info("Stopped; %s", _told(client, passing))


def _told(client: Client, passing: Proxy) -> str:
    told = client.stats()
    counts = {name: told[name] for name in ("sent", "rejected", "error_responses", "unfinished")}
    counts |= {"unsent": told["queued"]} if told["queued"] else {}
    counts |= {f"dropped {reason}": rows for reason, rows in told["dropped"].items()} | passing.counts
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def tell_of_losses(client: Client, stopped: Event, *, seconds: float = _TELL_SECONDS) -> None:
    """Log what cannot be captured or sent whenever that has changed, until ``stopped`` is set.

    Such as a model that nobody registered, or a Watchglass that is down: the model's clients never notice either.
    """
    before: tuple[dict[str, int], bool] = ({}, False)
    retries = 0
    while not stopped.wait(seconds):
        told = client.stats()
        now = (told["dropped"], told["retries"] > retries)
        retries = told["retries"]
        if now != before:
            lost = ", ".join(f"{rows:,} {reason}" for reason, rows in now[0].items()) or "none"
            state = "Watchglass cannot be reached, and rows wait" if now[1] else "Watchglass is reached"
            _LOG.warning("%s; rows lost so far: %s. Last: %s", state, lost, told["last_error"] or "nothing")
            before = now

"""Run the server until it is told to stop."""

import contextlib
import gc
import logging
import signal
import sys
import time
from pathlib import Path

import uvicorn

from app.connection import connections
from app.link import ADDRESS, PATIENCE, answers, written
from app.listening import listen, url_of
from app.runtime import Runtime
from app.server import create_app, dashboard_installed
from explain.hire import make_worker
from explain.worker import Worker
from monitor.config import Config, load
from monitor.errors import Held

_LOG = logging.getLogger("watchglass")
_DRAIN_SECONDS = 10

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the interpreter from others that wait for it. The committer asks for it after each sync,
with every sender waiting for the answer: Python's own 5 ms is longer than all of its work."""

YOUNG = 20_000
"""How many new objects are looked through for garbage at a time: each row in the queue makes a few, and none is."""


def serve(
    config_file: Path | None,
    *,
    port: int | None = None,
    clock: str | None = None,
    data_dir: Path | None = None,
    dashboard: bool = True,
) -> None:
    """Open the store, listen, and serve until SIGINT or SIGTERM; then commit what waits.

    Args:
        config_file: the configuration file, or None for the usual one.
        port: instead of the configured one; 0 takes any free port.
        clock: instead of the configured one.
        data_dir: instead of the configured one.
        dashboard: whether to serve the dashboard where it is installed.

    Raises:
        ConfigError: the configuration is wrong, such as a host that is not loopback.
        Unavailable: the port is taken, or another process holds the store.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    config = load(config_file)
    given = {"port": port, "clock": clock, "data_dir": data_dir}
    config = _with(config, {key: value for key, value in given.items() if value is not None})
    listener = listen(config.host, config.port)
    config = _with(config, {"port": listener.getsockname()[1]})
    worker = make_worker(config)
    worker.warm()  # it imports its libraries while we do
    shown = dashboard and dashboard_installed()
    runtime = _opened(config, worker)
    address = config.data_dir / ADDRESS
    try:
        address.write_text(url_of(listener))
        runtime.explain.warm(models=True)
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(runtime, dashboard=shown),
                http=connections(),  # type: ignore[arg-type]  # it wants a class, and calls it
                log_level="warning",
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=_DRAIN_SECONDS,
                server_header=False,
            )
        )
        # Obeyed from here on, and not only once uvicorn listens for it; when it is done it raises the signal once more.
        signal.signal(signal.SIGTERM, server.handle_exit)
        _LOG.info("Watchglass listens at %s; its data is in %s", config.base_url, config.data_dir.resolve())
        sys.setswitchinterval(SWITCH_SECONDS)
        gc.freeze()  # what is loaded stays, and need not be looked through again
        gc.set_threshold(YOUNG, 20, 20)
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
    finally:
        address.unlink(missing_ok=True)
        runtime.close()
        listener.close()


def _opened(config: Config, worker: Worker) -> Runtime:
    begun = time.monotonic()
    told = False
    try:
        while True:
            try:
                return Runtime.open(config, workers=[worker])
            except Held:  # by a command, which soon lets go of it; or by another server, which does not
                url = written(config)
                if time.monotonic() > begun + PATIENCE or (url and answers(url)):
                    raise
            if not told:
                _LOG.info("Another process holds the store: waiting up to %.0f s for it", PATIENCE)
                told = True
            time.sleep(0.1)
    except BaseException:
        worker.close()
        raise


def _with(config: Config, changes: dict[str, object]) -> Config:
    """Return ``config`` with ``changes``; a base URL that only repeated host and port follows them."""
    values = config.model_dump() | changes
    if config.base_url == Config(host=config.host, port=config.port).base_url:
        values["base_url"] = ""
    return Config(**values)

"""Getting models ready before anybody asks: their first explanation should not wait for files and first calls."""

import logging
from concurrent.futures import wait
from typing import TYPE_CHECKING

from explain.choosing import FALLBACK
from explain.queue import Queue
from explain.request import Asked, Requests
from monitor.errors import WatchglassError

if TYPE_CHECKING:
    from monitor.store import Store

MODELS = 4
"""As many as a worker keeps."""

_LOG = logging.getLogger("watchglass.explain")


def warm_models(store: "Store", requests: Requests, queue: Queue) -> int:
    """Have the newest row of each of a few models explained for nobody, and wait for it; return how many.

    Only model files are asked: an endpoint is somebody's server.
    """
    begun = []
    for model in store.catalog.models()[:MODELS]:
        try:
            for newest in store.rows.inferences(model.name, limit=1).select(["_id", "_version"]).to_pylist():
                row = Asked(
                    model=model.name,
                    inference_id=newest["_id"],
                    version=newest["_version"],
                    method=FALLBACK,
                    target="artifact",
                    settings={"rows": 2_000},
                )
                begun.append(queue.put(model.name, requests.make(row).job).found)
        except WatchglassError as error:
            _LOG.info("the model %s is not made ready for explanations: %s", model.name, error)
    wait(begun)
    return len(begun)

"""TorchServe's inference API: ``/predictions/{model}[/{version}]``, whose bodies are whatever the handler speaks.

Its KServe routes (``/v1/models/…:predict``, ``/v2/models/…/infer``) carry V1 and V2 bodies, which are read here too.
(https://github.com/pytorch/serve, docs/inference_api.md.)
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from monitor.collectors import Collector, Half
from monitor.collectors.address import model_of, request_id
from monitor.collectors.freeform import read
from monitor.errors import InvalidInput
from monitor.types import Inference, Label


class TorchServe(Collector):
    """One side of a prediction: JSON, a form, text or bytes, as `freeform` reads them.

    Headers: ``:path`` for model and version, and with it the body is a request; ``:status``, and with it the body is a
    response; ``x-request-id`` for what the two share; ``content-type`` as a hint; ``watchglass-columns`` to name the
    columns of an unnamed matrix in a request.
    """

    name = "torchserve"

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:
        """Read one body; gives exactly one `Half`.

        Raises:
            InvalidInput: neither header says which side it is, the status is an error's, or the body cannot be read.

        >>> half, = TorchServe().parse(b"[[1.5, 2.5]]", {":path": "/predictions/iris/1.0", "x-request-id": "q"})
        >>> half.side, half.model, half.version, half.exchange, half.columns
        ('request', 'iris', '1.0', 'q', {'input': [[1.5, 2.5]]})
        """
        status = headers.get(":status")
        if status is None and ":path" not in headers:
            raise InvalidInput("torchserve: the headers have neither :path (a request) nor :status (a response)")
        if status is not None and not status.startswith("2"):
            raise InvalidInput(f"torchserve: the server answered {status[:20]}; only answers of 2xx hold predictions")
        try:
            half = read(body, headers, "request" if status is None else "response")
        except InvalidInput as error:
            raise InvalidInput(f"torchserve: {error}") from None
        model, version = model_of(headers)
        named = request_id(headers)
        yield replace(
            half,
            id=half.id or named,
            exchange=named,
            model=half.model or model,
            version=half.version or version,
        )

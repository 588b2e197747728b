"""A served model as a black box, over HTTP, in the dialects of :mod:`explain.dialects`.

The specification (a version's ``endpoint``)::

    {"url": "http://127.0.0.1:9000/v2/models/flights/infer",
     "dialect": "v2",           # or v2_binary, v1, torchserve
     "output": "scores",        # optional: the output to explain; else the first of a float type, or all classes
     "datatype": "FP64",        # optional: what numeric features are sent as, FP64 or FP32 (v2)
     "rows_per_request": 512, "concurrency": 4, "retries": 3, "timeout_s": 20}   # optional, with these defaults

Every request carries the header ``watchglass-probe: 1``, by which capture recognises that nobody asked for this
prediction and leaves it out. Only hosts of the allow list are contacted, a name is looked up once, and redirects are
not followed, so that a registered address cannot be turned against the network behind the server.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import urllib3

from explain.address import Address, resolved
from explain.columns import Column
from explain.dialects import DIALECTS, Wish
from explain.files import Specification, digest, text
from explain.models import Allowed, ModelAdapter, checked
from monitor.errors import InvalidInput, Unavailable
from monitor.types import ModelSchema

PROBE_HEADER = "watchglass-probe"
"""Marks a request that Watchglass itself makes; capture skips it."""

MAX_ANSWER = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pace:
    """How a served model may be asked."""

    rows_per_request: int = 512
    concurrency: int = 4
    retries: int = 3
    timeout_s: int = 20

    @classmethod
    def of(cls, spec: Specification) -> "Pace":
        """Read it from a specification.

        Raises:
            InvalidInput: a number that is none, or out of its range.

        >>> Pace.of({"concurrency": 2}).concurrency
        2
        """
        given = {}
        for name, (low, high) in _RANGES.items():
            value = spec.get(name, getattr(_USUAL, name))
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise InvalidInput(f"endpoint {name} must be a whole number from {low:,} to {high:,}; got {value!r}")
            given[name] = value
        return cls(**given)

    def requests(self, rows: int) -> int:
        """Return how many requests so many rows take at least."""
        return -(-rows // self.rows_per_request)


_USUAL = Pace()
_RANGES = {"rows_per_request": (1, 16_384), "concurrency": (1, 32), "retries": (0, 10), "timeout_s": (1, 300)}


class EndpointAdapter(ModelAdapter):
    """A served model, asked over HTTP in several requests at a time."""

    name = "endpoint"
    cheap = False
    device = "remote"

    def __init__(self, spec: Specification, schema: ModelSchema, address: Address) -> None:
        self._url = text(spec, "url")
        self._address = address
        self._pace = Pace.of(spec)
        self._said, self._body, self._read = DIALECTS[str(spec.get("dialect", "v2"))]
        output = spec.get("output")
        self._wish = Wish(schema, str(spec.get("datatype", "FP64")), None if output is None else str(output))
        self._pool = _pool(address, self._pace)

    @classmethod
    def load(cls, spec: Specification, schema: ModelSchema, allowed: Allowed) -> "EndpointAdapter":
        """Check the address; nothing is sent yet.

        Raises:
            InvalidInput: the address is malformed or its host is not allowed, or the dialect or datatype is unknown.
        """
        address = resolved(text(spec, "url"), allowed.endpoints)
        if spec.get("dialect", "v2") not in DIALECTS:
            known = ", ".join(DIALECTS)
            raise InvalidInput(f"endpoint dialect {spec.get('dialect')!r} is not known; use one of: {known}")
        if spec.get("datatype", "FP64") not in ("FP64", "FP32"):
            raise InvalidInput(f'endpoint datatype {spec.get("datatype")!r} is not known; use "FP64" or "FP32"')
        return cls(spec, schema, address)

    @classmethod
    def fingerprint(cls, spec: Specification) -> str:
        """Return the sha256 of the specification: what answers behind an address cannot be seen from outside."""
        return digest(json.dumps(dict(spec), sort_keys=True, default=str).encode())

    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the endpoint's outputs, [n] or [n, classes].

        Raises:
            Unavailable: it cannot be reached, answers an error or something that is not its dialect.
        """
        rows = len(next(iter(columns.values())))
        step = self._pace.rows_per_request
        parts = [{name: each[at : at + step] for name, each in columns.items()} for at in range(0, rows, step)]
        with ThreadPoolExecutor(min(self._pace.concurrency, len(parts))) as threads:
            answers = list(threads.map(self._ask, parts))
        shapes = {answer.shape[1:] for answer in answers}
        if len(shapes) > 1:
            raise Unavailable(
                f"the endpoint {self._url} answered some requests with {' and others with '.join(map(str, shapes))} "
                "numbers per row; every request must have the same"
            )
        schema = self._wish.schema
        return checked(np.concatenate(answers), rows, schema.task, schema.classes)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _ask(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        body, headers = self._body(columns, self._wish)
        try:
            answer = self._pool.request(
                "POST",
                self._address.path,
                body=body,
                headers={**headers, PROBE_HEADER: "1", "host": self._address.named},
                redirect=False,
                preload_content=False,
            )
            content = answer.read(MAX_ANSWER + 1)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"the endpoint {self._url} does not answer: {error}; is the model served?") from error
        if answer.status != 200:
            said = content[:200].decode(errors="replace")
            raise Unavailable(f"the endpoint {self._url} answered HTTP {answer.status}: {said!r}; 200 is needed")
        if len(content) > MAX_ANSWER:
            raise Unavailable(f"the endpoint {self._url} answered more than {MAX_ANSWER:,} bytes for one request")
        try:
            found = self._read(content, {name.lower(): value for name, value in answer.headers.items()}, self._wish)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            what = f"output {self._wish.output!r}" if self._wish.output else "output of a float type"
            raise Unavailable(
                f"the endpoint {self._url} did not answer {self._said} with an {what}: {type(error).__name__}: {error}"
            ) from error
        # Each by itself: one answer too many here and one too few there must not pass for all of them.
        return checked(found, len(next(iter(columns.values()))), self._wish.schema.task)


def _pool(address: Address, pace: Pace) -> urllib3.HTTPConnectionPool:
    """Return connections to one machine; over TLS its certificate must be for the name in the address."""
    timeout = urllib3.Timeout(connect=3, read=pace.timeout_s)
    # A probe changes nothing at the model, so that repeating one is harmless.
    retries = urllib3.Retry(
        total=pace.retries,
        redirect=False,
        backoff_factor=0.2,
        status_forcelist=(429, 502, 503, 504),
        allowed_methods=None,
        raise_on_status=False,
        respect_retry_after_header=False,  # a server may not keep the worker for as long as it likes
    )
    if address.scheme == "http":
        return urllib3.HTTPConnectionPool(
            address.ip, address.port, maxsize=pace.concurrency, timeout=timeout, retries=retries
        )
    return urllib3.HTTPSConnectionPool(
        address.ip,
        address.port,
        maxsize=pace.concurrency,
        timeout=timeout,
        retries=retries,
        server_hostname=address.host,
        assert_hostname=address.host,
    )

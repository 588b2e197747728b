"""A served model as a black box: Open Inference Protocol v2, JSON over HTTP.

The specification (a version's ``endpoint``)::

    {"url": "http://127.0.0.1:9000/v2/models/flights/infer", "dialect": "v2",
     "output": "scores",       # optional: the output tensor to explain; else the first of a float type
     "datatype": "FP64"}       # optional: what numeric features are sent as, FP64 or FP32

One tensor [n, 1] is sent per feature: numeric as FP64, integer as INT64, boolean as BOOL, everything else as BYTES
(timestamps in ISO 8601); an embedding or sequence of k numbers as FP64 [n, k]. Null is JSON null. Every request carries
the header ``watchglass-probe: 1``, by which capture recognises that nobody asked for this prediction and leaves it out.
Only hosts of the allow list are contacted and redirects are not followed, so that a registered address cannot be turned
against the network behind the server.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import urllib3

from explain.columns import Column
from explain.models import LOOPBACK, Allowed, ModelAdapter, Specification, checked, digest, text
from monitor.errors import InvalidInput, Unavailable
from monitor.types import Feature, Kind, ModelSchema

PROBE_HEADER = "watchglass-probe"
"""Marks a request that Watchglass itself makes; capture skips it."""

DATATYPES = {Kind.INTEGER: "INT64", Kind.BOOLEAN: "BOOL", Kind.EMBEDDING: "FP64", Kind.SEQUENCE: "FP64"}
MAX_ANSWER = 16 * 1024 * 1024


class EndpointAdapter(ModelAdapter):
    """A served model, asked over HTTP in requests of at most 512 rows."""

    name = "endpoint"
    max_rows = 512
    cheap = False

    def __init__(self, spec: Specification, schema: ModelSchema) -> None:
        self._url = text(spec, "url")
        self._output = spec.get("output")
        self._numeric = str(spec.get("datatype", "FP64"))
        self._schema = schema
        self._pool = urllib3.PoolManager(
            num_pools=1,
            timeout=urllib3.Timeout(connect=3, read=20),
            # A probe changes nothing at the model, so that repeating one is harmless.
            retries=urllib3.Retry(
                total=3,
                redirect=False,
                backoff_factor=0.2,
                status_forcelist=(502, 503, 504),
                allowed_methods=None,
                raise_on_status=False,
            ),
        )

    @classmethod
    def load(cls, spec: Specification, schema: ModelSchema, allowed: Allowed) -> "EndpointAdapter":
        """Check the address; nothing is sent yet.

        Raises:
            InvalidInput: the address is malformed or its host is not allowed, or the dialect or datatype is unknown.
        """
        check_address(text(spec, "url"), allowed.endpoints)
        if spec.get("dialect", "v2") != "v2":
            raise InvalidInput(f'endpoint dialect {spec.get("dialect")!r} is not known; use "v2"')
        if spec.get("datatype", "FP64") not in ("FP64", "FP32"):
            raise InvalidInput(f'endpoint datatype {spec.get("datatype")!r} is not known; use "FP64" or "FP32"')
        return cls(spec, schema)

    @classmethod
    def fingerprint(cls, spec: Specification) -> str:
        """Return the sha256 of the specification: what answers behind an address cannot be seen from outside."""
        return digest(json.dumps(dict(spec), sort_keys=True, default=str).encode())

    def predict(self, columns: Mapping[str, Column]) -> npt.NDArray[np.float64]:
        """Return the endpoint's outputs, [n] or [n, classes].

        Raises:
            Unavailable: it cannot be reached, answers an error or something other than V2 JSON.
        """
        rows = len(next(iter(columns.values())))
        answers = [self._ask(columns, slice(at, at + self.max_rows)) for at in range(0, rows, self.max_rows)]
        return checked(np.concatenate(answers), rows, self._schema.task)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _ask(self, columns: Mapping[str, Column], part: slice) -> npt.NDArray[np.float64]:
        inputs = [self._tensor(feature, columns[feature.name][part]) for feature in self._schema.features]
        body = json.dumps({"inputs": inputs, "parameters": {"watchglass_probe": True}}).encode()
        headers = {"content-type": "application/json", "accept": "application/json", PROBE_HEADER: "1"}
        try:
            answer = self._pool.request(
                "POST", self._url, body=body, headers=headers, redirect=False, preload_content=False
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
        return self._read(content)

    def _tensor(self, feature: Feature, column: Column) -> dict[str, Any]:
        datatype = self._numeric if feature.kind is Kind.NUMERIC else DATATYPES.get(feature.kind, "BYTES")
        data = [wire(value, feature.kind) for value in column.tolist()]
        width = len(data[0]) if isinstance(data[0], list) else 1
        return {"name": feature.name, "shape": [len(data), width], "datatype": datatype, "data": data}

    def _read(self, content: bytes) -> npt.NDArray[np.float64]:
        try:
            tensors = json.loads(content)["outputs"]
            wanted = [
                tensor
                for tensor in tensors
                if (tensor["name"] == self._output if self._output else str(tensor["datatype"]).startswith("FP"))
            ]
            return np.asarray(wanted[0]["data"], dtype=np.float64).reshape(wanted[0]["shape"])
        except (ValueError, TypeError, KeyError, IndexError) as error:
            what = f"output {self._output!r}" if self._output else "output of a float type"
            raise Unavailable(f"the endpoint {self._url} did not answer V2 JSON with an {what}: {error}") from error


def wire(value: object, kind: Kind) -> object:
    """Return one value of a column as V2 JSON carries it.

    >>> wire(3.0, Kind.INTEGER), wire(float("nan"), Kind.NUMERIC), wire(0.0, Kind.TIMESTAMP)
    (3, None, '1970-01-01T00:00:00+00:00')
    """
    if not isinstance(value, float):
        return value
    if not np.isfinite(value):
        return None  # JSON knows neither NaN nor infinity
    if kind is Kind.INTEGER:
        return round(value)
    if kind is Kind.BOOLEAN:
        return bool(value)
    if kind is Kind.TIMESTAMP:
        return datetime.fromtimestamp(value, UTC).isoformat()
    return value


def check_address(url: str, allowed: tuple[str, ...] = LOOPBACK) -> None:
    """Accept an http(s) address whose host, or host:port, is listed.

    >>> check_address("http://127.0.0.1:9000/v2/models/flights/infer")

    Raises:
        InvalidInput: anything else; the message says what is allowed.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput(f"endpoint {url!r} is not an address: {error}") from error
    if parts.scheme not in ("http", "https") or not host or parts.username is not None:
        raise InvalidInput(f"endpoint {url!r} must be http(s)://host[:port]/path, without a user name")
    if host not in allowed and f"{host}:{port}" not in allowed:
        listed = ", ".join(allowed) or "none"
        raise InvalidInput(f"endpoint host {host!r} is not allowed; explain.endpoints in the configuration: {listed}")

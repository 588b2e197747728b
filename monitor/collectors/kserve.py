"""KServe's inference logger: CloudEvents 1.0 over HTTP, in binary and structured mode, one side of an exchange each.

Both sides carry the same ``ce-id`` and come in either order. What the logger says of the body is not believed: it gives
a response its request's content type, loses ``Inference-Header-Content-Length`` and, behind some proxies,
``Content-Encoding``; the body's own bytes tell. (https://github.com/kserve/kserve, pkg/logger.)
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import msgspec

from monitor.collectors import Collector, Half
from monitor.collectors.freeform import Side, read
from monitor.collectors.inflate import inflated
from monitor.collectors.lenient import read_json
from monitor.collectors.moment import moment
from monitor.collectors.records import each
from monitor.collectors.tabular import from_base64
from monitor.errors import InvalidInput
from monitor.types import Inference, Label

_ALLOWED = "a CloudEvent of the types ….inference.request and ….inference.response"
_STRUCTURED, _BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
_DATA = frozenset({"data", "data_base64"})


class KServe(Collector):
    """Requests and responses as KServe's logger posts them; gives a `Half` each, paired by ``exchange``.

    Headers: ``ce-id``, ``ce-type``, ``ce-time`` (or, earlier, ``ce-recordedtime``) and the extensions
    ``ce-inferenceservicename``, ``ce-namespace``, ``ce-component``, ``ce-endpoint``, ``ce-metadata``,
    ``ce-annotations``, ``ce-statuscode`` (of an answer; what is not 2xx has no rows); or, in structured mode, the same
    attributes in the body. All are kept in ``parameters`` under their header's name. ``watchglass-columns`` names the
    columns of an unnamed matrix in a request.
    """

    name = "kserve"
    tells_once = True

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:
        """Read one event, or a batch of them.

        Raises:
            InvalidInput: no CloudEvent of an inference, broken gzip, or a body that is neither V1, V2 nor other JSON.

        >>> headers = {"ce-id": "e", "ce-type": "org.kubeflow.serving.inference.request", "ce-component": "predictor"}
        >>> half, = KServe().parse(b'{"instances": [[1.5, 2.5]]}', headers)
        >>> half.exchange, half.side, half.columns, half.parameters["ce-component"]
        ('e', 'request', {'input': [[1.5, 2.5]]}, 'predictor')
        """
        body = inflated(body, name="kserve")
        naming = {key: headers[key] for key in ("watchglass-columns",) if key in headers}
        if "ce-id" in headers or "ce-type" in headers:
            attributes = {key[3:]: unquote(value) for key, value in headers.items() if key.startswith("ce-")}
            yield half_of(body, attributes, naming, name="kserve")
            return
        if headers.get("content-type", "").lower().startswith(_BATCH):
            batch = read_json(body, list[object], name="kserve", allowed="an array of CloudEvents")
            yield from each(enumerate(batch, 1), lambda event: [_event(event, naming)], name="kserve", what="event")
            return
        yield _event(body, naming)


def half_of(data: bytes, attributes: Mapping[str, str], naming: Mapping[str, str], *, name: str) -> Half:
    """Return one side of an exchange.

    Args:
        data: the body as the model server got or gave it; may be gzip.
        attributes: the event's attributes: ``id``, ``type``, ``time`` and the extensions.
        naming: ``watchglass-columns``, if given.
        name: the format, for messages.

    Raises:
        InvalidInput: the attributes are not of an inference, or the data cannot be read.
    """
    said = attributes.get("type", "")
    side: Side | None = "request" if said.endswith(".request") else "response" if said.endswith(".response") else None
    if side is None or not attributes.get("id"):
        raise InvalidInput(
            f"{name}: got type {said[:80]!r}, id {attributes.get('id', '')[:80]!r}; {_ALLOWED} is allowed"
        )
    if side == "response" and not attributes.get("statuscode", "200").startswith("2"):
        # A logger that tells of every answer tells of errors too, whose bodies hold no prediction.
        return _told(Half(side=side, rows=0, columns={}), attributes)
    try:
        half = read(inflated(data, name="data"), naming, side, text=False)
    except InvalidInput as error:
        raise InvalidInput(f"{name}: {side} {attributes['id'][:80]!r}: {error}") from None
    return _told(half, attributes)


def _told(half: Half, attributes: Mapping[str, str]) -> Half:
    """Return a half with what its event says of it."""
    sent = _sent_headers(attributes.get("metadata", ""))
    parameters = {**half.parameters, **{f"ce-{key}": value for key, value in attributes.items()}}
    if "watchglass-probe" in sent:
        parameters["watchglass_probe"] = True
    return replace(
        half,
        id=half.id or sent.get("x-request-id"),
        exchange=attributes["id"],
        model=half.model or attributes.get("inferenceservicename"),
        time=moment(attributes.get("recordedtime") or attributes.get("time", "")),
        parameters=parameters,
    )


def _event(body: object, naming: Mapping[str, str]) -> Half:
    """Read an event in structured mode, from its bytes or as it is in a batch."""
    event: Mapping[str, Any]
    try:
        # Raw values keep the data's own bytes, so that nothing is lost by reading it twice.
        event = msgspec.json.decode(body, type=dict[str, msgspec.Raw]) if isinstance(body, bytes) else {}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        event = {}
    if not event:
        given = read_json(body, object, name="kserve", allowed=_ALLOWED) if isinstance(body, bytes) else body
        if not isinstance(given, dict):
            raise InvalidInput(f"kserve: got {type(given).__name__} without ce- headers; {_ALLOWED} is allowed")
        event = given
    attributes = dict(_attributes(event))
    if "specversion" not in attributes:
        raise InvalidInput(f"kserve: the headers have no ce-id and the body no specversion; {_ALLOWED} is allowed")
    if "data_base64" in event:
        try:
            data = from_base64(_value(event["data_base64"]))
        except InvalidInput as error:
            raise InvalidInput(f"kserve: data_base64: {error}") from None
    elif "data" in event:
        data = _data(event["data"])
    else:
        raise InvalidInput("kserve: the event has neither data nor data_base64; one of them is allowed")
    return half_of(data, attributes, naming, name="kserve")


def _attributes(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in event.items():
        if key not in _DATA:
            plain = _value(value)
            yield key.lower(), plain if isinstance(plain, str) else json.dumps(plain)


def _value(value: Any) -> Any:
    if not isinstance(value, msgspec.Raw):
        return value
    return read_json(bytes(value), object, name="kserve", allowed="JSON")


def _data(value: Any) -> bytes:
    """Return the bytes of an event's data: JSON as it is, or the text that a JSON string holds."""
    if isinstance(value, msgspec.Raw) and not bytes(value).startswith(b'"'):
        return bytes(value)
    plain = _value(value)
    try:
        return (plain if isinstance(plain, str) else json.dumps(plain)).encode(errors="surrogatepass")
    except RecursionError:
        raise InvalidInput("kserve: the data is nested too deep") from None


def _sent_headers(metadata: str) -> dict[str, str]:
    """Return the request's headers that the logger passed on, by lower-case name; the first of each."""
    try:
        given = json.loads(metadata) if metadata else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(given, dict):
        return {}
    firsts = {key.lower(): value[0] if isinstance(value, list) and value else value for key, value in given.items()}
    return {key: value for key, value in firsts.items() if isinstance(value, str)}

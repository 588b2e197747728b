"""Amazon SageMaker's data capture and ground truth, both JSON lines.

A capture line is ``{"captureData": {"endpointInput": …, "endpointOutput": …}, "eventMetadata": {"eventId",
"inferenceId"?, "inferenceTime"}}``; each side has its ``data`` in its own ``encoding``: CSV, JSON or BASE64. A ground
truth line is ``{"groundTruthData": {"data", "encoding"}, "eventMetadata": {"eventId"}}``, whose eventId is the
capture's inferenceId where that has one. (Amazon SageMaker developer guide, "Capture data from real-time endpoint" and
"Ingest ground truth labels and merge them with predictions".)
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

import msgspec

from monitor.collectors import Collector, Half
from monitor.collectors.freeform import Side, of_csv, read
from monitor.collectors.inflate import inflated
from monitor.collectors.lenient import read_json
from monitor.collectors.moment import moment
from monitor.collectors.pairing import pair, task_of
from monitor.collectors.records import each, lines
from monitor.collectors.tabular import from_base64
from monitor.errors import InvalidInput
from monitor.types import Inference, Label, Scalar, Task


class Content(msgspec.Struct, rename="camel"):
    """One side, or a truth; ``data`` of the encoding JSON is JSON in a text."""

    data: str
    encoding: Literal["CSV", "JSON", "BASE64"] = "CSV"
    observed_content_type: str | None = None


class Captured(msgspec.Struct, rename="camel"):
    """What passed an endpoint; a capture may be of one side only."""

    endpoint_input: Content | None = None
    endpoint_output: Content | None = None


class Event(msgspec.Struct, rename="camel"):
    """What is known of the exchange."""

    event_id: str
    inference_id: str | None = None
    inference_time: str | None = None


class Line(msgspec.Struct, rename="camel"):
    """A line of either file; which one is told by what it holds."""

    event_metadata: Event
    capture_data: Captured | None = None
    ground_truth_data: Content | None = None


class SageMaker(Collector):
    """Captured exchanges as inferences, or as a `Half` where one side is missing; ground truth as labels.

    Rows are named after inferenceId, else eventId: alone as it is, of several rows ``{id}:{row}``; labels likewise.
    Headers: ``watchglass-columns`` names the fields of CSV or the columns of an unnamed matrix in requests;
    ``watchglass-task`` says what the model predicts, needed for a regression that answers fractions;
    ``watchglass-version`` which version answered.
    """

    name = "sagemaker"
    files = True

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:
        """Read JSON lines of either sort.

        Raises:
            InvalidInput: after what could be read, what was wrong with the other lines.

        >>> line = b'{"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "e"}}'
        >>> list(SageMaker().parse(line, {}))
        [Label(id='e', value=1, time=None, version=None)]
        """
        task = task_of(headers, "sagemaker")

        def one(line: bytes) -> Iterator[Inference | Label | Half]:
            read_line = read_json(line, Line, name="sagemaker", allowed="a line of data capture or of ground truth")
            if read_line.ground_truth_data is not None:
                return _labels(read_line.ground_truth_data, read_line.event_metadata.event_id)
            if read_line.capture_data is not None:
                return _exchange(read_line.capture_data, read_line.event_metadata, headers, task)
            raise InvalidInput("the line has neither captureData nor groundTruthData; one of them is allowed")

        yield from each(lines(inflated(body, name="sagemaker")), one, name="sagemaker", what="line")


def _exchange(
    captured: Captured, event: Event, headers: Mapping[str, str], task: Task | None
) -> Iterator[Inference | Half]:
    sides: list[tuple[Content | None, Side]] = [
        (captured.endpoint_input, "request"),
        (captured.endpoint_output, "response"),
    ]
    halves = [
        replace(
            _half(content, side, headers),
            id=event.inference_id or event.event_id,
            exchange=event.event_id,
            version=headers.get("watchglass-version"),
            time=moment(event.inference_time),
        )
        for content, side in sides
        if content is not None
    ]
    if not halves:
        raise InvalidInput("captureData has neither endpointInput nor endpointOutput")
    if len(halves) == 2:
        try:
            rows = pair(*halves, task=task)
        except InvalidInput:
            # Sides of different rows: both are kept, and seen to be unpaired.
            rows = []
        if rows or not halves[0].rows:
            yield from [replace(rows[0], id=halves[0].id)] if len(rows) == 1 else rows
            return
    yield from halves


def _half(content: Content, side: Side, headers: Mapping[str, str]) -> Half:
    data = _bytes(content)
    media = content.observed_content_type or ""
    if content.encoding == "CSV" and "csv" not in media:
        media = "text/csv"
    naming = {key: headers[key] for key in ("watchglass-columns",) if key in headers}
    return read(data, {"content-type": media, **naming}, side)


def _bytes(content: Content) -> bytes:
    if content.encoding == "BASE64":
        return from_base64(content.data)
    return content.data.encode(errors="surrogatepass")


def _labels(content: Content, name: str) -> Iterator[Label]:
    values = _truths(content)
    for row, value in enumerate(values):
        yield Label(id=name if len(values) == 1 else f"{name}:{row}", value=value)


def _truths(content: Content) -> list[Scalar]:
    data = _bytes(content)
    if content.encoding == "JSON":
        found: Any = read_json(data, object, name="groundTruthData", allowed="JSON")
        columns: list[Any] = [found if isinstance(found, list) else [found]]
    else:
        columns = list(of_csv(data, "request").values())
    if len(columns) != 1 or any(isinstance(value, list | dict) for value in columns[0]):
        raise InvalidInput(f"groundTruthData is {content.data[:80]!r}; one value a row is allowed")
    return list(columns[0])

"""Watchglass's own format: a JSON array or NDJSON of inferences or labels, as `monitor.types` has them.

An object with ``value`` is a label (``id``, ``value``, ``time?``, ``version?``); any other is an inference (``id?``,
``version?``, ``time?``, ``features``, ``prediction?``, ``scores?``, ``latency_ms?``, ``batch_size?``, ``status?``).
"""

from collections.abc import Iterable, Mapping

import msgspec

from monitor.collectors import Collector, Half
from monitor.collectors.lenient import read_json
from monitor.errors import InvalidInput
from monitor.types import Inference, Label


class Native(Collector):
    """Inferences and labels in our own JSON."""

    name = "native"

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:  # noqa: ARG002
        """Read one body: an array, one object, or one object a line.

        Raises:
            InvalidInput: not JSON, or a row that is neither an inference nor a label; the message names its place.

        >>> [row.id for row in Native().parse(b'[{"id": "a", "features": {"x": 1}}, {"id": "b", "value": 1}]', {})]
        ['a', 'b']
        """
        rows = [body] if body.lstrip()[:1] == b"[" else [line for line in body.splitlines() if line.strip()]
        documents: list[object] = []
        for line in rows:
            read = read_json(line, object, name="native", allowed="an array of objects, or one object a line,")
            documents.extend(read if isinstance(read, list) else [read])
        for place, row in enumerate(documents):
            yield _row(row, place)


def _row(row: object, place: int) -> Inference | Label:
    try:
        if isinstance(row, dict) and "value" in row:
            return msgspec.convert(row, Label)
        return msgspec.convert(row, Inference)
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise InvalidInput(f"native: row {place}: {error}") from None

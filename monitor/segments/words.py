"""Segments as people name them: ``Distance 1,200–2,100 mi``, ``Origin EWR``, ``Precipitation missing``."""

from collections.abc import Sequence
from math import isfinite

from monitor.profile.segment_sums import Segment
from monitor.types import Kind, ModelSchema


def segment_words(segment: Segment, schema: ModelSchema) -> str:
    """Return the name of a segment.

    >>> from monitor.types import Feature, Task
    >>> far = Feature(name="distance", kind=Kind.NUMERIC, unit="mi")
    >>> schema = ModelSchema(model="m", task=Task.BINARY, features=(far,))
    >>> segment_words(Segment("distance", None, 1200.0, 2100.0), schema)
    'distance 1,200–2,100 mi'
    >>> segment_words(Segment("distance", None, -5.5, 2.0), schema)
    'distance −5.5 to 2 mi'
    >>> segment_words(Segment("distance", None, 15.5, 18.5), schema)  # edges lie half-way between whole numbers
    'distance 16–18 mi'
    >>> segment_words(Segment("distance", rest="null"), schema)
    'distance missing'
    """
    feature = schema.feature(segment.feature)
    label, unit = (feature.label, feature.unit) if feature else (segment.feature, "")
    if segment.rest:
        return f"{label} missing" if segment.rest == "null" else f"{label}: less frequent values"
    if segment.value is not None:
        return f"{label} {segment.value}"
    if feature is not None and feature.kind is Kind.BOOLEAN:
        return f"{label} {'false' if isfinite(segment.high) else 'true'}"
    return f"{label} {_range(segment.low, segment.high)}{f' {unit}' if unit else ''}"


def all_words(segments: Sequence[Segment], schema: ModelSchema) -> str:
    """Return the names of segments, one after another."""
    return "; ".join(segment_words(each, schema) for each in segments)


def _range(low: float, high: float) -> str:
    """Return the values between two edges, as whole numbers where each edge lies half-way between two of them.

    Edges are midpoints between neighbouring values of the reference, so a half is what a column of whole numbers has.

    >>> from math import inf
    >>> [_range(15.5, 16.5), _range(-inf, 5.5), _range(5.5, inf), _range(0.5, 2.25)]
    ['16', '5 or less', '6 or more', '0.5–2.25']
    """
    whole = all(edge % 1 == 0.5 for edge in (low, high) if isfinite(edge))
    if not isfinite(low):
        below = f"{_number(high - 0.5)} or less" if whole else f"below {_number(high)}"
        return below if isfinite(high) else "any"
    first = low + 0.5 if whole else low
    if not isfinite(high):
        return f"{_number(first)} or more"
    last = high - 0.5 if whole else high
    if first == last:
        return _number(first)
    return f"{_number(first)}{'–' if first >= 0 else ' to '}{_number(last)}"


def _number(value: float) -> str:
    """Return a number in at most four digits that count, whole from a hundred on.

    >>> [_number(value) for value in (1200.0, 0.25, -3.14159, 2.5e7)]
    ['1,200', '0.25', '−3.142', '25,000,000']
    """
    return (f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}").replace("-", "−")

"""Images, embeddings, sequences and long texts of one row, in a form a page can draw."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.charts import format as fmt
from monitor.schema.held import Summary, held, of_row
from monitor.types import Feature, Kind

_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")
_LONGEST = 5_000
"""Most points of a line that are drawn; longer sequences are thinned evenly."""


def in_words(feature: Feature, row: Mapping[str, Any]) -> str | None:
    """Describe a value of several numbers, or one that is not kept; None for any other.

    >>> row = {"face": [0.6, 0.8], "_summary": [("face", {"shape": [2], "dtype": "float64", "size": 2, "norm": 1.0})]}
    >>> in_words(Feature(name="face", kind=Kind.EMBEDDING), row)
    '2 numbers, norm 1'
    """
    summary = of_row(row).get(feature.name)
    if summary is None:
        return None
    words = _words(feature, summary)
    return words if row.get(feature.name) is not None else f"{words}; only this summary is kept"


def _words(feature: Feature, summary: Summary) -> str:
    if summary["dtype"] == "text":
        return f"{fmt.count(summary['size'])} characters"
    if summary["dtype"] == "bytes":
        return f"{feature.kind.value} of {fmt.size(summary['bytes'])}"
    sizes = " × ".join(f"{size:,}" for size in summary["shape"])
    norm = summary.get("norm")
    if feature.kind is Kind.IMAGE:
        return f"{sizes} {summary['dtype']}" + (
            f", mean {fmt.value(summary['mean'])}" if summary["mean"] is not None else ""
        )
    return f"{sizes} numbers" + (f", norm {fmt.value(norm)}" if norm is not None else "")


def picture(feature: Feature, row: Mapping[str, Any]) -> bytes | npt.NDArray[np.uint8] | None:
    """Return an image that can be drawn: an encoded picture, or an array [h, w], [h, w, 1], [h, w, 3] or [h, w, 4].

    Whole numbers are taken as 0 to 255, others are stretched from their least to their greatest; channels may come
    first. None where it is neither, or is not kept.
    """
    if feature.kind is not Kind.IMAGE or row.get(feature.name) is None:
        return None
    value = held(row[feature.name], of_row(row).get(feature.name))
    if isinstance(value, str):
        try:
            value = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return None
    if isinstance(value, bytes):
        return value if value.startswith(_PICTURES) else None
    return _pixels(value) if isinstance(value, np.ndarray) else None


def _pixels(array: npt.NDArray[Any]) -> npt.NDArray[np.uint8] | None:
    while array.ndim > 3 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4) and array.shape[0] in (1, 3, 4):
        array = np.moveaxis(array, 0, 2)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if not array.size or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        return None
    if array.dtype != np.uint8:
        known = np.nan_to_num(array.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        span = known.max() - known.min()
        array = ((known - known.min()) / (span or 1.0) * 255).astype(np.uint8)
    return array


def lines(feature: Feature, row: Mapping[str, Any]) -> npt.NDArray[np.float64] | None:
    """Return a sequence as lines to draw, [time, series] with at most eight of them; None where it is none."""
    if feature.kind is not Kind.SEQUENCE or row.get(feature.name) is None:
        return None
    nested = held(row[feature.name], of_row(row).get(feature.name))
    array = np.array(nested, dtype=np.float64)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or len(array) < 2:
        return None
    step = -(-len(array) // _LONGEST)
    return array[::step, :8]

"""Wire formats of model servers, one a file.

To add one: write ``monitor/collectors/<name>.py`` with one concrete subclass of `Collector`. It is found by
``plugins()``, and the conformance tests run on it.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal

from monitor.types import Inference, Label, Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """One side of an exchange with a model server: what was asked, or what was answered.

    ``columns`` maps a column's name to its values, one a row; every column has ``rows`` values. ``exchange`` is what
    both halves of one exchange carry, to find each other by; ``id`` is the name the client or server gave to the
    request, which rows are named after. ``time`` is when this side was seen, aware.
    """

    side: Literal["request", "response"]
    rows: int
    columns: Mapping[str, list[Scalar | list[float]]]
    id: str | None = None
    exchange: str | None = None
    model: str | None = None
    version: str | None = None
    time: datetime | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)


class Collector(ABC):
    """One wire format: bytes and headers in; inferences, labels or halves of exchanges out.

    What a format needs beside the body comes in ``headers`` too. Of HTTP's own: ``:path`` (the request's path, told by
    `address`) and ``:status`` (then the body is a response); of ours: those a class names in its docstring.
    """

    name: ClassVar[str]
    files: ClassVar[bool] = False
    """Whether whole files are of this format, so that ``watchglass import --format`` takes it."""
    tells_once: ClassVar[bool] = False
    """Whether its sender never asks again: a body refused would be a prediction lost; it is kept and answered 200."""

    @abstractmethod
    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterable[Inference | Label | Half]:
        """Read one body. Header names are lower case.

        Raises:
            InvalidInput: the body is not of this format; the message says what was got and what is allowed. Of a body
                of many records, the good ones come first and the error then tells of the bad ones.
        """

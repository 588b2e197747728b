"""What a value, a task, an alert or a measurement can be: closed lists."""

from enum import StrEnum

Scalar = float | int | bool | str | None
"""One value of a tabular feature as it crosses the wire."""

ALL = "all"
"""The segment that holds every row."""
OUTPUT = "output."
"""Begins the names of what a model answered beside its prediction and scores; kept, and no column that is new."""


class Kind(StrEnum):
    """What a column holds; closed, because every kind has its own profile."""

    NUMERIC = "numeric"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    CATEGORICAL = "categorical"
    TEXT = "text"
    IMAGE = "image"
    EMBEDDING = "embedding"
    SEQUENCE = "sequence"
    TIMESTAMP = "timestamp"
    ID = "id"


class Task(StrEnum):
    """What a model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"
    RANKING = "ranking"


class Severity(StrEnum):
    """How loudly an alert speaks: ``info`` is a digest line, ``critical`` a page."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertState(StrEnum):
    """The life of an alert."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Status(StrEnum):
    """How a measurement reads: too few rows read ``insufficient``, never ``ok``."""

    OK = "ok"
    BREACH = "breach"
    INSUFFICIENT = "insufficient"


class Keep(StrEnum):
    """What of a text, image, embedding or sequence is kept in a row.

    ``full``: the value. ``summary``: its hash, shape and statistics. ``sampled``: the value of one row in a hundred, by
    the hash of its id, and the summary of the others.
    """

    FULL = "full"
    SUMMARY = "summary"
    SAMPLED = "sampled"

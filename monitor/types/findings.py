"""What Watchglass says of a model: numbers, alerts, explanations and reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from monitor.types.kinds import ALL, AlertState, Scalar, Severity, Status
from monitor.types.models import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One number over one window, with what it stands on.

    ``rows`` is how many rows it was computed from, ``coverage`` the share of the expected data that was there
    (labels that came, features that were present). ``threshold`` is the bound that belongs to it, if any.
    """

    model: str
    version: str
    metric: str
    window: Window
    value: float | None
    rows: int
    feature: str | None = None
    segment: str = ALL
    coverage: float | None = None
    threshold: float | None = None
    interval: tuple[float, float] | None = None
    status: Status = Status.OK
    details: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something an owner should know. One drift is one alert, open until it is over.

    ``columns`` are those of an incident of the detector, most evidence first, and ``calibrated`` whether its dial was
    held; both are empty for an alert of a rule. ``paged`` tells whether it was told at once or is a line of the daily
    digest, ``because`` why, and ``impact`` how much its shift matters to the model (`monitor.triage.impact`; None: not
    known). ``incidents`` are the alerts that the message of a digest tells of. Until ``snoozed`` its owner lets it
    sleep.
    """

    id: str
    model: str
    version: str
    rule: str
    severity: Severity
    state: AlertState
    metric: str
    feature: str | None
    segment: str
    title: str
    body: str
    link: str
    value: float
    threshold: float
    window: Window
    since: datetime
    updated: datetime
    resolved: datetime | None = None
    owner: str = ""
    columns: tuple[str, ...] = ()
    calibrated: bool | None = None
    paged: bool = True
    because: str = ""
    impact: float | None = None
    incidents: tuple[str, ...] = ()
    snoozed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One attempt chain of one alert, or of one digest, through one channel."""

    alert: str
    event: str  # "firing", "resolved" or "digest"
    channel: str
    target: str
    attempts: int
    delivered: datetime | None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one part of a text, image or sequence contributed: a word, a segment, a stretch of steps.

    ``place`` is of a text the first character and the one after the last; of an image runs of pixels, (first, length)
    one after the other, in row-major order; of a sequence the first step, the one after the last, and the channel
    (-1: all). Of interactions it is an input's number for what it does alone, and the other's after it for half of what
    the two do together.
    """

    feature: str
    label: str
    place: tuple[int, ...]
    amount: float
    error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a model answered what it answered for one captured row.

    For an additive method ``base_value + sum(attributions) = prediction`` in the explained ``output`` and ``link``.
    The ``parts`` of a feature add up to its attribution. ``outputs`` are the attributions of each class, where the
    model answers one number per class and all were found in one pass.
    """

    id: str
    model: str
    version: str
    inference_id: str
    method: str
    output: str
    link: str
    base_value: float
    prediction: float
    attributions: Mapping[str, float]
    values: Mapping[str, Scalar]
    quality: Mapping[str, Scalar]
    standard_errors: Mapping[str, float] | None
    seed: int
    model_hash: str
    background_hash: str
    settings: Mapping[str, Scalar]
    seconds: float
    created: datetime
    parts: tuple[Part, ...] = ()
    outputs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A written report: one self-contained HTML page, and pages linked from it."""

    id: str
    model: str
    window: Window
    title: str
    path: str
    created: datetime

"""The nouns of Watchglass, on one screen: frozen, without behaviour of their own beyond small readings of themselves.

All times are aware and in UTC. Names of models and rules match ``[a-z0-9_-]{1,64}``;
versions may also hold capitals and dots.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
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


_PLAIN = frozenset({Kind.NUMERIC, Kind.INTEGER, Kind.BOOLEAN, Kind.CATEGORICAL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One input column of a model. ``title`` and ``unit`` are what people read.

    ``store`` None keeps values in full up to a size, and beyond it their summary (see `monitor.schema.policy`).
    Explanations take features of one ``group`` together. ``absent`` is what stands in for what is left out of a text
    (a token; else words are removed) or an image ("mean", "blur" or a number; else its mean colour).
    """

    name: str
    kind: Kind
    unit: str = ""
    title: str = ""
    description: str = ""
    protected: bool = False
    store: Keep | None = None
    group: str = ""
    absent: str = ""

    @property
    def label(self) -> str:
        """The title, or the name where there is none.

        >>> Feature(name="temp", kind=Kind.NUMERIC, title="Temperature").label
        'Temperature'
        """
        return self.title or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSchema:
    """What a model takes and gives. For a binary task ``classes`` is (negative, positive).

    ``cutoff`` is how many of the first places of a ranking are looked at, the k of nDCG@k.
    """

    model: str
    task: Task
    features: tuple[Feature, ...]
    classes: tuple[str, ...] = ()
    threshold: float = 0.5
    cutoff: int = 10
    target: str = "target"
    target_unit: str = ""

    def feature(self, name: str) -> Feature | None:
        """Return the feature called ``name``, or None."""
        return next((feature for feature in self.features if feature.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """When a measurement becomes an alert.

    ``threshold`` None means the measurement's own (calibrated) threshold. ``feature`` None means every feature,
    ``version`` None every version. ``windows`` is how many windows in a row must breach before the alert fires.
    """

    name: str
    metric: str
    op: str = ">"
    threshold: float | None = None
    feature: str | None = None
    segment: str = ALL
    version: str | None = None
    windows: int = 1
    min_rows: int = 100
    severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where alerts of at least ``min_severity`` go: a channel plug-in's name and its target (an address or empty)."""

    kind: str
    target: str = ""
    min_severity: Severity = Severity.WARNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Which rows are kept once they are profiled; counts, profiles, accuracy and de-duplication cover all of them.

    ``rate`` is the share of ids whose rows are kept, by a fixed hash of the id; ``newest`` how many rows at most.
    """

    rate: float = 1.0
    newest: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Days that are known to be unlike others, such as a holiday: [first, until), by the day in UTC."""

    name: str
    first: date
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How much worse a model may be than its reference before that is harm: what nobody need be woken for.

    ``metric`` is a measure that has a loss a row (accuracy, brier, mae; None: the task's first), ``amount`` in its
    unit; None: what the reference's own windows differ by.
    """

    metric: str | None = None
    amount: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeValues:
    """What one prediction of a binary task is worth to the business by how it turned out; costs are negative.

    ``unit`` is what the numbers are in, such as "€".
    """

    true_positive: float = 0.0
    false_positive: float = 0.0
    true_negative: float = 0.0
    false_negative: float = 0.0
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an owner decides about a model. ``segments`` are feature names whose values are monitored apart.

    ``keep_rows_days`` is after how many days a row goes, by the time of its prediction; None keeps rows for good.
    ``metrics_url`` is where the model's server tells of itself in Prometheus' text format. ``dial`` is how many false
    alarms in 90 windows (days, with windows of 24 hours) are acceptable; None turns the detector off, so that only
    rules speak. Windows that meet an event of the ``calendar`` give no evidence of drift.
    ``outcome_values`` is what right and wrong answers are worth, which accuracy is then also told in.
    ``digest_hour`` is the hour (UTC) at which incidents that wake nobody are told, once a day; None tells each at once.
    """

    owner: str = ""
    title: str = ""
    description: str = ""
    segments: tuple[str, ...] = ()
    dial: float | None = 1.0
    tolerance: Tolerance = Tolerance()
    calendar: tuple[Event, ...] = ()
    digest_hour: int | None = 6
    rules: tuple[Rule, ...] | None = None  # None: the default rules
    channels: tuple[Channel, ...] = ()
    window_hours: int = 24
    label_deadline_days: int = 7
    features_shown: int = 20
    sampling: Sampling = Sampling()
    keep_rows_days: int | None = None
    metrics_url: str = ""
    outcome_values: OutcomeValues | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A registered model: its schema and its owner's settings."""

    name: str
    schema: ModelSchema
    settings: Settings
    created: datetime

    @property
    def title(self) -> str:
        """What people call it."""
        return self.settings.title or self.name

    @property
    def segments(self) -> tuple[str, ...]:
        """Features whose values are monitored apart: the owner's segments, and protected features of plain values."""
        chosen = self.settings.segments
        plain = (each for each in self.schema.features if each.kind in _PLAIN and each.store in (None, Keep.FULL))
        return (*chosen, *(each.name for each in plain if each.protected and each.name not in chosen))


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time [start, end)."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a model.

    ``artifact`` names an adapter and its files (``{"adapter": "torch", "class": "pkg.mod:Class", "weights": path}``),
    ``endpoint`` a served address (``{"url": …, "dialect": "v2"}``); either lets predictions be explained. An endpoint's
    ``metrics_url`` is where the server of this version tells of itself.
    """

    model: str
    version: str
    created: datetime
    artifact: Mapping[str, object] | None = None
    endpoint: Mapping[str, object] | None = None
    reference: Window | None = None
    reference_rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """One prediction a served model made: one row, not one request.

    ``scores`` are per class in schema order (binary: one number, of the positive class, is enough).
    ``prediction`` is the class or, for regression, the number. A ranking is one row a query: ``scores`` are one a
    candidate, any number of them, and ``prediction`` their names in the same order (without scores, the best first).
    ``device`` is what computed it ("cuda:0"), ``device_ms``
    how long that took there, ``memory_mb`` the most device memory in use meanwhile, in MiB; of the whole batch.
    """

    id: str | None = None
    version: str = "1"
    time: datetime | None = None
    features: Mapping[str, object] = field(default_factory=dict)
    prediction: Scalar | tuple[Scalar, ...] = None
    scores: tuple[float, ...] | None = None
    latency_ms: float | None = None
    batch_size: int | None = None
    status: str | None = None
    device: str | None = None
    device_ms: float | None = None
    memory_mb: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The truth for one inference. Without a version it goes to every version that has the id.

    For a ranking the value is a grade for each candidate in the order they were sent (None: not known yet), or grades
    by the candidates' names; a later label replaces an earlier one as a whole.
    """

    id: str
    value: Scalar | tuple[Scalar, ...] | Mapping[str, Scalar]
    time: datetime | None = None
    version: str | None = None


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
    known). ``incidents`` are the alerts that the message of a digest tells of.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """How many rows of one model and source met one fate. Over all fates the rows received are accounted for."""

    model: str
    source: str
    outcome: str  # stored, duplicate, rejected, dropped
    reason: str
    rows: int

"""What is known of a model: its schema, its versions, and what its owner decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from monitor.types.kinds import ALL, Keep, Kind, Severity, Task

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

"""The JSON shapes of requests and replies that are not already a noun of `monitor.types`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from monitor.store import Check, HalfCount
from monitor.store.notes import Note
from monitor.types import (
    Alert,
    Delivery,
    LedgerLine,
    Measurement,
    ModelSchema,
    Report,
    Scalar,
    Settings,
    Version,
    Window,
)


class ModelRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What an owner registers. ``task`` alone is enough: features are then read from the first reference.

    ``schema`` holds ``task``, ``features`` (name, kind, unit, title, description, protected), ``classes``,
    ``threshold``, ``target`` and ``target_unit``. ``task`` and ``owner`` beside it win over those inside.
    """

    schema: dict[str, Any] | None = None
    task: str | None = None
    owner: str | None = None
    settings: dict[str, Any] | None = None


class VersionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """How a version can be asked again: a stored artifact, a served endpoint, or both."""

    artifact: dict[str, Any] | None = None
    endpoint: dict[str, Any] | None = None


class ReportRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The window to report on; without it, the last full week before now."""

    start: datetime | None = None
    end: datetime | None = None


class RunRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What to run. Without ``model`` and ``job``: everything that is due until ``until`` (now, if not given).

    With either: that job (else every job of single windows) of that model (else every model), over the last window
    that had closed by ``until``, whether or not it was run before; no rule is evaluated.
    """

    until: datetime | None = None
    model: str | None = None
    job: str | None = None


class ClockRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Where to move a manual clock to."""

    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSummary:
    """One model in the list."""

    name: str
    title: str
    task: str
    owner: str
    created: datetime
    features: int
    versions: list[str]


@dataclass(frozen=True, slots=True)
class ModelList:
    """Every registered model, by name."""

    models: list[ModelSummary]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelDetail:
    """One model with its versions. ``added`` names the columns that this request added to its schema."""

    name: str
    schema: ModelSchema
    settings: Settings
    created: datetime
    versions: list[Version]
    added: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceReply:
    """What a reference became: its rows, its window, and the columns that were inferred from it."""

    model: str
    version: str
    rows: int
    labelled: int
    window: Window
    inferred: list[str]


@dataclass(frozen=True, slots=True)
class MeasurementList:
    """Measurements in order of window; ``truncated`` where the limit cut them off."""

    measurements: list[Measurement]
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class InferenceRow:
    """One captured prediction. ``score`` is P(positive), the largest probability, or the predicted number.

    ``features`` hold images as base64 or nested lists, sequences and embeddings as lists; ``summaries`` say what each
    is, and stand alone for a value that is not kept.
    """

    id: str
    version: str
    time: datetime
    received: datetime
    source: str
    features: dict[str, Any]
    prediction: Scalar
    scores: list[float | None] | None
    score: float | None
    latency_ms: float | None
    batch_size: int | None
    status: str | None
    device: str | None
    device_ms: float | None
    memory_mb: float | None
    flags: list[str]
    extra: dict[str, Any] | None
    label: Scalar
    label_time: datetime | None
    summaries: dict[str, Any]


@dataclass(frozen=True, slots=True)
class InferencePage:
    """One page of predictions; ``total`` is how many match the filter, ``next_offset`` null on the last page."""

    inferences: list[InferenceRow]
    total: int
    next_offset: int | None


@dataclass(frozen=True, slots=True)
class AlertList:
    """Alerts, newest first."""

    alerts: list[Alert]


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """One alert, what became of telling its owner, and what was done about it.

    ``digest_due`` is when the digest that tells of it is sent, while it waits.
    """

    alert: Alert
    deliveries: list[Delivery]
    history: list[Note] = field(default_factory=list)
    digest_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReportList:
    """Written reports, newest first."""

    reports: list[Report]


@dataclass(frozen=True, slots=True)
class ClockReply:
    """The server's present moment."""

    now: datetime


@dataclass(frozen=True, slots=True)
class LedgerReply:
    """The fate of every row received: stored + duplicate + rejected + dropped = received.

    ``halves`` of exchanges are counted apart: they are no rows until both sides are there.
    """

    lines: list[LedgerLine]
    halves: list[HalfCount]


@dataclass(frozen=True, slots=True)
class VerifyReply:
    """Whether the ledger adds up, and what was checked."""

    ok: bool
    checks: list[Check]


@dataclass(frozen=True, slots=True)
class Health:
    """The server is up, and what its clock says.

    ``status`` is ``ok``, or ``degraded`` while rows are refused: ``capture`` then says why (``ok``, ``disk_full``,
    ``not_running``). Reading goes on in either.
    """

    status: str
    version: str
    now: datetime
    capture: str
    disk_free_bytes: int
    disk_reserve_bytes: int

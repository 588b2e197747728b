"""What is asked of the detector over HTTP and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec


class TrialRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What to try on the past: either a setting of the dial, or a rule as in the model's settings."""

    dial: float | None = None
    rule: dict[str, Any] | None = None
    days: int = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialAlarm:
    """One alert that would have been raised; ``resolved`` is null where it would still be open.

    ``paged`` tells whether it would have been told at once or with the digest, ``because`` why.
    """

    since: datetime
    resolved: datetime | None
    version: str
    severity: str
    title: str
    columns: tuple[str, ...]
    paged: bool
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReply:
    """What would have been raised in the ``days`` that were looked at, which are fewer where there is less history.

    Of what ``fired``, ``paged`` would have been told at once, the rest with the digest.
    """

    said: str
    fired: int
    paged: int
    days: float
    dates: list[datetime]
    alarms: list[TrialAlarm]
    calibrated: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIncident:
    """An incident that a detector holds open."""

    alert: str
    opened: datetime
    kind: str
    columns: tuple[str, ...]
    snoozed: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDetection:
    """How the detector of one version stands; ``evidence`` is by column, in units of the threshold.

    ``windows`` is how many windows its reference holds; from 30 it is calibrated. ``baselines`` are columns that are
    compared with their own traffic from a moment on.
    """

    version: str
    until: datetime
    windows: int
    calibrated: bool
    threshold: float
    open: list[OpenIncident]
    evidence: Mapping[str, float]
    baselines: Mapping[str, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionReply:
    """The dial of a model (null: the detector is off), and how the detector of each version stands."""

    dial: float | None
    versions: list[VersionDetection]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillReply:
    """What the history up to ``until`` came to at the present settings; nothing is sent about it."""

    until: datetime
    fired: int
    open: int
    alarms: list[TrialAlarm]

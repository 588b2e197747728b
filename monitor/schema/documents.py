"""Schemas and settings as JSON documents: read with errors that name the place, written in full."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar, cast

import msgspec
from msgspec.inspect import type_info

from monitor.errors import InvalidInput
from monitor.schema.names import DETECTORS, check_features, check_name
from monitor.types import Channel, Event, Feature, Kind, ModelSchema, OutcomeValues, Rule, Sampling, Settings, Task

T = TypeVar("T")


def schema_from_dict(data: Mapping[str, object]) -> ModelSchema:
    """Read a model's schema. A binary task without classes has ("0", "1").

    Raises:
        InvalidInput: a key is missing, unknown or of the wrong type, or the schema contradicts itself; the message
            names the place (``$.features[3].kind``).

    >>> schema_from_dict({"model": "m", "task": "regression", "features": [{"name": "x", "kind": "numeric"}]}).target
    'target'
    """
    schema = _read("schema", data, ModelSchema)
    if schema.task is Task.BINARY and not schema.classes:
        schema = replace(schema, classes=("0", "1"))
    _known_keys("schema.features[]", data.get("features"), Feature)
    check_name("model", schema.model)
    check_features(feature.name for feature in schema.features)
    _check_store(schema)
    _check_played(schema)
    _check_task(schema)
    return schema


def schema_to_dict(schema: ModelSchema) -> dict[str, object]:
    """Write a schema in plain JSON values; `schema_from_dict` reads it back."""
    return cast("dict[str, object]", msgspec.to_builtins(schema))


def settings_from_dict(data: Mapping[str, object]) -> Settings:
    """Read an owner's settings.

    Raises:
        InvalidInput: as `schema_from_dict`.

    >>> settings_from_dict({"owner": "ops@example.com", "segments": ["carrier"]}).segments
    ('carrier',)
    """
    settings = _read("settings", data, Settings)
    _known_keys("settings.rules[]", data.get("rules"), Rule)
    _known_keys("settings.channels[]", data.get("channels"), Channel)
    _known_keys("settings.calendar[]", data.get("calendar"), Event)
    _known_keys("settings.sampling", [data.get("sampling")], Sampling)
    _known_keys("settings.outcome_values", [data.get("outcome_values")], OutcomeValues)
    for rule in settings.rules or ():
        check_name("rule", rule.name)
        if rule.name in DETECTORS:
            raise InvalidInput(
                f"settings.rules: {rule.name!r} is what a detector calls its own alerts; give the rule another name"
            )
        if rule.op not in OPERATORS:
            raise InvalidInput(
                f"settings.rules: rule {rule.name!r} has op {rule.op!r}; allowed: {', '.join(OPERATORS)}"
            )
    for key, value, most in (
        ("window_hours", settings.window_hours, 24 * 366),
        ("label_deadline_days", settings.label_deadline_days, 3660),
    ):
        if not 1 <= value <= most:
            raise InvalidInput(f"settings.{key}: got {value}; 1 to {most:,} are allowed")
    if settings.digest_hour is not None and not 0 <= settings.digest_hour < 24:
        raise InvalidInput(
            f"settings.digest_hour: got {settings.digest_hour}; 0 to 23 (UTC) are allowed, or null to be told of every "
            "incident at once"
        )
    _check_kept(settings)
    _check_detection(settings)
    return settings


def _check_detection(settings: Settings) -> None:
    if settings.dial is not None and not 0 < settings.dial < MOST_DIAL:
        raise InvalidInput(
            f"settings.dial: got {settings.dial}; more than 0 and less than {MOST_DIAL} false alarms in 90 windows are "
            "allowed, or null to have rules only"
        )
    for event in settings.calendar:
        if event.until <= event.first:
            raise InvalidInput(
                f"settings.calendar: {event.name[:80]!r} is from {event.first} until {event.until}; until is the first "
                "day after it and must be later than first"
            )


def _check_kept(settings: Settings) -> None:
    rate, newest, days = settings.sampling.rate, settings.sampling.newest, settings.keep_rows_days
    if not 0 <= rate <= 1:
        raise InvalidInput(f"settings.sampling.rate: got {rate}; 0 (keep no row) to 1 (keep all) are allowed")
    if newest is not None and not 1 <= newest <= MOST_NEWEST:
        raise InvalidInput(f"settings.sampling.newest: got {newest:,}; 1 to {MOST_NEWEST:,} rows are allowed")
    if days is not None and not 1 <= days <= 36_600:
        raise InvalidInput(f"settings.keep_rows_days: got {days:,}; 1 to 36,600 are allowed, or null to keep all")


def settings_to_dict(settings: Settings) -> dict[str, object]:
    """Write settings in plain JSON values; `settings_from_dict` reads it back."""
    return cast("dict[str, object]", msgspec.to_builtins(settings))


MOST_NEWEST = 10**12
"""The largest number of newest rows that can be asked for."""

MOST_DIAL = 90
"""False alarms in 90 windows below which the dial must be: at this number every window alarms."""

MOST_CUTOFF = 10_000
"""The most places of a ranking that can be looked at."""

_ALONE = (Kind.IMAGE, Kind.EMBEDDING, Kind.SEQUENCE, Kind.ID)

_STORED = (Kind.TEXT, Kind.IMAGE, Kind.EMBEDDING, Kind.SEQUENCE)

OPERATORS = (">", ">=", "<", "<=")
"""How a rule may compare a measurement with its threshold."""


def _read(what: str, data: Mapping[str, object], kind: type[T]) -> T:
    if not isinstance(data, Mapping):
        raise InvalidInput(f"{what}: got {type(data).__name__}; an object is allowed")
    _known_keys(what, [data], kind)
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{what}: {error}") from None


def _known_keys(what: str, items: object, kind: type) -> None:
    """Refuse keys that would be ignored: a mistyped key is a mistake, not a wish."""
    allowed = [field.encode_name for field in type_info(kind).fields]  # type: ignore[attr-defined]
    for item in items if isinstance(items, list | tuple) else ():
        for key in item if isinstance(item, Mapping) else ():
            if key not in allowed:
                raise InvalidInput(f"{what}: unknown key {str(key)[:80]!r}; allowed: {', '.join(allowed)}")


def _check_store(schema: ModelSchema) -> None:
    for feature in schema.features:
        if feature.store is not None and feature.kind not in _STORED:
            raise InvalidInput(
                f"schema: feature {feature.name!r} is {feature.kind} and has store {feature.store.value!r}; only "
                f"{', '.join(_STORED)} can be kept otherwise than in full: leave it out"
            )


def _check_played(schema: ModelSchema) -> None:
    """Hold the features' ``group`` and ``absent`` to what explanations can do."""
    for feature in schema.features:
        where = f"schema: feature {feature.name!r} is {feature.kind} and has"
        if feature.absent and feature.kind is Kind.IMAGE:
            try:
                known = feature.absent in ("mean", "blur") or math.isfinite(float(feature.absent))
            except ValueError:
                known = False
            if not known:
                raise InvalidInput(f'{where} absent {feature.absent!r}; "mean", "blur" or a number is allowed')
        elif feature.absent and feature.kind is not Kind.TEXT:
            raise InvalidInput(f"{where} absent {feature.absent!r}; only text and image can have one: leave it out")
        if feature.group and feature.kind in _ALONE:
            raise InvalidInput(f"{where} group {feature.group!r}; only columns of one value can be in a group")
        if feature.group in {other.name for other in schema.features}:
            raise InvalidInput(f"{where} group {feature.group!r}, which is a feature's name; call the group otherwise")


def _check_task(schema: ModelSchema) -> None:
    count = len(schema.classes)
    if len(set(schema.classes)) != count:
        raise InvalidInput(f"schema.classes: {list(schema.classes)} names a class twice")
    if schema.task in (Task.REGRESSION, Task.RANKING) and count:
        raise InvalidInput(f"schema.classes: a {schema.task} has none, got {list(schema.classes)}")
    if not 1 <= schema.cutoff <= MOST_CUTOFF:
        raise InvalidInput(f"schema.cutoff: got {schema.cutoff}; 1 to {MOST_CUTOFF:,} places are allowed")
    if schema.task is Task.BINARY and count != 2:
        raise InvalidInput(f"schema.classes: a binary task has two, (negative, positive), got {list(schema.classes)}")
    if schema.task is Task.MULTICLASS and count < 2:
        raise InvalidInput(f"schema.classes: a multiclass task has at least two, got {list(schema.classes)}")
    if not 0 < schema.threshold < 1:
        raise InvalidInput(f"schema.threshold: got {schema.threshold}; a number between 0 and 1 is allowed")

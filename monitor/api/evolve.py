"""How a model's schema may change: it may grow, and be described better; what is stored keeps its meaning."""

from dataclasses import replace

from monitor.errors import Conflict
from monitor.schema.documents import schema_to_dict
from monitor.types import ModelSchema

_FIXED = ("task", "classes", "threshold", "cutoff", "target")


def kept(stored: ModelSchema) -> dict[str, object]:
    """Return what may not change, as a schema's document writes it: what a document that leaves it out means."""
    return {name: value for name, value in schema_to_dict(stored).items() if name in _FIXED}


def evolved(stored: ModelSchema, asked: ModelSchema) -> ModelSchema:
    """Return ``stored`` with what ``asked`` adds: new features, and new units, titles and descriptions.

    A feature that ``asked`` leaves out stays: rows that lack it are flagged and measured.

    Raises:
        Conflict: a feature's kind, the task, the classes, the threshold, the cutoff or the target would change.

    >>> from monitor.types import Feature, Kind, Task
    >>> def schema(*names): return ModelSchema(model="m", task=Task.BINARY,
    ...     features=tuple(Feature(name=name, kind=Kind.NUMERIC) for name in names))
    >>> [feature.name for feature in evolved(schema("a", "b"), schema("b", "c")).features]
    ['a', 'b', 'c']
    """
    if not stored.features:  # nothing has been stored under this schema yet
        return asked
    for name in _FIXED:
        was, now = getattr(stored, name), getattr(asked, name)
        if was != now:
            raise Conflict(f"{name} of {stored.model!r} is {was!s}, not {now!s}; register another model for it.")
    features = {feature.name: feature for feature in stored.features}
    for feature in asked.features:
        known = features.get(feature.name)
        if known is not None and known.kind is not feature.kind:
            raise Conflict(
                f"Feature {feature.name!r} is {known.kind} and cannot become {feature.kind}; give it a new name."
            )
        features[feature.name] = feature
    return replace(stored, features=tuple(features.values()), target_unit=asked.target_unit or stored.target_unit)

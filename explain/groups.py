"""Features that count together: the groups a schema names, such as the parts of an address."""

from collections.abc import Sequence

from monitor.types import Feature


def grouped(features: Sequence[Feature]) -> list[tuple[str, tuple[Feature, ...]]]:
    """Return features by the name of what they count for: their group in place of its first feature, else themselves.

    >>> from monitor.types import Kind
    >>> given = [("u", "w"), ("r", ""), ("v", "w")]
    >>> features = [Feature(name=name, kind=Kind.NUMERIC, group=group) for name, group in given]
    >>> [(name, len(members)) for name, members in grouped(features)]
    [('w', 2), ('r', 1)]
    """
    found: dict[str, list[Feature]] = {}
    for feature in features:
        found.setdefault(feature.group or feature.name, []).append(feature)
    return [(name, tuple(members)) for name, members in found.items()]

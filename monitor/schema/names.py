"""Names of models, versions, rules and columns: what is allowed, and why not more."""

import re
import unicodedata
from collections.abc import Collection, Iterable

from monitor.errors import InvalidInput

NAME = re.compile(r"[a-z0-9_-]{1,64}")
"""Names of models and rules: safe in paths, URLs and SQL on every system."""

DETECTORS = frozenset({"detector", "harm", "segment"})
"""What detectors call their own alerts, of what a rule could be called too. Other such names have spaces."""

VERSION = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
"""Names of versions, which model servers write as 1.0 or v2.1-RC3; never a path's "." or ".."."""

VERSION_RULE = "1 to 64 of the characters a-z, A-Z, 0-9, _, - and, not first, dots are allowed"
"""The same, in words for errors."""

MAX_COLUMN = 200
"""Longest name of a column, in characters."""


def check_name(kind: str, name: str) -> str:
    """Return ``name`` if it may name a model, version or rule.

    Args:
        kind: what is named ("model", "version", …), for the message.
        name: the name to check.

    Raises:
        InvalidInput: the name has other characters than a-z, 0-9, _ and - (a version also A-Z and, not first, dots), or
            is empty or longer than 64.

    >>> check_name("model", "flights"), check_name("version", "1.0")
    ('flights', '1.0')
    """
    version = kind == "version"
    if (VERSION if version else NAME).fullmatch(name):
        return name
    rule = VERSION_RULE if version else "1 to 64 of the characters a-z, 0-9, _ and - are allowed"
    raise InvalidInput(f"{kind} name {str(name)[:80]!r}: {rule}")


def odd_name(names: Iterable[str], known: Collection[str] = ()) -> str | None:
    """Return why a row cannot have columns of these names, or None if it can.

    Args:
        names: all columns of the row.
        known: those of the schema, whose names were checked when it was registered.

    >>> odd_name(["temp", ""])
    "column name '': 1 to 200 characters are allowed, got 0"
    """
    given = list(names)
    new = [name for name in given if name not in known]
    for name in new:
        if not 0 < len(name) <= MAX_COLUMN:
            return f"column name {name[:40]!a}: 1 to {MAX_COLUMN} characters are allowed, got {len(name):,}"
    if all(map(str.isascii, new)):
        return None
    composed = {name: unicodedata.normalize("NFC", name) for name in given}
    if len(set(composed.values())) == len(composed):
        return None
    twins = [name for name in new if list(composed.values()).count(composed[name]) > 1]
    return f"column names {', '.join(f'{name!a}' for name in twins[:4])} differ only in encoding; send one of them"


def check_features(names: Iterable[str]) -> None:
    """Refuse column names that could not be told apart in the store.

    Names are compared without case and in Unicode's composed form, as SQL columns would be.

    Raises:
        InvalidInput: a name is empty, longer than 200 characters, starts with an underscore (kept for our own
            columns), holds a character that is not Unicode text, or is the twin of another.
    """
    seen: dict[str, str] = {}
    for name in names:
        if not name or len(name) > MAX_COLUMN:
            raise InvalidInput(
                f"feature name {name[:40]!r}: 1 to {MAX_COLUMN} characters are allowed, got {len(name):,}"
            )
        if name.startswith("_"):
            raise InvalidInput(f"feature name {name!r}: names that start with an underscore are kept for Watchglass")
        if any(unicodedata.category(character) == "Cs" or character == "\0" for character in name):
            raise InvalidInput(f"feature name {name!a}: holds a character that is not text")
        key = unicodedata.normalize("NFC", name).casefold()
        if key in seen:
            raise InvalidInput(f"feature names {seen[key]!r} and {name!r} differ only in case or encoding; rename one")
        seen[key] = name

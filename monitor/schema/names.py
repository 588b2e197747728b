"""Names of models, versions, rules and columns: what is allowed, and why not more."""

import re
import unicodedata
from collections.abc import Iterable

from monitor.errors import InvalidInput

NAME = re.compile(r"[a-z0-9_-]{1,64}")
"""Names of models, versions and rules: safe in paths, URLs and SQL on every system."""

MAX_COLUMN = 200
"""Longest name of a column, in characters."""


def check_name(kind: str, name: str) -> str:
    """Return ``name`` if it may name a model, version or rule.

    Args:
        kind: what is named ("model", "version", …), for the message.
        name: the name to check.

    Raises:
        InvalidInput: the name has other characters than a-z, 0-9, _ and -, or is empty or longer than 64.

    >>> check_name("model", "flights")
    'flights'
    """
    if NAME.fullmatch(name):
        return name
    shown = str(name)[:80]
    raise InvalidInput(f"{kind} name {shown!r}: 1 to 64 of the characters a-z, 0-9, _ and - are allowed")


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

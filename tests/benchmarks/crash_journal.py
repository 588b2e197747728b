"""What senders know of their own events, kept apart from the server: an append-only file of ids and content hashes.

``S <request> <kind> <id> <hash>`` before an event is sent first, ``A <request>`` once its 200 has been read.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Event = dict[str, object]


def content_hash(content: Mapping[str, object]) -> str:
    """Return a digest of what an event says; floats by their shortest text, so that storage must keep every bit.

    >>> content_hash({"b": 1.5, "a": "x"}) == content_hash({"a": "x", "b": 1.5})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


class Journal:
    """The file of one sender, as it writes it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def sending(self, request: int, kind: str, contents: Sequence[Mapping[str, object]]) -> None:
        """Note events before they are sent for the first time."""
        lines = (f"S {request} {kind} {content['id']} {content_hash(content)}\n" for content in contents)
        self._file.write("".join(lines))
        self._file.flush()

    def acknowledged(self, request: int) -> None:
        """Note that a request's 200 has been read."""
        self._file.write(f"A {request}\n")
        self._file.flush()


@dataclass(slots=True)
class Known:
    """All journals together: the hash of each event sent, and which of them were acknowledged, by (kind, id)."""

    sent: dict[tuple[str, str], str] = field(default_factory=dict)
    acknowledged: set[tuple[str, str]] = field(default_factory=set)


def read_journals(paths: Sequence[Path]) -> Known:
    """Read the journals of all senders."""
    known = Known()
    for path in paths:
        requests: dict[str, list[tuple[str, str]]] = {}
        for parts in _lines(path):
            if parts[0] == "S":
                _, request, kind, name, content = parts
                known.sent[kind, name] = content
                requests.setdefault(request, []).append((kind, name))
            else:
                known.acknowledged.update(requests[parts[1]])
    return known


def _lines(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield line.split()

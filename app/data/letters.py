"""Dead letters as the dashboard shows them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.printable import printable
from app.runtime import runtime
from monitor.store import DeadLetter

SHOWN = 200
_SHOWN_BODY = 4_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many letters of one model, way and reason wait, and the bytes kept of them."""

    model: str
    source: str
    reason: str
    letters: int
    size: int


def waiting() -> list[Waiting]:
    """The letters that are neither replayed nor gone, by model, way and reason; most first."""
    return [
        Waiting(row["model"], row["source"], row["reason"], row["letters"], row["bytes"])
        for row in runtime().store.letters.waiting()
    ]


def newest() -> list[DeadLetter]:
    """The newest letters, the replayed ones too."""
    return runtime().store.letters.query(limit=SHOWN)


def replayed() -> int:
    """How many letters became rows after all; they are among the rows rejected, and among those stored."""
    return sum(letters for (_, end), letters in runtime().store.letters.ends().items() if end == "replayed")


def kept_until(letter: DeadLetter) -> datetime:
    """When a letter goes."""
    return letter.received + timedelta(days=runtime().store.letters.limits.days)


def kept_days() -> float:
    """How long letters are kept."""
    return runtime().store.letters.limits.days


def body_of(letter: DeadLetter) -> str:
    r"""The beginning of a body, in characters that show what they are: nothing in it can act or hide.

    >>> when = datetime(2013, 5, 1)
    >>> sent = b'{"a": "\xff"}'
    >>> letter = DeadLetter(model="m", source="http", id=None, reason="r", detail="", received=when, body=sent)
    >>> print(body_of(letter))
    {"a": "\xff"}
    """
    text = letter.body[:_SHOWN_BODY].decode("utf-8", "backslashreplace")
    shown = printable(text)
    return shown if len(letter.body) <= _SHOWN_BODY else f"{shown}…"


def told_of(letter: DeadLetter) -> str:
    """What is kept of a letter, in words.

    >>> letter = DeadLetter(model="m", source="http", id=None, reason="r", detail="", received=datetime(2013, 5, 1))
    >>> told_of(letter)
    'Its body was not kept.'
    """
    if letter.replayed is not None:
        return "Replayed: it is stored as rows, and its body is gone."
    if letter.cut:
        return (
            f"Only the first {len(letter.body):,} of {letter.size:,} bytes are kept, so it cannot be replayed."
            if letter.body
            else f"Its {letter.size:,} bytes were not kept."
        )
    return f"{letter.size:,} bytes, as they were sent." if letter.body else "Its body was not kept."

"""Files are read in a child process with limits, since they are not trusted: `child` is that process.

The parent (`app.importing`) tells it what to read (`Wish`), takes pieces that are ready to be sent (`frames`), and
outlives whatever a file does to it.
"""

from dataclasses import asdict, dataclass

import msgspec

from app.registering import Columns

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading may cost: memory of the child in MiB, and seconds it may take over one file."""

    memory_mb: int = 1024
    seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read: its place in the list of all files, and how many of its rows were taken before.

    ``quiet``: all of it was taken; it is read only for the halves of exchanges that another file completes.
    """

    place: int
    path: str
    digest: str
    inferences: int = 0
    labels: int = 0
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What a child is to do. ``schema`` is the model's as a document, ``form`` a collector's name or None for rows.

    ``names`` are those of unnamed columns, by commas. ``peek``: say what there is, and give nothing.
    """

    sources: tuple[Source, ...]
    schema: dict[str, object]
    columns: Columns
    form: str | None = None
    names: str | None = None
    version: str | None = None
    peek: bool = False
    memory_mb: int = 1024

    def encode(self) -> bytes:
        """Return it as one line; file names that are not text pass unharmed."""
        # msgspec refuses lone surrogates, which stand for a file name's odd bytes.
        import json

        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, line: bytes) -> "Wish":
        """Return what `encode` was given."""
        import json

        return msgspec.convert(json.loads(line), cls)


def shown(path: object) -> str:
    r"""Return a file's name as it can be printed: without control characters, and not too long.

    >>> shown("a\x1b[31mb\n.csv"), len(shown("x" * 999))
    ('a?[31mb?.csv', 200)
    """
    text = "".join(letter if letter.isprintable() else "?" for letter in str(path))
    return text if len(text) <= 200 else f"…{text[-199:]}"

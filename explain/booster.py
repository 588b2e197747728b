"""What model files of boosted trees have in common: checked by their first bytes, read by their library, of a width."""

from abc import abstractmethod
from typing import Any, ClassVar

from explain.encoding import Encoding
from explain.files import Specification, file_digest, identity, read, text
from explain.models import Allowed, ModelAdapter, Trees
from monitor.errors import InvalidInput
from monitor.types import ModelSchema, Task


class BoosterAdapter(ModelAdapter):
    """An ensemble of trees in its library's own format, which holds no code.

    ``begins`` are a file's first bytes, ``format`` what such a file is called, ``advice`` how to save one.
    """

    has_trees = True
    in_log_odds = True
    begins: ClassVar[bytes]
    format: ClassVar[str]
    advice: ClassVar[str]

    def __init__(self, booster: Any, encoding: Encoding, schema: ModelSchema) -> None:
        self._booster, self._encoding, self._schema = booster, encoding, schema

    @classmethod
    @abstractmethod
    def opened(cls, body: bytes, task: Task) -> tuple[Any, int]:
        """Return the booster of a file, and how many columns it reads.

        Raises:
            ValueError: the file is none of the library's; the message says what is wrong.
        """

    @classmethod
    def load(cls, spec: Specification, schema: ModelSchema, allowed: Allowed) -> "BoosterAdapter":
        """Load the booster.

        Raises:
            InvalidInput: the file is not in the library's format, or the columns do not fit.
        """
        del allowed
        body = read(text(spec, "model"), "model")
        if not body.startswith(cls.begins):
            raise InvalidInput(f"{spec['model']!r} is no {cls.format}; {cls.advice}")
        encoding = Encoding.of(spec, schema)
        try:
            booster, width = cls.opened(body, schema.task)
        except ValueError as error:
            first = str(error).strip().split("\n")[0][:300]
            raise InvalidInput(f"{spec['model']!r} is no {cls.format}: {first}") from error
        if width != len(encoding.columns):
            raise InvalidInput(f'the model reads {width} columns, and {len(encoding.columns)} are given: set "columns"')
        return cls(booster, encoding, schema)

    @classmethod
    def fingerprint(cls, spec: Specification) -> str:
        """Return the sha256 of the file and of what the specification says of its columns."""
        return identity(spec, file_digest(text(spec, "model"), "model"))

    def trees(self) -> Trees | None:
        """Return the booster, for methods that read it."""
        return Trees(self._booster, self._encoding.matrix, self._encoding.columns)

"""Which questions were answered lately: the same one again needs no captured row and no background to be read."""

import threading
from collections import OrderedDict
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import msgspec

from explain.models import model_hash
from explain.request import Asked, Request, specification
from monitor.errors import NotFound
from monitor.types import Model, Version

if TYPE_CHECKING:  # explaining needs no database driver of its own
    from monitor.store import Store

REMEMBERED = 4_096
"""How many questions are kept in memory: about a kilobyte each."""


@dataclass(frozen=True, slots=True)
class _Basis:
    """What the answer follows from and can change: the row of a version cannot."""

    model: Model
    version: Version
    reference: int
    model_hash: str


class Recent:
    """The fingerprints of questions that were answered, each valid until what it follows from changes. Thread-safe."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[_Basis, str]] = OrderedDict()

    def fingerprint(self, asked: Asked) -> str | None:
        """Return the fingerprint of the request that a question makes, if that is known without making it."""
        key = _key(asked)
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
        if found is None or found[0] != self._basis(asked):
            return None
        return found[1]

    def keep(self, asked: Asked, request: Request) -> None:
        """Remember what a question came to; one that names no version can come to mean another row, and is not."""
        if asked.version is None:
            return
        mark = self._store.catalog.reference_mark(asked.model)
        basis = _Basis(request.model, request.version, mark, request.job.model_hash)
        with self._lock:
            self._known[_key(asked)] = basis, request.fingerprint
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def _basis(self, asked: Asked) -> _Basis | None:
        catalog = self._store.catalog
        try:
            version = catalog.version(asked.model, str(asked.version))
            spec = specification(version, asked.target)[1]
            mark = catalog.reference_mark(asked.model)
            return _Basis(catalog.model(asked.model), version, mark, model_hash(spec))
        except NotFound:
            return None


def _key(asked: Asked) -> bytes:
    return msgspec.json.encode(astuple(asked), order="deterministic", enc_hook=repr)

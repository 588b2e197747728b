"""Where an id's rows are, in memory: so that asking for an id costs the same after a year as on day one."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.int64]
Seqs = npt.NDArray[np.int64]

_NONE = np.empty(0, dtype=np.int64)
_SMALL = 1 << 14  # so many hashes are in the nearer caches: what a filter would save is nothing there
_AT_ONCE = 1 << 20


@dataclass(frozen=True, slots=True)
class _Run:
    """Sorted hashes, each with its seq, and a filter that lets through those that may be among them.

    Each step of the search through a large run waits for memory, and most ids are new. So a large run has a table of 16
    to 32 bits a hash, found by the hash's uppermost bits: where the bit is not set the hash is not there. One look
    each is all that new ids cost, but for the one in 16 or more that shares another's bit.
    """

    hashes: Hashes
    seqs: Seqs
    filter: npt.NDArray[np.uint8]
    shift: int

    @classmethod
    def of(cls, hashes: Hashes, seqs: Seqs) -> "_Run":
        order = np.argsort(hashes, kind="stable")  # linear on two runs already sorted
        hashes, seqs = hashes[order], seqs[order]
        if len(hashes) <= _SMALL:
            return cls(hashes, seqs, np.empty(0, dtype=np.uint8), 0)
        bits = len(hashes).bit_length() + 4
        found = np.zeros(1 << bits - 3, dtype=np.uint8)
        for start in range(0, len(hashes), _AT_ONCE):
            byte, bit = _place(hashes[start : start + _AT_ONCE], 64 - bits)
            first = np.flatnonzero(np.append(True, byte[1:] != byte[:-1]))  # they ascend, as the hashes do
            found[byte[first]] |= np.bitwise_or.reduceat(bit, first)
        return cls(hashes, seqs, found, 64 - bits)

    def joined(self, other: "_Run") -> "_Run":
        """Return the run that holds both."""
        return _Run.of(np.concatenate([self.hashes, other.hashes]), np.concatenate([self.seqs, other.seqs]))

    def holds(self, wanted: Hashes) -> bool:
        """Return whether a row has one of these hashes."""
        return len(self._there(wanted)[0]) > 0

    def find(self, wanted: Hashes) -> Seqs:
        """Return the seqs of all rows that have one of these hashes, which are distinct."""
        wanted, first = self._there(wanted)
        counts = np.searchsorted(self.hashes, wanted, "right") - first
        places = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        found: Seqs = self.seqs[places]
        return found

    def _there(self, wanted: Hashes) -> tuple[Hashes, Seqs]:
        """Return those of the hashes that are in the run, and the first place of each."""
        if len(self.filter):
            byte, bit = _place(wanted, self.shift)
            wanted = wanted[self.filter[byte] & bit != 0]
        first = np.searchsorted(self.hashes, wanted)
        there = self.hashes[np.minimum(first, len(self.hashes) - 1)] == wanted
        return wanted[there], first[there]


def _place(hashes: Hashes, shift: int) -> tuple[Hashes, npt.NDArray[np.uint8]]:
    """Return the byte and the bit of a filter that each hash has."""
    at = hashes.view(np.uint64) ^ np.uint64(1 << 63)  # orders as the signed hashes do
    at >>= np.uint64(shift)
    return (at >> np.uint64(3)).view(np.int64), np.left_shift(1, at & np.uint64(7), dtype=np.uint8, casting="unsafe")


class KeyIndex:
    """Sorted runs of (hash of id, seq), merged when they reach the size of their elder: a log-structured set.

    16 bytes a row, and 2 to 4 more in large runs. Hashes may collide, so a hit is a candidate to be checked against the
    table; a miss is certain. The hash is Python's own, salted per process, so that nobody can craft ids that collide.

    >>> index = KeyIndex()
    >>> index.add(["a", "b", "a"], np.array([1, 2, 3]))
    >>> index.find(["a", "c"]).tolist()
    [1, 3]
    """

    def __init__(self) -> None:
        self._runs: tuple[_Run, ...] = ()

    def __len__(self) -> int:
        return sum(len(run.hashes) for run in self._runs)

    def add(self, ids: Iterable[str], seqs: Seqs) -> None:
        """Remember that the rows ``seqs`` have these ``ids``."""
        self.add_hashes(hashes(ids), seqs)

    def add_hashes(self, found: Hashes, seqs: Seqs) -> None:
        """Remember that the rows ``seqs`` have ids of these `hashes`."""
        if not len(found):
            return
        run = _Run.of(found, np.asarray(seqs, dtype=np.int64))
        runs = list(self._runs)
        while runs and len(runs[-1].hashes) <= 2 * len(run.hashes):
            run = runs.pop().joined(run)
        self._runs = (*runs, run)  # replaced whole, so that readers in other threads see one state or the other

    def remove(self, seqs: Seqs) -> None:
        """Forget the rows ``seqs``.

        >>> index = KeyIndex()
        >>> index.add(["a", "b", "a"], np.array([1, 2, 3]))
        >>> index.remove(np.array([1, 2]))
        >>> index.find(["a", "b"]).tolist()
        [3]
        """
        left = []
        for run in self._runs:
            stays = np.isin(run.seqs, seqs, invert=True)
            if stays.all():
                left.append(run)
            elif stays.any():
                left.append(_Run.of(run.hashes[stays], run.seqs[stays]))
        self._runs = tuple(left)

    def holds(self, ids: Iterable[str]) -> bool:
        """Return whether a row may have one of ``ids``: what `find` finds some for, at a tenth of the cost for few.

        >>> index = KeyIndex()
        >>> index.add(["a", "b"], np.array([1, 2]))
        >>> index.holds(["c", "b"]), index.holds(["c"]), index.holds([])
        (True, False, False)
        """
        wanted = hashes(ids)
        return any(run.holds(wanted) for run in self._runs)

    def find(self, ids: Iterable[str]) -> Seqs:
        """Return the seqs, ascending and distinct, of all rows whose id may be one of ``ids``."""
        return self.find_hashes(hashes(ids))

    def find_hashes(self, wanted: Hashes) -> Seqs:
        """Return the seqs, ascending and distinct, of all rows whose id may have one of these `hashes`."""
        wanted = np.sort(wanted)
        if not np.all(wanted[1:] != wanted[:-1]):
            wanted = np.unique(wanted)
        found = np.sort(np.concatenate([_NONE, *(run.find(wanted) for run in self._runs)]))
        return found if np.all(found[1:] != found[:-1]) else np.unique(found)


def hashes(ids: Iterable[str]) -> Hashes:
    """Return the hash by which this process knows each id."""
    return np.fromiter(map(hash, ids), dtype=np.int64)

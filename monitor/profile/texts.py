"""What can be told of a text without a model: how it is written, and how usual its words and letter pairs are.

Seven numbers a text, beside its length. Words and pairs of neighbouring characters are *usual* where at least one in
250 of the reference's texts (and at least 20) holds them. With so many, what is usual hardly depends on any one text,
and those of the reference and later ones are judged alike. Another language shows in its letter pairs at once, another
subject in its words. All of it is of texts that are kept; of others only the length is known.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.profile.values import Bools, Floats, Ints, one_array

FIGURES: Final = {
    "words": "words",
    "unusual_words": "share of unusual words",
    "unusual_pairs": "share of unusual letter pairs",
    "digits": "share of digits",
    "upper": "share of capitals",
    "punctuation": "share of punctuation",
    "non_ascii": "share of characters beyond ASCII",
}
"""What each is, in words people read. Unusual words and pairs: their share in a text; below, shares of characters."""

_CHARACTERS: Final = {"digits": r"\pN", "upper": r"\p{Lu}", "punctuation": r"[\pP\pS]", "non_ascii": r"[^\x00-\x7F]"}
_NO_WORD: Final = r"[^\pL\pM\pN]+"
_ASCII: Final = {
    r"\pN": "[0-9]",
    r"\p{Lu}": "[A-Z]",
    r"[\pP\pS]": r"[!-/:-@\[-`{-~]",
    _NO_WORD: "[^a-zA-Z0-9]+",
}
"""The same classes where texts are of ASCII alone, which takes a third of the time."""
_FEWEST, _ONE_IN = 20, 250
_LONGEST = 2_000  # characters that are looked at for words and pairs
_LEARN = 10_000  # texts of a reference that what is usual is learned from
_AT_ONCE = 500  # texts: a character takes a hundred bytes while they are looked at
_SHIFT = 21  # bits of a code point

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Usual:
    """The words and letter pairs that are usual in the reference's texts.

    Attributes:
        words: in lower case, sorted.
        pairs: two code points each, the first in the upper bits, increasing.
    """

    words: tuple[str, ...] = ()
    pairs: Ints = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @classmethod
    def of(cls, texts: pa.Array | pa.ChunkedArray) -> "Usual":
        """Learn what is usual from the texts of a reference: of very many, from as many of all of it.

        >>> Usual.of(pa.array(["the cat", "the dog"] * 10)).words
        ('the',)
        """
        array = one_array(texts)
        array = array.take(pa.array(np.arange(0, len(array), max(1, -(-len(array) // _LEARN)))))
        least = max(_FEWEST, -(-len(array) // _ONE_IN))
        words, pairs = Counter[str](), Counter[int]()
        for at in range(0, len(array), _AT_ONCE):
            lower = _lower(array.slice(at, _AT_ONCE))
            spoken, owner = _words(lower)
            distinct = spoken.dictionary_encode()
            words += _held(distinct.dictionary.to_pylist(), distinct.indices.to_numpy(), owner)
            written, owner = _pairs(lower)
            values, code = np.unique(written, return_inverse=True)
            pairs += _held(values.tolist(), code, owner)
        usual = np.array(sorted(pair for pair, times in pairs.items() if times >= least), dtype=np.int64)
        return cls(tuple(sorted(word for word, times in words.items() if times >= least)), usual)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"words": list(self.words), "pairs": self.pairs.tolist()}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Usual":
        """Return what `to_json` gave."""
        return cls(tuple(data["words"]), np.array(data["pairs"], dtype=np.int64))


def figure(texts: pa.Array | pa.ChunkedArray, name: str, usual: Usual) -> pa.Array:
    """Return one figure of each text, float64 [n]; null where there is none: no text, or nothing to take a share of.

    Args:
        texts: strings; anything else has no figures.
        name: one of `FIGURES`.
        usual: what is usual in the reference.

    >>> figure(pa.array(["Tel. 12", None, ""]), "digits", Usual()).to_pylist()
    [0.2857142857142857, None, None]
    """
    return figures(texts, usual, (name,))[name]


def figures(
    texts: pa.Array | pa.ChunkedArray, usual: Usual, wanted: Iterable[str] = tuple(FIGURES)
) -> dict[str, pa.Array]:
    """Return several figures of each text, by name, in half the time that they take one by one; see `figure`."""
    array = one_array(texts)
    names = tuple(wanted)
    if not pa.types.is_string(array.type):
        return {name: pa.nulls(len(array), pa.float64()) for name in names}
    chunks = (_Chunk(array.slice(at, _AT_ONCE)) for at in range(0, max(1, len(array)), _AT_ONCE))  # each let go at once
    parts = [{name: chunk.figure(name, usual) for name in names} for chunk in chunks]
    return {name: pa.concat_arrays([part[name] for part in parts]) for name in names}


def words(texts: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, Ints]:
    """Return all words of all texts, in lower case, and which text each is of; of a long text those it begins with.

    >>> [part.tolist() for part in map(np.asarray, words(pa.array(["The cat", None, "sat."])))]
    [['the', 'cat', 'sat'], [0, 0, 2]]
    """
    return _words(_lower(texts))


class _Chunk:
    """Some texts, of which each thing is read once for all figures."""

    def __init__(self, texts: pa.Array) -> None:
        self._texts = texts

    @cached_property
    def _lower(self) -> pa.Array:
        return _lower(self._texts)

    @cached_property
    def _words(self) -> tuple[pa.Array, Ints]:
        return _words(self._lower)

    def figure(self, name: str, usual: Usual) -> pa.Array:
        """Return one figure of each of these texts."""
        texts = self._texts
        if name in _CHARACTERS:
            found = pc.count_substring_regex(texts, _class(_CHARACTERS[name], texts)).to_numpy(zero_copy_only=False)
            return _shares(found, pc.utf8_length(texts).to_numpy(zero_copy_only=False))
        if name == "unusual_pairs":
            pairs, owner = _pairs(self._lower)
            odd = ~_among(pairs, usual.pairs)
        else:
            words, owner = self._words
            if name == "words":
                count = np.bincount(owner, minlength=len(texts)).astype(np.float64)
                return pa.array(count, mask=np.asarray(texts.is_null()))
            odd = ~np.asarray(pc.is_in(words, value_set=pa.array(usual.words, pa.string())))
        return _shares(np.bincount(owner, odd, len(texts)), np.bincount(owner, minlength=len(texts)))


def _among(values: Ints, known: Ints) -> Bools:
    """Return whether each value is among some that increase, [n]; few are found quicker so than by sorting all."""
    if not len(known):
        return np.zeros(len(values), dtype=np.bool_)
    found: Bools = known[np.minimum(np.searchsorted(known, values), len(known) - 1)] == values
    return found


def _class(pattern: str, texts: pa.Array) -> str:
    """Return a class of characters as it is quickest told in these texts."""
    ascii_alone = pc.all(pc.string_is_ascii(texts), min_count=0).as_py()
    return _ASCII.get(pattern, pattern) if ascii_alone else pattern


def _held(values: Sequence[T], code: Ints, owner: Ints) -> Counter[T]:
    """Return how many texts hold each of some distinct values; ``code`` and ``owner`` say which is in which text."""
    key = np.unique(owner * max(1, len(values)) + code)
    times = np.bincount(key % max(1, len(values)), minlength=len(values))
    return Counter(dict(zip(values, times.tolist(), strict=False)))


def _shares(part: Floats | Ints, whole: Floats | Ints) -> pa.Array:
    there = np.nan_to_num(whole.astype(np.float64)) > 0
    return pa.array(np.where(there, part / np.where(there, whole, 1), 0.0), mask=~there)


def _lower(texts: pa.Array | pa.ChunkedArray) -> pa.Array:
    array = one_array(texts)
    if not pa.types.is_string(array.type):
        return pa.nulls(len(array), pa.string()).fill_null("")
    return pc.utf8_lower(pc.utf8_slice_codeunits(array.fill_null(""), 0, _LONGEST))


def _words(lower: pa.Array) -> tuple[pa.Array, Ints]:
    """Return all words of all texts, and which text each is of."""
    plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(lower, _class(_NO_WORD, lower), " "))
    split = pc.split_pattern(plain, " ")
    words, owner = split.flatten(), pc.list_parent_indices(split).to_numpy().astype(np.int64)
    there = pc.not_equal(words, "")
    return words.filter(there), owner[np.asarray(there)]


def _pairs(lower: pa.Array) -> tuple[Ints, Ints]:
    """Return all pairs of neighbouring characters of all texts, and which text each is of."""
    lengths = pc.utf8_length(lower).to_numpy().astype(np.int64)
    joined = "".join(lower.to_pylist()).encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(joined, dtype="<u4").astype(np.int64)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    inside = owner[1:] == owner[:-1]
    return ((points[:-1] << _SHIFT) | points[1:])[inside], owner[1:][inside]

"""What can be told of a text without a model: how it is written, and how usual its words and letter pairs are.

Seven numbers a text, beside its length. Words and pairs of neighbouring characters are *usual* where at least one in
250 of the reference's texts (and at least 20) holds them. With so many, what is usual hardly depends on any one text,
and those of the reference and later ones are judged alike. Another language shows in its letter pairs at once, another
subject in its words. All of it is of texts that are kept; of others only the length is known.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from monitor.profile.values import Floats, Ints, one_array

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
_FEWEST, _ONE_IN = 20, 250
_LONGEST = 2_000  # characters that are looked at for words and pairs
_SHIFT = 21  # bits of a code point


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
        """Learn what is usual from the texts of a reference.

        >>> Usual.of(pa.array(["the cat", "the dog"] * 10)).words
        ('the',)
        """
        lower = _lower(texts)
        least = max(_FEWEST, -(-len(lower) // _ONE_IN))
        words, owner = _words(lower)
        distinct = words.dictionary_encode()
        key = np.unique(owner * max(1, len(distinct.dictionary)) + distinct.indices.to_numpy())
        held = np.bincount(key % max(1, len(distinct.dictionary)), minlength=len(distinct.dictionary))
        names = distinct.dictionary.to_pylist()
        pairs, first = _pairs(lower)
        values, code = np.unique(pairs, return_inverse=True)
        key = np.unique(first * max(1, len(values)) + code)
        often = np.bincount(key % max(1, len(values)), minlength=len(values))
        return cls(tuple(sorted(names[at] for at in np.flatnonzero(held >= least))), values[often >= least])

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
    array = one_array(texts)
    if not pa.types.is_string(array.type):
        return pa.nulls(len(array), pa.float64())
    if name in _CHARACTERS:
        found = pc.count_substring_regex(array, _CHARACTERS[name]).to_numpy(zero_copy_only=False)
        return _shares(found, pc.utf8_length(array).to_numpy(zero_copy_only=False))
    lower = _lower(array)
    if name == "unusual_pairs":
        pairs, owner = _pairs(lower)
        odd = ~np.isin(pairs, usual.pairs)
    else:
        words, owner = _words(lower)
        if name == "words":
            count = np.bincount(owner, minlength=len(array)).astype(np.float64)
            return pa.array(count, mask=np.asarray(array.is_null()))
        odd = ~np.asarray(pc.is_in(words, value_set=pa.array(usual.words, pa.string())))
    return _shares(np.bincount(owner, odd, len(array)), np.bincount(owner, minlength=len(array)))


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
    plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(lower, _NO_WORD, " "))
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

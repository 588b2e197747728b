"""Texts as vectors that a classifier can read: their words, without an order and without a model of language."""

import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from monitor.profile.texts import words
from monitor.profile.values import Floats

BUCKETS: Final = 256
"""Words share so many counters, by a hash that is the same in every process."""

_AT_ONCE = 2_000  # texts whose words are held in memory


def bags(texts: pa.Array | pa.ChunkedArray) -> Sequence[Floats]:
    """Return a vector for each text: how often words of each bucket are in it, square roots, of length 1.

    Square roots, so that a word that is repeated does not outweigh the others. A text without words has no numbers.

    Args:
        texts: strings; of anything else none has words.

    >>> one, other, none = bags(pa.array(["a cat", "cat, a", None]))
    >>> bool((one == other).all()), len(one), len(none)
    (True, 256, 0)
    """
    found: list[Floats] = []
    for at in range(0, len(texts), _AT_ONCE):
        part = texts.slice(at, _AT_ONCE)
        spoken, owner = words(part)
        distinct = spoken.dictionary_encode()
        bucket = np.array([zlib.crc32(word.encode()) % BUCKETS for word in distinct.dictionary.to_pylist()], np.int64)
        key = owner * BUCKETS + (bucket[distinct.indices.to_numpy()] if len(bucket) else 0)
        counts = np.bincount(key, minlength=len(part) * BUCKETS).reshape(len(part), BUCKETS)
        sizes = counts.sum(axis=1, keepdims=True)
        vectors = np.sqrt(counts / np.maximum(sizes, 1))
        found += [vector if size else vector[:0] for vector, size in zip(vectors, sizes[:, 0], strict=True)]
    return found

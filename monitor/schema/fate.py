"""Which ids a share of rows is kept of: a fixed hash of the id, the same on every machine and in every version.

It is the first 52 bits of MD5 over ``watchglass:`` and the id, which SQL has too, and is unrelated to how a server
upstream may have sampled.
"""

import hashlib

BITS = 52


def place(id: str) -> float:  # noqa: A002 - the noun
    """Return where in [0, 1) an id falls; its rows are kept at every rate above that.

    >>> round(place("r1"), 3), 0 <= place("r2") < 1
    (0.605, True)
    """
    digest = hashlib.md5(f"watchglass:{id}".encode(), usedforsecurity=False).hexdigest()
    return float(int(digest[: BITS // 4], 16) / 2**BITS)

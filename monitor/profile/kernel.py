"""Count numbers in bins: the innermost loop of every profile, in numpy or, where it is installed, in numba.

Every kernel gives the same counts to the last one: which is used is a matter of speed alone. Bins are [edge, next).
"""

import importlib.util
import os
from collections.abc import Callable, Mapping
from typing import Literal, cast

import numpy as np

from monitor.errors import ConfigError
from monitor.profile.values import Floats, Ints

Kernel = Literal["auto", "numpy", "numba"]
KERNELS: tuple[Kernel, ...] = ("auto", "numpy", "numba")
VARIABLE = "WATCHGLASS_KERNEL"
"""The environment variable that chooses the kernel where there is no server with a configuration."""

LARGE = 100_000
"""From so many values on, loading and compiling the faster kernel pays: below, ``auto`` is numpy."""

PART = 4_000
"""In parts of fewer values than this, on average, calling the faster kernel costs what it saves."""

_CHUNK = 1 << 14  # 128 kB of float64: sorted within the second-level cache
_BEFORE = np.array([-np.finfo(np.float64).max])
_AFTER = np.array([np.inf, np.nan])
_chosen: list[Kernel] = []


def choose(kernel: Kernel) -> None:
    """Use ``kernel`` from now on in this process: ``auto`` is numba for large batches where it is installed.

    Raises:
        ConfigError: there is no such kernel, or numba is asked for and not installed.
    """
    if kernel not in KERNELS:
        raise ConfigError(f"kernel is {kernel!r}; allowed: {', '.join(KERNELS)}.")
    if kernel == "numba" and not _installed():
        raise ConfigError("kernel is 'numba', which is not installed: pip install 'watchglass[fast]', or choose auto.")
    _chosen[:] = [kernel]


def bin_counts(values: Floats, edges: Floats, kernel: Kernel | None = None) -> Ints:
    """Count values by where they lie on the number line.

    Args:
        values: float64, of any kind, n of them.
        edges: strictly increasing and finite, E of them; there may be none.
        kernel: which kernel to use; the chosen one if not given.

    Returns:
        int64 [3 + E + 1]: NaN, +inf, −inf, below the first edge, in each bin, from the last edge on.

    >>> bin_counts(np.array([-1.0, 0.0, 0.5, 1.0, np.nan, np.inf]), np.array([0.0, 1.0])).tolist()
    [1, 1, 0, 1, 2, 1]
    """
    return _kernel(kernel, len(values))(values, edges)


def compiled(asked: Kernel | None, size: int) -> bool:
    """Return whether the compiled kernel is to be used for so many values, asked for this one (or the chosen one)."""
    kernel = asked or _default()
    return kernel == "numba" or (kernel == "auto" and size >= LARGE and _installed())


def suited(size: int, parts: int) -> Kernel:
    """Return the kernel for so many values in so many parts: loading the compiled one pays by all of them together.

    >>> suited(50_000, 10)
    'numpy'
    """
    kernel = _default()
    if kernel != "auto":
        return kernel
    return "numba" if compiled(None, size) and size >= PART * parts else "numpy"


def _kernel(asked: Kernel | None, size: int) -> Callable[[Floats, Floats], Ints]:
    if compiled(asked, size):
        from monitor.profile.kernel_numba import count

        return count
    return count_sorted


def _default() -> Kernel:
    if not _chosen:
        choose(cast("Kernel", os.environ.get(VARIABLE, "auto")))
    return _chosen[0]


_found: dict[str, bool] = {}


def _installed() -> bool:
    if not _found:
        _found["numba"] = importlib.util.find_spec("numba") is not None
    return _found["numba"]


def count_sorted(values: Floats, edges: Floats) -> Ints:
    """Count by sorting pieces that fit the cache and finding the edges in them: four times as fast as the reverse."""
    cuts = np.concatenate([_BEFORE, edges, _AFTER])
    below = np.zeros(len(cuts), dtype=np.int64)
    buffer = np.empty(min(_CHUNK, len(values)))
    for start in range(0, len(values), _CHUNK):
        piece = values[start : start + _CHUNK]
        held = buffer[: len(piece)]
        held[:] = piece
        held.sort()
        below += held.searchsorted(cuts)  # NaN sorts last; what is left of NaN is all else
    return laid_out(below, len(values))


def laid_out(below: Ints, rows: int) -> Ints:
    """Return the counts that follow from how many values are below each cut: −max, the edges, +inf, NaN."""
    counts = np.empty(len(below) + 1, dtype=np.int64)
    counts[0] = rows - below[-1]
    counts[1] = below[-1] - below[-2]
    counts[2] = below[0]
    np.subtract(below[1:-1], below[:-2], out=counts[3:])
    return counts


def named() -> Mapping[str, Callable[[Floats, Floats], Ints]]:
    """Return every kernel that can run here, by name."""
    names: tuple[Kernel, ...] = ("numpy", "numba") if _installed() else ("numpy",)
    return {name: _kernel(name, LARGE) for name in names}

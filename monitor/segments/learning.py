"""Learning what residuals of segments do when nothing is wrong, from ordinary chunks.

What is not known yet is taken to be nothing, and learned with what is: each part needs those before it.
"""

from dataclasses import replace

import numpy as np

from monitor.profile.values import Floats
from monitor.segments.law import FEWEST, SHRUNK, ScanLaw, unskewed
from monitor.segments.residuals import Residuals

_DISPERSION = (0.5, 2.0)
_ROWS = 200.0  # rows that the dispersion pooled over segments counts as
_TAILS = 3.0  # the excess kurtosis of day effects on a year of real flights
_LEAST_SHARE = 0.01  # a kurtosis of chance is not taken for one of what hardly varies between chunks


def learn(past: Residuals) -> ScanLaw:
    """Return the law that K ordinary chunks, in any order, follow."""
    names = list(dict.fromkeys(segment.feature for segment in past.segments))
    feature = np.array([names.index(segment.feature) for segment in past.segments], dtype=np.int64)
    known = past.n.sum(axis=0)
    zero = past.total.sum(axis=0) / np.maximum(known, 1)[:, None]
    row_variance, row_third = _row_moments(past, known)
    empty = np.zeros_like(zero)
    law = ScanLaw(
        chunks=len(past.n),
        feature=feature,
        zero=zero,
        known=known,
        squares=(past.n**2).sum(axis=0),
        row_variance=row_variance,
        row_third=row_third,
        dispersion=empty + 1,
        common=empty[0],
        between=empty,
        tail=0.0,
        standard=empty[None],
    )
    law = replace(law, dispersion=_dispersion(law, past))
    law = replace(law, common=_common(law, past))
    law = replace(law, between=_between(law, past))
    law = replace(law, tail=_tail(law, past))
    lost = np.sqrt(law.chunks / max(1, law.chunks - 1))
    return replace(law, standard=np.nan_to_num(law.plain(past) * lost))


def _dispersion(law: ScanLaw, past: Residuals) -> Floats:
    """Return the variance of one row beside what predictions imply, of one segment shrunk to that of all."""
    if past.variance is None:
        return np.ones_like(law.zero)
    rows = np.maximum(law.known, 1)[:, None]
    implied = past.variance.sum(axis=0) / rows
    squares = (past.total[..., 1] + past.variance[..., 0]).sum(axis=0)[:, None] / rows
    # squares of the excess are not summed: its variance differs from what is implied as that of the residual does
    seen = np.maximum(squares - law.zero[:, :1] ** 2, 1e-12) / np.maximum(implied[:, :1], 1e-12)
    whole = (rows * seen).sum() / np.maximum(rows.sum(), 1)
    shrunk = np.clip((rows * seen + _ROWS * whole) / (rows + _ROWS), *_DISPERSION)
    found: Floats = np.repeat(shrunk, law.zero.shape[1], axis=1)
    return found


def _common(law: ScanLaw, past: Residuals) -> Floats:
    """Return the variance between chunks of what all their rows share."""
    first = law.feature == 0
    moved = (past.total - past.n[..., None] * law.zero)[:, first].sum(axis=1)
    rows = np.maximum(past.n[:, first].sum(axis=1), 1)[:, None]
    sampling = law.moments(past)[0][:, first].sum(axis=1) / rows**2
    beyond: Floats = np.maximum(((moved / rows) ** 2 - sampling).mean(axis=0), 0.0)
    return beyond


def _between(law: ScanLaw, past: Residuals) -> Floats:
    """Return the variance between chunks beyond sampling: of one segment, shrunk to that of all.

    Chunks with few rows of a segment count in proportion: they say little, but may be all there is of a small segment.
    """
    apart = law.apart(past)
    rows = np.maximum(past.n, 1)[..., None]
    weight = np.minimum(past.n / FEWEST, 1)[..., None]
    chunks = weight.sum(axis=0)
    lost = np.maximum(chunks, 2) / (np.maximum(chunks, 2) - 1)
    seen = lost * (weight * apart.mean**2).sum(axis=0)
    sampling = (weight * apart.variance / rows**2).sum(axis=0)
    pooled = (seen - sampling).sum(axis=0) / np.maximum(sampling.sum(axis=0), 1e-300)
    typical = sampling / np.maximum(chunks, 1e-12)
    own = (seen - sampling + SHRUNK * np.maximum(pooled, 0.0) * typical) / (chunks + SHRUNK)
    found: Floats = np.maximum(own, 0.0)
    return found


def _tail(law: ScanLaw, past: Residuals) -> float:
    """Return one over the degrees of freedom of a t law with the tails of what varies between chunks.

    Its excess kurtosis is that of all z-scores by the share of variance that is between chunks, whose square it comes
    in by; with few chunks, or little between them, it is taken to be `_TAILS`.
    """
    apart = law.apart(past)
    drift = law.between * apart.squares[..., None]
    variance = np.maximum(apart.variance + drift, 1e-18)
    heard = law.heard(apart.n)
    z = np.where(heard, unskewed(apart.total / np.sqrt(variance), apart.third / variance**1.5), 0.0)
    share = np.where(heard, (drift / variance) ** 2, 0.0).sum()
    count = int(heard.sum()) * z.shape[2]
    size = (z**2).sum() / max(1, count)
    excess = (z**4).sum() - 3 * size**2 * count + _TAILS * share * SHRUNK / law.chunks
    kurtosis = max(0.0, float(excess / (share * (1 + SHRUNK / law.chunks) + _LEAST_SHARE * count + 1e-12)))
    return kurtosis / (4 * kurtosis + 6)


def _row_moments(past: Residuals, known: Floats) -> tuple[Floats, Floats]:
    """Return variance and third central moment of one row of each segment, [S, C], as its past shows them."""
    rows = np.maximum(known, 1)[:, None]
    if past.powers is None:
        assert past.variance is not None  # noqa: S101 - a classification has both
        assert past.third is not None  # noqa: S101
        return past.variance.sum(axis=0) / rows, past.third.sum(axis=0) / rows
    e, e2, e3, e4, e6 = np.moveaxis(past.powers.sum(axis=0) / rows, -1, 0)
    variance = np.stack([e2 - e**2, e4 - e2**2], axis=-1)
    third = np.stack([e3 - 3 * e * e2 + 2 * e**3, e6 - 3 * e4 * e2 + 2 * e2**3], axis=-1)
    return np.maximum(variance, 0.0), third

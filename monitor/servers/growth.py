"""What happened between two pages: rates, means and quantiles of counters that only grow, and start again at nought."""

import math
from collections.abc import Mapping, Sequence

from monitor.servers.figures import Known, failed, recognise
from monitor.servers.series import Series, names

Key = tuple[str, tuple[tuple[str, str], ...]]
Figures = dict[tuple[str, str], float]
"""(figure, which one of several) → value."""

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


def growth(before: Sequence[Series], after: Sequence[Series]) -> dict[Key, float]:
    """Return by how much each series grew. One that shrank was reset: it grew by what it has now.

    A series that was not there before began at nought in between, as counters with a new label do.

    >>> one = [Series("n", (), 5.0)]
    >>> growth(one, [Series("n", (), 7.0)]), growth(one, [Series("n", (), 2.0)])
    ({('n', ()): 2.0}, {('n', ()): 2.0})
    """
    known = {(series.name, series.labels): series.value for series in before}
    found: dict[Key, float] = {}
    for series in after:
        start = known.get((series.name, series.labels), 0.0)
        found[series.name, series.labels] = series.value - start if series.value >= start else series.value
    return found


def figures(before: Sequence[Series], after: Sequence[Series], seconds: float) -> tuple[str, Figures]:
    """Return which server it is and every figure of it.

    Args:
        before: the page read before; empty where there is none: then only gauges say something.
        after: the page read now.
        seconds: the time between them.
    """
    server, known = recognise(names(after))
    found: Figures = {}
    grown = growth(before, after) if before and seconds > 0 else {}
    for each in known:
        if each.kind == "gauge":
            _gauge(found, each, after)
        elif grown:
            _counted(found, each, grown, seconds)
    return server, found


def _gauge(found: Figures, known: Known, after: Sequence[Series]) -> None:
    for series in after:
        if known.fits(series.name):
            place = (known.figure, series.label(known.by) if known.by else "")
            found[place] = found.get(place, 0.0) + series.value * known.scale


def _counted(found: Figures, known: Known, grown: Mapping[Key, float], seconds: float) -> None:
    if known.kind == "histogram":
        _histogram(found, known, grown)
        return
    fitting = {key: value for key, value in grown.items() if known.fits(key[0])}
    if not fitting:
        return
    if known.kind == "mean":
        times = sum(value for (name, _), value in grown.items() if name == known.per)
        if times:
            found[known.figure, ""] = sum(fitting.values()) * known.scale / times
    else:
        chosen = [value for (_, labels), value in fitting.items() if known.kind == "rate" or failed(dict(labels))]
        found[known.figure, ""] = sum(chosen) / seconds


def _histogram(found: Figures, known: Known, grown: Mapping[Key, float]) -> None:
    buckets: dict[float, float] = {}
    total = count = 0.0
    for (name, labels), value in grown.items():
        if name.endswith("_bucket") and known.fits(name.removesuffix("_bucket")):
            bound = float(dict(labels).get("le", "nan"))
            buckets[bound] = buckets.get(bound, 0.0) + value
        elif name.endswith("_sum") and known.fits(name.removesuffix("_sum")):
            total += value
        elif name.endswith("_count") and known.fits(name.removesuffix("_count")):
            count += value
    if count:
        found[f"{known.figure}_ms", ""] = total / count * known.scale
    for called, q in QUANTILES.items():
        level = quantile(buckets, q)
        if level is not None:
            found[f"{known.figure}_{called}_ms", ""] = level * known.scale


def quantile(buckets: Mapping[float, float], q: float) -> float | None:
    """Return the value below which a share ``q`` lies, of cumulative counts by upper bound; None without any.

    Values are taken to be spread evenly within a bucket, and those beyond the last finite bound to lie at it, as
    Prometheus' ``histogram_quantile`` does.

    >>> quantile({0.1: 50.0, 0.2: 100.0, math.inf: 100.0}, 0.75)
    0.15000000000000002
    """
    bounds = sorted(bound for bound in buckets if not math.isnan(bound))
    if not bounds or not buckets[bounds[-1]]:
        return None
    target = q * buckets[bounds[-1]]
    low, below = 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= target and buckets[bound] > below:
            if math.isinf(bound):
                return low
            return low + (bound - low) * (target - below) / (buckets[bound] - below)
        low, below = bound, max(below, buckets[bound])
    return None if math.isinf(low) else low

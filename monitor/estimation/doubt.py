"""When not to trust an estimate, in a plain sentence."""

from monitor.estimation.band import RECENT, Estimate

MOST_UNSUPPORTED = 0.05
"""With a larger share of scores where the reference has no rows, nobody knows how often these come true."""


def doubt(given: Estimate, unsupported: float) -> str:
    """Return why an estimate is not to be trusted; empty where nothing speaks against it.

    Args:
        given: the estimate.
        unsupported: the share of the window's scores that lie where the reference has none.

    >>> doubt(Estimate(0.9, 0.88, 0.92, 0.9, 0.0, windows=30, outside=1), 0.0)
    ''
    >>> doubt(Estimate(0.9, 0.88, 0.92, 0.9, 0.0, windows=30, outside=4), 0.0)
    'Not to be trusted: of the last 5 labelled windows 4 were outside their interval, so what scores mean has changed.'
    """
    if given.missed:
        return (
            f"Not to be trusted: of the last {RECENT} labelled windows {given.outside} were outside their interval, "
            "so what scores mean has changed."
        )
    if unsupported > MOST_UNSUPPORTED:
        return (
            f"Not to be trusted: {unsupported * 100:.0f} % of the scores lie where the reference has no rows, "
            "so nothing says how often these come true."
        )
    if given.vague:
        return "Not to be trusted: its interval is too wide to say anything, as after a sudden change."
    if not given.tested:
        return (
            f"To be taken with care: only {given.windows} labelled windows were seen, "
            "too few to test the interval; it is calculated from chance alone."
        )
    return ""

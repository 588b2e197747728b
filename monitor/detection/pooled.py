"""What columns tell together: how much days differ where each column by itself shows no more than chance.

A column whose days differ by no more than its rows explain still shows a tenth more or less than that: its variance is
known from so many chunks only. To take what is more for real and what is less for nothing makes half of the columns
slow to speak, by as much as a tenth of their z-scores. Days are the same days for all columns, so those that show
nothing by themselves are asked together: the mean of what they show is known several times as well.
"""

from collections.abc import Mapping

import numpy as np

from monitor.detection.columns import ColumnLaws
from monitor.detection.tallies import Tallies
from monitor.profile.values import Ints


def pooled(laws: Mapping[str, ColumnLaws], tallies: Mapping[str, Tallies], labels: Ints) -> dict[str, ColumnLaws]:
    """Return the laws with the variance between chunks of plain columns of numbers taken from all of them together.

    It is the mean of what they show, and at least none. With fewer than two such columns the laws stay as they are.

    Args:
        laws: by column.
        tallies: the reference's chunks, by column.
        labels: what these are matched by.
    """
    plain = {
        name: law.location
        for name, law in laws.items()
        if law.scores is not None and law.location is not None and law.location.plain
    }
    if len(plain) < 2:
        return dict(laws)
    excess = max(0.0, float(np.mean([law.excess[0] for law in plain.values()])))
    return dict(laws) | {name: laws[name].with_excess(tallies[name], labels, excess) for name in plain}

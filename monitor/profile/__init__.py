"""Mergeable summaries of rows: everything on the dashboard is computed from these, never from raw traffic.

- `binning`: the bins of a model's columns; `freeze`: how they are made of its reference.
- `build`: ``profile(batch)`` makes pieces, ``read(pieces)`` makes profiles of them; `pieces`: ``merge`` adds them.
- `column`: the profile of one column; `outcome`: predictions against labels.
- `comoments`: how columns go together.
- `placed`: where a batch's values fall, found once for all that counts them; `cells`: by looking up.
- `fixed`, `edges`, `groups`, `values`: the parts they are made of.
"""

from monitor.profile.binning import (
    LATENCY,
    OUTCOME,
    PREDICTION,
    SCORE,
    Binning,
    CategoryBins,
    NumericBins,
)
from monitor.profile.build import profile, profile_outcomes, read
from monitor.profile.column import ColumnProfile
from monitor.profile.freeze import make_binning
from monitor.profile.outcome import Outcome
from monitor.profile.pieces import PIECES, merge

__all__ = [
    "LATENCY",
    "OUTCOME",
    "PIECES",
    "PREDICTION",
    "SCORE",
    "Binning",
    "CategoryBins",
    "ColumnProfile",
    "NumericBins",
    "Outcome",
    "make_binning",
    "merge",
    "profile",
    "profile_outcomes",
    "read",
]

"""Where a model is wrong although it is right on the whole: the scan of all segments of labelled rows.

Pure functions of the sums in `monitor.profile.segment_sums`:

- `residuals`: sums as residuals and Brier excesses by chunk; `law`: what they do when nothing is wrong, which
  `learning` learns.
- `threshold`: how far out the largest of all lies by chance; `scan`: one chunk after another, and the hits.
- `words`: a segment as people name it; `depth`: the part of a hit's segment that it is all about.
- `fairness`: groups of protected features side by side.
"""

from monitor.segments.law import ScanLaw
from monitor.segments.residuals import CHANNELS, Residuals
from monitor.segments.scan import Hit, Scan, ScanState
from monitor.segments.words import segment_words

__all__ = ["CHANNELS", "Hit", "Residuals", "Scan", "ScanLaw", "ScanState", "segment_words"]

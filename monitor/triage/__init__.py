"""Harm told from mere change: who is woken, and who reads of it tomorrow.

Pure functions, one concept a file:

- `loss`: what a model's mistakes cost, as sums of a window; `tolerance`: how much more of it the owner accepts.
- `evidence`: whether realised loss is beyond tolerance, however often one looks and however late labels come.
- `impact`: how much a column's shift matters to the model; `decompose`: what part of a fall inputs explain.
- `verdict`: all of it together: a page, or a line of the digest; `window`: of what jobs measured.
"""

from monitor.triage.decompose import Fall, decompose
from monitor.triage.evidence import Harm, harm, lower_bound
from monitor.triage.impact import attribution_weights, impact, score_weights
from monitor.triage.loss import LOSSES, Loss, loss_of
from monitor.triage.tolerance import Bound, bound
from monitor.triage.verdict import Band, Finding, Line, Triage, triage
from monitor.triage.window import bound_of, triage_window

__all__ = [
    "LOSSES",
    "Band",
    "Bound",
    "Fall",
    "Finding",
    "Harm",
    "Line",
    "Loss",
    "Triage",
    "attribution_weights",
    "bound",
    "bound_of",
    "decompose",
    "harm",
    "impact",
    "loss_of",
    "lower_bound",
    "score_weights",
    "triage",
    "triage_window",
]

"""The verdict on what was found in a window: pages, and one line of the digest for each of the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from monitor.charts.format import figure, with_unit
from monitor.triage.decompose import Fall
from monitor.triage.evidence import Harm
from monitor.triage.tolerance import Bound

_TITLES = {"accuracy": "Accuracy", "brier": "The Brier score", "mae": "The mean absolute error", "ndcg": "nDCG"}
_GAINS = ("accuracy", "ndcg")  # told as what is right; their loss is what is missing to 1


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a detector found.

    Attributes:
        kind: ``fault`` (hard: nulls, unseen values, range, type, a constant), ``drift``, ``joint`` or ``segment``.
        columns: what it is about, most evidence first.
        said: it in words.
        evidence: in units of its detector's threshold.
    """

    kind: str
    columns: tuple[str, ...]
    said: str
    evidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Band:
    """A measure estimated without labels: 90 % band, and whether it can be relied on.

    Attributes:
        metric: such as ``accuracy``, in the same terms as the tolerance's.
        low, high: the band.
        trusted: False where the estimate itself says that it cannot be (concept change).
    """

    metric: str
    low: float
    high: float
    trusted: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say.

    Attributes:
        reason: why it pages: ``fault``, ``loss`` or ``estimate``; ``digest`` for what does not.
        said: in words.
        columns: what it is about.
        impact: how much it matters to the model, see `monitor.triage.impact`.
    """

    reason: str
    said: str
    columns: tuple[str, ...] = ()
    impact: float = 0.0


@dataclass(frozen=True, slots=True)
class Triage:
    """What becomes of a window's findings; each list with what matters most first."""

    pages: tuple[Line, ...]
    digest: tuple[Line, ...]


def triage(
    findings: Sequence[Finding],
    *,
    tolerated: Bound | None = None,
    realised: Harm | None = None,
    estimate: Band | None = None,
    impacts: Mapping[str, float] | None = None,
    fall: Fall | None = None,
) -> Triage:
    """Return who is to be woken by a window, and what is read later.

    A page is (a) a hard fault, (b) realised loss beyond the owner's tolerance, once when it begins, or (c) an estimate
    that lies beyond it as a whole. Everything else is one line of the digest, however large its shift.

    Args:
        findings: what was detected in the window.
        tolerated: the owner's tolerance; without it (no labels in the reference) only faults page.
        realised: what `harm` says after the newest window with labels.
        estimate: what is estimated of the window itself.
        impacts: by column, how much its shift matters.
        fall: the change of the measure in parts, told with a page for loss.

    >>> drift = Finding("drift", ("temp",), "Temperature moved by 0.4 sd")
    >>> triage([drift, Finding("fault", ("visib",), "Visibility is missing in 20 % of rows")]).pages[0].reason
    'fault'
    >>> [line.said for line in triage([drift]).digest]
    ['Temperature moved by 0.4 sd']
    """
    known = impacts or {}
    lines = [
        (Line("fault" if each.kind == "fault" else "digest", each.said, each.columns, _of(each, known)), each.evidence)
        for each in findings
    ]
    ranked = [line for line, _ in sorted(lines, key=lambda pair: (-abs(pair[0].impact), -pair[1], pair[0].said))]
    pages = [line for line in ranked if line.reason == "fault"]
    if tolerated is not None and realised is not None and realised.new:
        pages.insert(0, Line("loss", _realised(tolerated, realised, fall)))
    told = realised is not None and realised.open  # one harm is told once
    if tolerated is not None and estimate is not None and not told and _beyond(tolerated, estimate):
        pages.append(Line("estimate", _estimated(tolerated, estimate)))
    return Triage(tuple(pages), tuple(line for line in ranked if line.reason == "digest"))


def _of(finding: Finding, impacts: Mapping[str, float]) -> float:
    return max((impacts.get(column, 0.0) for column in finding.columns), key=abs, default=0.0)


def _beyond(tolerated: Bound, estimate: Band) -> bool:
    """Whether a band, as a whole, lies beyond tolerance."""
    if not estimate.trusted or estimate.metric != tolerated.metric:
        return False
    return 1 - estimate.high > tolerated.most if tolerated.metric in _GAINS else estimate.low > tolerated.most


def _shown(tolerated: Bound, loss: float) -> str:
    if tolerated.metric in _GAINS:
        return f"{(1 - loss) * 100:.1f} %" if tolerated.metric == "accuracy" else f"{1 - loss:.3g}"
    return with_unit(loss, tolerated.unit)


def _realised(tolerated: Bound, realised: Harm, fall: Fall | None) -> str:
    side = "below" if tolerated.metric in _GAINS else "above"
    title, now = _TITLES[tolerated.metric], _shown(tolerated, realised.loss.mean)
    said = (
        f"{title} is {now} over {realised.loss.rows:,} labelled rows, {side} the "
        f"{_shown(tolerated, tolerated.most)} that is tolerated "
        f"(it was {_shown(tolerated, tolerated.usual)} on the reference)."
    )
    return said if fall is None else f"{said} {fall.words(title)}"


def _estimated(tolerated: Bound, estimate: Band) -> str:
    if tolerated.metric == "accuracy":
        low, high = f"{estimate.low * 100:.4g} %", f"{estimate.high * 100:.4g} %"
    else:
        low, high = figure(estimate.low), with_unit(estimate.high, tolerated.unit)
    title = _TITLES[tolerated.metric]
    title = title[0].lower() + title[1:]
    return (
        f"Without labels {title} is estimated between {low} and "
        f"{high}, wholly beyond the {_shown(tolerated, tolerated.most)} that is tolerated."
    )

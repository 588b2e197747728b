"""Groups of protected features side by side: parity, opportunity and impact, with intervals."""

from collections.abc import Mapping
from typing import ClassVar, Final

import pyarrow.compute as pc

from monitor.jobs import Job, JobContext
from monitor.jobs.cells import cells
from monitor.jobs.references import source_of
from monitor.profile.binning import OUTCOME, PREDICTION
from monitor.profile.build import read
from monitor.profile.column import ColumnProfile
from monitor.profile.groups import split_segment
from monitor.profile.outcome import Outcome
from monitor.segments.fairness import FOUR_FIFTHS, Compared, Share, difference, ratio, words
from monitor.types import Feature, Measurement, Model, Scalar, Status, Task, Window

MIN_ROWS: Final = 100
"""With fewer rows in a group, or in the one it is held against, a figure is not told."""

TITLES: Final = {
    "statistical_parity": "statistical parity difference",
    "disparate_impact": "disparate impact ratio",
    "equal_opportunity": "equal opportunity difference",
}
_UNITS: Final = {"statistical_parity": "share", "disparate_impact": "ratio", "equal_opportunity": "share"}
_NULL: Final = "null"


class FairnessJob(Job):
    """Measures ``fairness.<metric>`` of each group of each protected feature of a binary model.

    ``segment`` is the group, ``details["compared_with"]`` the one it is held against. Parity and impact stand on all
    predictions, opportunity on those with a label that is the positive class. ``coverage`` is the share of the window's
    rows of which the feature is known; of opportunity, the share of the group's rows that have a label.
    """

    name: ClassVar[str] = "fairness"
    late: ClassVar[bool] = True

    def run(self, context: JobContext, model: Model, window: Window) -> list[Measurement]:
        """Compare the groups of every version."""
        protected = [each for each in model.schema.features if each.protected and each.name in model.segments]
        if not protected or model.schema.task is not Task.BINARY:
            return []
        chosen = _chosen(context, model, window)
        outcomes = {
            (cell.version, cell.segment): cell.profile
            for cell in cells(context, model, window, Outcome, columns=[OUTCOME])
            if cell.profile is not None
        }
        found = []
        for version in sorted({version for version, _ in chosen}):
            for feature in protected:
                groups = _groups(chosen, version, feature)
                against = _largest(context, model, version, groups)
                if against is not None:
                    found += _feature(model, window, version, feature, groups, against, outcomes)
        return found


Groups = Mapping[str, ColumnProfile]


def _chosen(context: JobContext, model: Model, window: Window) -> dict[tuple[str, str], ColumnProfile]:
    """Return the predictions of each version and segment."""
    return {
        (cell.version, cell.segment): cell.profile
        for cell in cells(context, model, window, ColumnProfile, columns=[PREDICTION])
        if cell.profile is not None
    }


def _groups(chosen: Mapping[tuple[str, str], ColumnProfile], version: str, feature: Feature) -> Groups:
    """Return the predictions of each group of a feature, by segment."""
    found = {}
    for (of, segment), profile in chosen.items():
        if of == version and split_segment(segment, [feature.name]) is not None:
            found[segment] = profile
    return found


def _largest(context: JobContext, model: Model, version: str, groups: Groups) -> str | None:
    """Return the group that others are held against: the largest of the reference, or else of this window."""
    known = {name: profile.rows for name, profile in groups.items() if not name.endswith(f"={_NULL}")}
    source = source_of(context.store.catalog.versions(model.name), version)
    binning = context.store.catalog.binning(model.name)
    if source is not None and binning is not None and known:
        pieces = context.store.profiles.reference(model.name, source.version, columns=[PREDICTION], segment=None)
        pieces = pieces.filter(pc.equal(pieces["binning"], binning.id))
        before = {}
        for name in known:
            own = pieces.filter(pc.equal(pieces["segment"], name))
            profile = read(own, binning, model.schema).get(PREDICTION) if own.num_rows else None
            before[name] = profile.rows if profile is not None else 0
        if any(before.values()):
            known = before
    return max(sorted(known), key=lambda name: known[name], default=None)


def _feature(
    model: Model,
    window: Window,
    version: str,
    feature: Feature,
    groups: Groups,
    against: str,
    outcomes: Mapping[tuple[str, str], Outcome],
) -> list[Measurement]:
    rows = sum(profile.rows for profile in groups.values())
    unknown = sum(profile.rows for name, profile in groups.items() if name.endswith(f"={_NULL}"))
    known = (rows - unknown) / rows if rows else None
    found = []
    for group, profile in sorted(groups.items()):
        if group == against or group.endswith(f"={_NULL}"):
            continue
        chosen, other = _picked(profile), _picked(groups[against])
        right, other_right = (_right(outcomes.get((version, name))) for name in (group, against))
        judged = outcomes.get((version, group))
        labelled = judged.rows / profile.rows if judged is not None and profile.rows else 0.0
        for metric, mine, theirs, coverage in (
            ("statistical_parity", chosen, other, known),
            ("disparate_impact", chosen, other, known),
            ("equal_opportunity", right, other_right, labelled),
        ):
            compared = ratio(mine, theirs) if metric == "disparate_impact" else difference(mine, theirs)
            sides, shares = (group, against), (mine, theirs)
            found.append(_measurement(model, window, version, feature, metric, sides, shares, compared, coverage))
    return found


def _picked(profile: ColumnProfile) -> Share:
    """Return how many of the predictions are the positive class."""
    return Share(int(profile.bins[1]), int(profile.bins.sum()))


def _right(outcome: Outcome | None) -> Share:
    """Return how many of those whose label is the positive class are predicted so."""
    if outcome is None:
        return Share(0, 0)
    return Share(int(outcome.confusion[1, 1]), int(outcome.confusion[1].sum()))


def _measurement(
    model: Model,
    window: Window,
    version: str,
    feature: Feature,
    metric: str,
    names: tuple[str, str],
    shares: tuple[Share, Share],
    compared: Compared | None,
    coverage: float | None,
) -> Measurement:
    group, against = (_name(feature, each) for each in names)
    enough = compared is not None and min(shares[0].rows, shares[1].rows) >= MIN_ROWS
    details: dict[str, Scalar] = {
        "title": TITLES[metric],
        "unit": _UNITS[metric],
        "group": group,
        "compared_with": against,
        "share": shares[0].value if shares[0].rows else None,
        "other_share": shares[1].value if shares[1].rows else None,
        "other_rows": shares[1].rows,
    }
    if enough and compared is not None:
        details["said"] = words(metric, compared, group, against, model.schema.classes[-1])
    else:
        details["reason"] = f"{min(shares[0].rows, shares[1].rows):,} rows to judge by; {MIN_ROWS} are needed"
    return Measurement(
        model=model.name,
        version=version,
        metric=f"fairness.{metric}",
        feature=feature.name,
        segment=names[0],
        window=window,
        value=compared.value if enough and compared is not None else None,
        interval=compared.interval if enough and compared is not None else None,
        rows=shares[0].rows,
        coverage=coverage,
        threshold=FOUR_FIFTHS if metric == "disparate_impact" else None,
        status=Status.OK if enough else Status.INSUFFICIENT,
        details=details,
    )


def _name(feature: Feature, segment: str) -> str:
    """Return a group as people name it.

    >>> from monitor.types import Kind
    >>> _name(Feature(name="sex", kind=Kind.CATEGORICAL, title="Sex"), "sex=F")
    'Sex F'
    """
    return f"{feature.label} {segment[len(feature.name) + 1 :]}"

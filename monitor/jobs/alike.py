"""What windows of the same weekday, hour or month led one to expect of a column: said beside what was found."""

import math
from datetime import datetime

import numpy as np

from monitor.detection import Detector
from monitor.detection.channels import mean_score
from monitor.detection.matching import labels_of, named
from monitor.detection.tallies import Tallies
from monitor.drift.wasserstein_raw import places
from monitor.profile.column import ColumnProfile
from monitor.types import Scalar


def alike(
    detector: Detector, name: str, start: datetime, current: ColumnProfile, whole: ColumnProfile
) -> dict[str, Scalar]:
    """Return what a column is compared with where that is not the whole reference; empty where it is.

    Args:
        detector: which compares.
        name: the column's.
        start: when the window began.
        current: its profile there.
        whole: its profile over the reference.

    Returns:
        ``alike``, which windows are meant, in words; of numbers ``alike_mean`` and ``alike_shift`` (of ranks, in
        deviations), of categories ``alike_category`` (which moved most), ``alike_share`` and ``alike_current``.
    """
    law = detector.laws[name]
    shares = law.alike(int(labels_of([start], detector.length, seasons=detector.seasons)[0]))
    if shares is None or not current.present or not whole.present:
        return {}
    told: dict[str, Scalar] = {"alike": named(detector.length, seasons=detector.seasons)}
    if law.scores is None:
        now = current.mass / current.present
        most = int(np.argmax(np.abs(now - shares)))
        known = {"alike_share": float(shares[most]), "alike_current": float(now[most])}
        return {**told, "alike_category": whole.labels[most], **known}
    moved = mean_score(Tallies.of([current]), law.scores)[0] - shares @ law.scores
    before = law.mass.sum(axis=0)
    mean = whole.mean + float((shares - before / before.sum()) @ places(whole, current))
    return {**told, "alike_shift": float(moved), "alike_mean": mean} if math.isfinite(mean) else {}

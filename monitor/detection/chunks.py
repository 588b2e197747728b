"""Stretches of traffic, such as days, as a detector takes them in: one by one, or many at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from monitor.detection.tallies import Tallies
from monitor.profile.column import ColumnProfile
from monitor.profile.comoments import Comoments
from monitor.profile.values import Floats, Ints


@dataclass(frozen=True, eq=False)
class Chunk:
    """The profiles of one stretch of traffic, such as a day.

    Attributes:
        start: when it began, aware.
        profiles: by column, all in one binning; a column that is not there says nothing.
        comoments: of its rows, if they were taken.
        separation: the z-score of the classifier's test on a sample of its rows, if it was made.
    """

    start: datetime
    profiles: Mapping[str, ColumnProfile]
    comoments: Comoments | None = None
    separation: float | None = None


@dataclass(frozen=True, eq=False)
class Batch:
    """M chunks, by column: what chunks are turned into before they are judged.

    Attributes:
        starts: when each began, in order of time.
        tallies: by column, each over all M chunks.
        comoments: matrices, [M, J + 1, J + 1], or None.
        separation: z-scores of the classifier's test, [M], NaN where it was not made; or None.
    """

    starts: Sequence[datetime]
    tallies: Mapping[str, Tallies]
    comoments: Floats | None = None
    separation: Floats | None = None


def stack(chunks: Sequence[Chunk]) -> Batch:
    """Return chunks as a batch; a column that some of them lack is there with no rows.

    Raises:
        ValueError: profiles of a column are of several binnings.
    """
    names: dict[str, ColumnProfile] = {}
    for chunk in chunks:
        names |= {name: profile for name, profile in chunk.profiles.items() if name not in names}
    tallies = {
        name: Tallies.of([chunk.profiles.get(name, _empty(profile)) for chunk in chunks])
        for name, profile in names.items()
    }
    told = [chunk.separation for chunk in chunks]
    separation = None
    if any(each is not None for each in told):
        separation = np.array([np.nan if each is None else each for each in told])
    return Batch([chunk.start for chunk in chunks], tallies, _matrices(chunks), separation)


def _empty(like: ColumnProfile) -> ColumnProfile:
    return ColumnProfile(like.column, like.binning, np.zeros_like(like.counts))


def _matrices(chunks: Sequence[Chunk]) -> Floats | None:
    found = [chunk.comoments for chunk in chunks]
    columns = {each.columns for each in found if each is not None}
    if len(columns) != 1 or any(each is None for each in found):
        return None
    return np.stack([_matrix(each) for each in found])


def _matrix(comoments: Comoments | None) -> Ints:
    if comoments is None:
        raise ValueError("a chunk has no co-moments")
    return comoments.matrix

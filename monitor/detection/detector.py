"""The detector of one model version and segment: laws from the reference's chunks, then one chunk after another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np

from monitor.detection import evidence as evident
from monitor.detection.beside import Line, besides, hushed, learned
from monitor.detection.chunks import Batch, Chunk, stack
from monitor.detection.columns import CHANNELS, ColumnLaws
from monitor.detection.faults import FAULTS, NEW_COLUMNS
from monitor.detection.heavy import ENOUGH
from monitor.detection.incident import State, age, opened
from monitor.detection.joint import JointLaw
from monitor.detection.localise import named
from monitor.detection.matching import has_seasons, labels_of
from monitor.detection.memory import memory, surprise
from monitor.detection.pooled import pooled
from monitor.detection.readings import Detection, Readings
from monitor.errors import InvalidInput
from monitor.profile.binning import NEW
from monitor.profile.comoments import JOINT
from monitor.profile.values import Floats

DAY = timedelta(days=1)
_RESTLESS = 2.5  # a chunk with a z-score beyond this is not calm


@dataclass(frozen=True, eq=False)
class Detector:
    """The laws of a model's columns and the thresholds that the owner's dial gives.

    Attributes:
        dial: false alarms accepted per 90 chunks.
        length: how long a chunk is.
        seasons: whether the reference covers two years, so that chunks are compared with their month.
        laws: by column, in order.
        joint: the law of how columns go together, if co-moments were given.
        chunks: how many chunks the reference had.
        lines: what columns lead each other to expect.
        memory: how much each z-score resembles that of the chunk before, [J + 1, channels].
        threshold: of the evidence summed over columns.
        fault_z: the z-score from which a fault is told.
    """

    dial: float
    length: timedelta
    seasons: bool
    laws: Mapping[str, ColumnLaws]
    joint: JointLaw | None
    chunks: int
    lines: tuple[Line, ...]
    memory: Floats
    threshold: float
    fault_z: float

    @classmethod
    def fit(cls, reference: Sequence[Chunk], *, dial: float = 1.0, length: timedelta = DAY) -> "Detector":
        """Learn the laws from the reference's chunks.

        Args:
            reference: chunks as long as those that will be judged, at least one, in order of time. Below 30 the
                detector works with a cautious prior and says that it is not calibrated.
            dial: false alarms per 90 chunks that the owner accepts; faults and drift together.
            length: how long a chunk is; whole days are compared with their weekday, shorter ones with their hour.

        Raises:
            InvalidInput: there is no chunk, or the dial is not a positive number.
            ValueError: profiles of a column are of several binnings.
        """
        return cls.fit_batch(stack(reference), dial=dial, length=length)

    @classmethod
    def fit_batch(cls, batch: Batch, *, dial: float = 1.0, length: timedelta = DAY) -> "Detector":
        """Learn the laws from a batch; see `fit`."""
        if not len(batch.starts):
            raise InvalidInput("the reference has no chunk; a detector needs at least one, and 30 to be calibrated")
        if not 0 < dial < evident.PERIOD:
            raise InvalidInput(f"dial is {dial}; it must be more than 0 and less than 90 false alarms per 90 chunks")
        seasons = has_seasons(batch.starts)
        labels = labels_of(batch.starts, length, seasons=seasons)
        alone = {name: ColumnLaws.fit(tallies, labels) for name, tallies in batch.tallies.items()}
        laws = pooled(alone, batch.tallies, labels)
        joint = None if batch.comoments is None else JointLaw.fit(batch.comoments)
        none = np.zeros((len(laws) + 1, len(CHANNELS)))
        detector = cls(dial, length, seasons, laws, joint, len(batch.starts), (), none, 0.0, 0.0)
        z = detector.read(batch).z
        lines = learned(z, np.flatnonzero([law.restless for law in laws.values()]))
        known = replace(detector, lines=lines, memory=memory(besides(z, lines), batch.starts, length))
        return known.with_dial(dial)

    def with_dial(self, dial: float) -> "Detector":
        """Return the same detector at another setting of the dial; the laws stay as they are."""
        known = [law.known for law in self.laws.values() if law.location is not None]
        known += [] if self.joint is None else [float(self.chunks)]
        return replace(
            self,
            dial=dial,
            threshold=evident.threshold(dial, known),
            fault_z=evident.fault_z(dial, len(self.laws) * len(FAULTS)),
        )

    @property
    def calibrated(self) -> bool:
        """Whether the reference had chunks enough for the dial to be held."""
        return self.chunks >= ENOUGH

    def start(self) -> State:
        """Return the state of a detector that has seen nothing."""
        return State({name: evident.nothing() for name in (*self.laws, JOINT)})

    def read(self, batch: Batch) -> Readings:
        """Return what chunks say; each chunk for itself, so that any number of them is read at once.

        Raises:
            ValueError: a column is counted in other bins than the reference's.
        """
        labels = labels_of(batch.starts, self.length, seasons=self.seasons)
        count = len(batch.starts)
        z = np.full((count, len(self.laws) + 1, len(CHANNELS)), np.nan)
        faults = np.full((count, len(self.laws), len(FAULTS)), -np.inf)
        for place, (name, law) in enumerate(self.laws.items()):
            if name in batch.tallies:
                law.check(batch.tallies[name])
                z[:, place], faults[:, place] = law.z(batch.tallies[name], labels)
        if self.joint is not None and batch.comoments is not None:
            z[:, -1, 1] = self.joint.z(batch.comoments)
            if batch.separation is not None:
                z[:, -1, 2] = batch.separation
        z = besides(z, self.lines)
        return Readings(batch.starts, z, np.nan_to_num(faults, nan=-np.inf, posinf=np.inf, neginf=-np.inf))

    def step(self, state: State, chunk: Chunk) -> tuple[State, Detection | None]:
        """Take in one more chunk, and return the new state and the detection it leads to, if any.

        Deterministic, and the same whether the state was kept in memory or as JSON.
        """
        readings = self.read(stack([chunk]))
        state, detection = self.advance(state, readings, 0)
        if (
            detection is not None
            and detection.kind == "joint"
            and chunk.comoments is not None
            and self.joint is not None
        ):
            column = self.joint.loudest(chunk.comoments.matrix[None].astype(np.float64), chunk.comoments.columns)
            detection = replace(detection, columns=(column,))
        return state, detection

    def advance(self, state: State, readings: Readings, at: int) -> tuple[State, Detection | None]:
        """Take in the chunk at one place of some readings; see `step`."""
        names = (*self.laws, JOINT)
        z, faults, start = readings.z[at], readings.faults[at], readings.starts[at]
        before = np.stack([state.evidence.get(name, evident.nothing()) for name in names])
        told = self._told(state, z, start)
        after = evident.grown(before, told)
        restless = frozenset(
            name
            for place, name in enumerate(names)
            if np.nanmax(z[place], initial=-np.inf) > _RESTLESS
            or (place < len(faults) and faults[place].max() >= self.fault_z)
        )
        kept = replace(
            state, evidence=dict(zip(names, after, strict=True)), seen=start, last=dict(zip(names, z, strict=True))
        )
        state = age(kept, start, restless)
        silent = state.silent
        broken = {
            name: tuple(_fault_name(name, int(fault)) for fault in np.flatnonzero(faults[place] >= self.fault_z))
            for place, name in enumerate(self.laws)
            if name not in silent and faults[place].max() >= self.fault_z
        }
        weighed, reached = self._weigh(state, told)
        if broken:
            state, new = opened(state, start, "fault", tuple(broken))
            return state, self._detection(start, "fault", tuple(broken), broken, state, reached) if new else None
        if reached < 1:
            return state, None
        columns = tuple(names[place] for place in named(weighed))
        kind = "joint" if columns == (JOINT,) else "drift"
        state, new = opened(state, start, kind, columns)
        if not new:
            return state, None
        return state, self._detection(start, kind, tuple(c for c in columns if c != JOINT), {}, state, reached)

    def reached(self, before: State, after: State, readings: Readings, at: int) -> float:
        """Return the model's evidence in units of the threshold, after the chunk between two states."""
        return self._weigh(after, self._told(before, readings.z[at], readings.starts[at]))[1]

    def weighed(self, state: State) -> dict[str, float]:
        """Return the evidence of each column by itself, in units of the model's threshold; also of silent ones."""
        return {
            name: float(state.evidence[name] @ self._weights(name)) / self.threshold
            for name in (*self.laws, JOINT)
            if name in state.evidence
        }

    def _weigh(self, state: State, told: Floats) -> tuple[Floats, float]:
        """Return the evidence of columns that are not silent, and the model's in units of the threshold."""
        names = (*self.laws, JOINT)
        heard = np.array([name not in state.silent for name in names])
        weights = np.stack([self._weights(name) for name in names])
        weighed = np.where(heard, (np.stack([state.evidence[name] for name in names]) * weights).sum(axis=1), 0.0)
        latest = np.where(heard, (np.where(np.isnan(told), 0.0, evident.e_values(told)) * weights).sum(axis=1), 0.0)
        return weighed, evident.total(weighed, latest) / self.threshold

    def _told(self, state: State, z: Floats, start: datetime) -> Floats:
        """Return z-scores as far as the chunk just before this one and open incidents do not explain them."""
        names = (*self.laws, JOINT)
        z = hushed(z, self.lines, frozenset(place for place, name in enumerate(names) if name in state.silent))
        if state.seen is None or start - state.seen != self.length:
            return z
        silent = np.full(len(CHANNELS), np.nan)
        last = np.stack([state.last.get(name, silent) for name in names])
        return surprise(z, last, self.memory)

    def _weights(self, name: str) -> Floats:
        if name == JOINT:
            return evident.TOGETHER
        if self.laws[name].scores is None:
            return evident.CATEGORY
        return evident.BESIDE if name in self._lined else evident.NUMERIC

    @cached_property
    def _lined(self) -> frozenset[str]:
        names = tuple(self.laws)
        return frozenset(names[line.of] for line in self.lines)

    def _detection(
        self,
        start: datetime,
        kind: str,
        columns: tuple[str, ...],
        faults: Mapping[str, tuple[str, ...]],
        state: State,
        reached: float,
    ) -> Detection:
        loudest = {name: CHANNELS[int(np.argmax(state.evidence[name] * self._weights(name)))] for name in columns}
        return Detection(start, kind, columns, faults, loudest, reached, self.calibrated)


def _fault_name(column: str, fault: int) -> str:
    return NEW_COLUMNS if column == NEW and FAULTS[fault] == "retyped" else FAULTS[fault]

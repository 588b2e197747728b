"""Time steps, or time steps × channels, of a sequence as players; also an embedding, which is one player."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from explain.block import MOST_PARTS, OWN, Block, Player, Sources
from explain.coalitions import Members, Rows
from explain.columns import Column
from monitor.types import Feature, Kind

Array = npt.NDArray[np.float64]


def numbers(value: object) -> Array | None:
    """Return a sequence or embedding as float64, null as NaN; None where it is none, or empty, or ragged.

    >>> numbers([[1, None]]), numbers("x"), numbers([[1], [2, 3]])
    (array([[ 1., nan]]), None, None)
    """
    if not isinstance(value, list | tuple | np.ndarray):
        return None
    try:
        found = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return found if found.ndim in (1, 2) and found.size else None


class Steps(Block):
    """A sequence [steps] or [steps, channels], cut in stretches of time, and by channel where few enough come of it.

    What is absent has the values of a background row at the same steps and channels, if background rows have the same
    shape; else the mean of each channel over the background, or over the sequence itself.
    """

    def __init__(self, feature: Feature, own: Array, others: Sequence[object]) -> None:
        """Take the row's sequence and those of the background."""
        self._name = feature.name
        self.names = (feature.name,)
        self._shape = own.shape
        grid = own.reshape(len(own), -1)
        usual, self.absent = _usual(own, [found for found in map(numbers, others) if found is not None])
        self.background = len(others) if len(usual) > 1 else 0
        places = np.arange(len(others)) % len(usual) if len(others) else np.zeros(0, np.intp)
        self._table = np.concatenate([usual[places] if self.background else usual, own[None]]).reshape(-1, grid.size)
        whole = feature.kind is Kind.EMBEDDING
        cells, places_of = _whole(grid) if whole else _cut(*grid.shape)
        same = ((self._table == self._table[-1]) | (np.isnan(self._table) & np.isnan(self._table[-1]))).all(axis=0)
        playing = [cell for cell in range(len(places_of)) if not same[cells.ravel() == cell].all()]
        # Cells that equal the background's throughout take part with the first player: it changes nothing.
        number = np.zeros(len(places_of), np.intp)
        number[playing] = np.arange(len(playing))
        self._cell_of = number[cells.ravel()]
        single = grid.shape[1] == 1
        self.players = tuple(
            Player(feature.name, feature.label, ())
            if whole
            else Player(feature.name, _label(places_of[cell], single=single), places_of[cell])
            for cell in playing
        )

    def columns(self, sources: Sources) -> dict[str, Column]:
        """Return the sequences, stacked [n, steps(, channels)]; see :class:`explain.block.Block`."""
        rows = sources.shape[1]
        if not self.players:
            return {self._name: np.repeat(self._table[-1:], rows, axis=0).reshape(rows, *self._shape)}
        source = sources if self.background else np.where(sources < 0, -1, 0)
        mixed = self._table[source[self._cell_of].T, np.arange(self._table.shape[1])]
        return {self._name: mixed.reshape(rows, *self._shape)}

    def mixed(self, there: Members, rows: Rows) -> dict[str, Column]:
        """Return the sequences, stacked [n, steps(, channels)]; see :class:`explain.block.Block`."""
        given = rows if self.background else np.zeros(len(rows), np.intp)
        made = self._table[:OWN].take(given, axis=0) if self.players else self._table[OWN:].repeat(len(rows), axis=0)
        if self.players:
            np.copyto(made, self._table[OWN], where=there[self._cell_of].T)
        return {self._name: made.reshape(len(rows), *self._shape)}


def _usual(own: Array, others: Sequence[Array]) -> tuple[Array, str]:
    alike = [other for other in others if other.shape == own.shape]
    if alike:
        return np.stack(alike), "steps of background rows"
    channels = [other.reshape(len(other), -1) for other in others if other.shape[1:] == own.shape[1:]]
    known = np.concatenate(channels) if channels else own.reshape(len(own), -1)
    finite = np.isfinite(known)
    mean = np.where(finite, known, 0.0).sum(axis=0) / np.maximum(finite.sum(axis=0), 1)
    said = "the background's mean by channel" if channels else "its own mean by channel"
    return np.broadcast_to(mean.reshape(own.shape[1:]), own.shape)[None].astype(np.float64), said


def _whole(grid: Array) -> tuple[npt.NDArray[np.intp], list[tuple[int, ...]]]:
    return np.zeros(grid.shape, np.intp), [()]


def _cut(steps: int, channels: int) -> tuple[npt.NDArray[np.intp], list[tuple[int, ...]]]:
    """Return each cell's part, [steps, channels], and each part's place; by channel where 12 stretches fit then."""
    apart = channels if 1 < channels <= MOST_PARTS // min(steps, 12) else 1
    stretches = np.array_split(np.arange(steps), min(steps, MOST_PARTS // apart))
    part = np.empty((steps, channels), np.intp)
    places: list[tuple[int, ...]] = []
    for at, stretch in enumerate(stretches):
        part[stretch] = at * apart + (np.arange(channels) if apart > 1 else 0)
        ends = int(stretch[0]), int(stretch[-1]) + 1
        places += [(*ends, channel if apart > 1 else -1) for channel in range(apart)]
    return part, places


def _label(place: tuple[int, ...], *, single: bool) -> str:
    first, stop, channel = place
    when = f"step {first + 1}" if stop == first + 1 else f"steps {first + 1}–{stop}"
    return when if single or channel < 0 else f"{when}, channel {channel + 1}"

"""A block of players: some of a model's columns, and how they look when each of its players is there or not.

Every player has, in every row that is made up, a *source*: `OWN`, the value of the explained row, or the number of a
background row, whose value stands in for it. Columns, groups of columns and sequences take the background row's value;
words and image segments have a stated *absent* value, which is the same whatever the number is.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np
import numpy.typing as npt

from explain.coalitions import Members, Rows
from explain.columns import Column
from monitor.types import Feature

OWN = -1
"""The source of a player that has the row's own value: the last entry of every table of values."""

Sources = npt.NDArray[np.intp]
"""Where players take their values from, [players, n]: contiguous by player."""

MOST_PARTS = 60
"""Into how many players one text, image or sequence is cut at most."""


@dataclass(frozen=True, slots=True)
class Player:
    """One player. ``feature`` is the feature or group it counts for, ``label`` what people call it.

    ``place`` says where a part is: of a text the first character and the one after the last; of an image runs of
    pixels, (first, length) one after the other, in row-major order; of a sequence the first step, the one after the
    last, and the channel (-1: all). It is empty for what is no part.
    """

    feature: str
    label: str
    place: tuple[int, ...] = ()


class Block(ABC):
    """Some columns and their players.

    ``names`` are its columns. ``background`` is how many background rows differ in it: 0 where what is absent has one
    stated value.
    ``absent`` says what stands in for a player that is absent, in words.
    """

    names: Sequence[str]
    players: Sequence[Player]
    background: int
    absent: str

    @abstractmethod
    def columns(self, sources: Sources) -> dict[str, Column]:
        """Return the block's columns of n rows for the sources of its players, [players, n]."""

    def mixed(self, there: Members, rows: Rows) -> dict[str, Column]:
        """Return the block's columns of n rows.

        Args:
            there: which players have the row's own value, [players, n], contiguous.
            rows: the number of the background row that stands in for the others, [n].
        """
        # Minus one has all bits set: for members it stays OWN, whatever the row. Choosing would take ten times as long.
        return self.columns(np.bitwise_or(np.negative(there.view(np.int8)), rows, dtype=np.intp))


class Values(Block):
    """One player: a column, or the columns of a group, which are there or not together."""

    absent = "values of background rows"

    def __init__(
        self, name: str, label: str, features: Sequence[Feature], tables: Mapping[str, tuple[Column, Column]]
    ) -> None:
        """Take row and background.

        Args:
            name: of the feature or group.
            label: what people call it.
            features: its features.
            tables: of each, the row's column of length 1, and the background's of length N.
        """
        self.features = tuple(features)
        self.names = tuple(tables)
        self.players = (Player(name, label),)
        self.tables = {each: np.concatenate([others, own]) for each, (own, others) in tables.items()}
        self.background = len(next(iter(self.tables.values()))) - 1

    def columns(self, sources: Sources) -> dict[str, Column]:
        """Return the columns of n rows; see :class:`Block`."""
        return {name: table[sources[0]] for name, table in self.tables.items()}


class Numbers(Block):
    """Several players of one column of numbers each: made at once, they take half of the time."""

    absent = Values.absent

    def __init__(self, blocks: Sequence[Values]) -> None:
        """Take blocks of a number each; see `is_number`."""
        self.names = tuple(name for block in blocks for name in block.names)
        self.players = tuple(player for block in blocks for player in block.players)
        self.background = blocks[0].background
        self._table = np.stack([block.tables[name] for block in blocks for name in block.names])
        self._others, self._own = np.ascontiguousarray(self._table[:, :OWN]), self._table[:, OWN:]

    def columns(self, sources: Sources) -> dict[str, Column]:
        """Return the columns of n rows; see :class:`Block`."""
        return dict(zip(self.names, np.take_along_axis(self._table, sources, axis=1), strict=True))

    def mixed(self, there: Members, rows: Rows) -> dict[str, Column]:
        """Return the columns of n rows; see :class:`Block`."""
        made = self._others.take(rows, axis=1)
        np.copyto(made, self._own, where=there)
        return dict(zip(self.names, made, strict=True))


def is_number(block: Block) -> TypeGuard[Values]:
    """Tell whether a block is one player with one column of numbers."""
    return isinstance(block, Values) and [table.dtype for table in block.tables.values()] == [np.float64]


class Held(Block):
    """Columns without players: they keep the row's own value."""

    players = ()
    background = 0
    absent = ""

    def __init__(self, tables: Mapping[str, Column]) -> None:
        """Take the row's columns of length 1."""
        self.names = tuple(tables)
        self._tables = dict(tables)

    def columns(self, sources: Sources) -> dict[str, Column]:
        """Return the columns, repeated."""
        return {name: np.repeat(column, sources.shape[1], axis=0) for name, column in self._tables.items()}

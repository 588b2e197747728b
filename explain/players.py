"""The players of an explanation: what people understand of a row, and rows in which some of them are absent.

A player is a column, a group of columns (by the features' ``group``), a word of a text, a segment of an image, or a
stretch of a sequence. All additive methods ask one thing of them: the rows in which some players have the row's own
value, and the others that of a background row, or their stated absent value (`Players.mixed`). A library that wants one
matrix of numbers gets integer codes: within a column equal values share a code, so that text and null are as good as
numbers, and one category is one player, not a crowd of dummies (`Players.decode`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from explain.block import OWN, Block, Held, Numbers, Player, Sources, Values, is_number
from explain.coalitions import Matrix, Members, Rows
from explain.codes import encoded, same
from explain.columns import PLAYABLE, Column
from explain.groups import grouped
from explain.segments import Picture, Segments
from explain.steps import Steps, numbers
from explain.words import SHORT, Words, count
from monitor.types import Feature, Kind, ModelSchema, Part

BATCH, BATCH_BYTES = 4_096, 64 * 2**20
"""How many rows are put together at once at most, and how large they may be."""


@dataclass(frozen=True)
class Players:
    """One row and its background, as M players.

    ``unplayable`` are the features held at the row's own value because nothing can stand in for them. Players that are
    equal in the row and all of the background cannot matter, and are none.
    """

    blocks: tuple[Block, ...]
    unplayable: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[Player, ...]:
        """Every player, [M]."""
        return tuple(player for block in self.blocks for player in block.players)

    @property
    def size(self) -> int:
        """M."""
        return len(self.names)

    @cached_property
    def rows(self) -> int:
        """How many background rows differ: 1 where what is absent has one stated value."""
        return max([1, *(block.background for block in self.blocks)])

    @cached_property
    def batch(self) -> int:
        """How many rows to put together at once: memory stays bounded, and a small network's layers in the cache."""
        one = self._of(np.zeros((self.size, 1), np.intp))
        size = sum(column.nbytes if column.dtype != object else len(str(column[0])) for column in one.values())
        return int(np.clip(BATCH_BYTES // max(size, 1), 8, BATCH))

    @cached_property
    def absent(self) -> str:
        """What stands in for players that are absent, in words."""
        said = dict.fromkeys(block.absent for block in self.blocks if block.players)
        return "; ".join(each for each in said if each)

    def mixed(self, members: Members, rows: Rows) -> dict[str, Column]:
        """Return n rows in which the members have the row's own values.

        Args:
            members: which players are there, [n, M].
            rows: the number of the background row that stands in for the others, [n].
        """
        there = np.ascontiguousarray(members.T)
        columns: dict[str, Column] = {}
        for block, places in self._joined:
            columns |= block.mixed(there[places], rows)
        return columns

    def _of(self, sources: Sources) -> dict[str, Column]:
        columns: dict[str, Column] = {}
        for block, places in self._joined:
            columns |= block.columns(sources[places])
        return columns

    @cached_property
    def _joined(self) -> tuple[tuple[Block, slice], ...]:
        """The blocks, those of a number each that follow one another as one, and where their players are."""
        found: list[tuple[Block, slice]] = []
        at = 0
        for _, each in groupby(self.blocks, key=is_number):
            blocks = list(each)
            plain = [block for block in blocks if is_number(block)]
            for block in [Numbers(plain)] if plain else blocks:
                found.append((block, slice(at, at + len(block.players))))
                at += len(block.players)
        return tuple(found)

    @cached_property
    def features(self) -> tuple[Feature | None, ...]:
        """The feature that a player is, [M]; None where it is a part, a vector or a group."""
        found: list[Feature | None] = []
        for block in self.blocks:
            single = isinstance(block, Values) and len(block.features) == 1
            found += block.features if isinstance(block, Values) and single else [None] * len(block.players)
        return tuple(found)

    @cached_property
    def tables(self) -> tuple[Column, ...]:
        """The values that the codes of a player stand for, where it is a feature; else empty."""
        return tuple(table for table, _, _ in self._coded)

    @cached_property
    def row(self) -> Matrix:
        """The row's codes, [M]."""
        return np.array([codes[0] for _, codes, _ in self._coded])

    @cached_property
    def background(self) -> Matrix:
        """The background's codes, [`rows`, M]."""
        columns = [codes[1:] for _, codes, _ in self._coded]
        return np.stack(columns, axis=1) if columns else np.empty((self.rows, 0))

    @cached_property
    def _coded(self) -> list[tuple[Column, Matrix, Rows]]:
        """Of each player the values; the codes of the row and the background rows; a source of each code."""
        coded: list[tuple[Column, Matrix, Rows]] = []
        everyone = np.arange(OWN, self.rows)
        for place, feature in enumerate(self.features):
            if feature is None:
                coded.append((np.empty(0), (everyone + 1).astype(np.float64), everyone))
                continue
            sources = np.full((self.size, self.rows + 1), OWN)
            sources[place] = everyone
            table, codes, first = encoded(self._of(sources)[feature.name])
            coded.append((table, codes, everyone[first]))
        return coded

    def decode(self, codes: Matrix) -> dict[str, Column]:
        """Return the columns of n coded rows [n, M]."""
        sources = [each[codes[:, place].astype(np.intp)] for place, (_, _, each) in enumerate(self._coded)]
        return self._of(np.array(sources, dtype=np.intp).reshape(self.size, len(codes)))

    def sums(self, schema: ModelSchema) -> Matrix:
        """Return which players count for which attribution, [M, attributions]: values @ sums are the attributions."""
        places = {name: place for place, (name, _) in enumerate(grouped(schema.features))}
        sums = np.zeros((self.size, len(places)))
        for index, player in enumerate(self.names):
            sums[index, places[player.feature]] = 1.0
        return sums

    def attributions(self, values: Matrix, schema: ModelSchema) -> dict[str, float]:
        """Return the players' values [M] by feature in schema order, parts summed up; what does not play has 0.

        A group is in place of its first feature.
        """
        names = [name for name, _ in grouped(schema.features)]
        return dict(zip(names, (np.asarray(values) @ self.sums(schema)).tolist(), strict=True))

    def parts(self, values: Matrix, errors: Matrix | None = None) -> tuple[Part, ...]:
        """Return the values [M] of the players that are parts of a text, image or sequence, with standard errors."""
        return tuple(
            Part(
                feature=player.feature,
                label=player.label,
                place=player.place,
                amount=float(values[index]),
                error=None if errors is None else float(errors[index]),
            )
            for index, player in enumerate(self.names)
            if player.place
        )


def make_players(row: Mapping[str, Column], background: Mapping[str, Column], schema: ModelSchema) -> Players:
    """Find what plays.

    >>> from monitor.types import Kind, Task
    >>> seats = Feature(name="seats", kind=Kind.INTEGER)
    >>> schema = ModelSchema(model="m", task=Task.BINARY, features=(seats,))
    >>> players = make_players({"seats": np.array([2.0])}, {"seats": np.array([2.0, np.nan])}, schema)
    >>> players.mixed(np.array([[True], [False]]), np.array([1, 1]))
    {'seats': array([ 2., nan])}
    """
    blocks: list[Block] = []
    unplayable: list[str] = []
    for name, features in grouped(schema.features):
        block = _block(name, features, row, background, alone=len(schema.features) == 1)
        if block is None or isinstance(block, Values):
            playing = () if block is None else block.features
            unplayable += [feature.name for feature in features if feature not in playing]
        if block is not None and block.players:
            blocks.append(block)
    known = {name for block in blocks for name in block.names}
    held = {feature.name: row[feature.name] for feature in schema.features if feature.name not in known}
    return Players((*blocks, Held(held)), tuple(unplayable))


def _block(
    name: str,
    features: Sequence[Feature],
    row: Mapping[str, Column],
    background: Mapping[str, Column],
    *,
    alone: bool,
) -> Block | None:
    """Return the block of one feature or group; without players if it cannot matter, None if it cannot play."""
    feature = features[0]
    if len(features) > 1 or feature.group:
        return _values(name, name, [each for each in features if each.kind in PLAYABLE], row, background)
    own = row[name][0]
    if feature.kind is Kind.TEXT and count(own) > (0 if alone else SHORT):
        return Words(feature, own)
    if feature.kind is Kind.IMAGE:
        try:
            return Segments(feature, Picture(own))
        except ValueError:
            return None
    if feature.kind in (Kind.SEQUENCE, Kind.EMBEDDING):
        steps, whole = numbers(own), feature.kind is Kind.EMBEDDING
        if steps is None or (whole and not len(background[name])):
            return None
        return Steps(feature, steps, list(background[name]))
    if feature.kind in PLAYABLE:
        return _values(name, feature.label, features, row, background)
    return None


def _values(
    name: str, label: str, features: Sequence[Feature], row: Mapping[str, Column], background: Mapping[str, Column]
) -> Block | None:
    """Return the block of columns that are there or not together; held where all are equal throughout.

    None where there is no column, or no background row whose values could stand in.
    """
    if not all(len(background[each.name]) for each in features) or not features:
        return None
    tables = {each.name: (row[each.name], background[each.name]) for each in features}
    if all(same(own, others) for own, others in tables.values()):
        return Held({})
    return Values(name, label, features, tables)

"""The words of a text as players; a word that is absent is left out, or replaced by the owner's token."""

import re

import numpy as np

from explain.block import MOST_PARTS, OWN, Block, Player, Sources
from explain.columns import Column
from monitor.types import Feature

SHORT = 3
"""A text of so few words is one value, like a category, unless it is all there is."""

_WORD = re.compile(r"\S+")


def count(text: object) -> int:
    """Return how many words a text has.

    >>> count("late  again"), count(None)
    (2, 0)
    """
    return len(_WORD.findall(text)) if isinstance(text, str) else 0


class Words(Block):
    """The words of one text, in phrases of several where there are more than `MOST_PARTS`.

    >>> text = "so  late again"
    >>> words = Words(Feature(name="note", kind="text"), text)
    >>> words.columns(np.array([[-1, 0], [0, -1], [-1, -1]]))["note"].tolist()
    ['so  again', 'late again']
    """

    background = 0

    def __init__(self, feature: Feature, text: str) -> None:
        """Cut the text up; every stretch is a word and the space behind it."""
        found = list(_WORD.finditer(text))
        size = -(-len(found) // MOST_PARTS)
        phrases = [found[at : at + size] for at in range(0, len(found), size)]
        starts = [phrase[0].start() for phrase in phrases]
        self._name = feature.name
        self.names = (feature.name,)
        self._text = text
        self._before = text[: starts[0]]
        token = feature.absent
        self.absent = f"words become {token!r}" if token else "words are left out"
        pieces = [text[start:stop] for start, stop in zip(starts, [*starts[1:], len(text)], strict=True)]
        spaces = [piece[len(piece.rstrip()) :] for piece in pieces]
        self._pieces = pieces
        self._gone = [token + space if token else "" for space in spaces]
        self.players = tuple(
            Player(feature.name, text[phrase[0].start() : phrase[-1].end()], (phrase[0].start(), phrase[-1].end()))
            for phrase in phrases
        )

    def columns(self, sources: Sources) -> dict[str, Column]:
        """Return the texts with the words that are there; see :class:`explain.block.Block`."""
        members = sources.T == OWN
        texts = np.empty(len(members), dtype=object)
        for row, there in enumerate(members.tolist()):
            kept = zip(there, self._pieces, self._gone, strict=True)
            made = self._before + "".join(piece if is_there else gone for is_there, piece, gone in kept)
            texts[row] = self._text if all(there) else made.strip()
        return {self._name: texts}

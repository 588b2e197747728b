"""Which part of a text, image or sequence each number of a model's input belongs to."""

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.segments import Picture, runs, segmented, where
from monitor.types import Feature, Kind, ModelSchema, Part

Matrix = npt.NDArray[np.float64]

MOST_STEPS = 500


def parts_of(values: Mapping[str, Matrix], row: Mapping[str, Column], schema: ModelSchema) -> tuple[Part, ...]:
    """Return what words, segments and steps contribute, where it can be told from the shape.

    A text's first axis is taken for its words, in order; an image's last two axes (or one less) for its pixels; a
    sequence's first for its steps. What is behind a text's last word (padding) is a part of its own, so that the parts
    of a feature add up.

    Args:
        values: contributions by feature, in the shape of the model's input, without the row's own axis.
        row: the explained row.
        schema: which features there are.
    """
    found: list[Part] = []
    for feature in schema.features:
        given = values.get(feature.name)
        if given is None or given.ndim == 0:
            continue
        if feature.kind is Kind.TEXT:
            found += _words(feature, row[feature.name][0], given)
        elif feature.kind is Kind.IMAGE:
            found += _pixels(feature, row[feature.name][0], given)
        elif feature.kind is Kind.SEQUENCE and len(given) <= MOST_STEPS:
            amounts = given.reshape(len(given), -1).sum(axis=1)
            found += [
                Part(feature=feature.name, label=f"step {at + 1}", place=(at, at + 1, -1), amount=float(amount))
                for at, amount in enumerate(amounts)
            ]
    return tuple(found)


def _words(feature: Feature, text: object, given: Matrix) -> list[Part]:
    words = list(re.finditer(r"\S+", text)) if isinstance(text, str) else []
    amounts = given.reshape(len(given), -1).sum(axis=1)
    parts = [
        Part(feature=feature.name, label=word.group(), place=word.span(), amount=float(amount))
        for word, amount in zip(words, amounts, strict=False)
    ]
    rest = float(amounts[len(parts) :].sum())
    if rest:
        end = len(text) if isinstance(text, str) else 0
        parts.append(Part(feature=feature.name, label="(behind the last word)", place=(end, end), amount=rest))
    return parts


def _pixels(feature: Feature, value: object, given: Matrix) -> list[Part]:
    try:
        picture = Picture(value)
    except ValueError:
        return []
    shape = picture.pixels.shape[:2]
    if given.shape[-2:] == shape:
        by_pixel = given.reshape(-1, *shape).sum(axis=0)
    elif given.shape[:2] == shape:
        by_pixel = given.reshape(*shape, -1).sum(axis=2)
    else:
        return []
    segments = segmented(picture.pixels)
    names = where(segments)
    amounts = np.bincount(segments.ravel(), by_pixel.ravel())
    return [
        Part(feature=feature.name, label=names[at], place=runs(segments == at), amount=float(amount))
        for at, amount in enumerate(amounts)
    ]

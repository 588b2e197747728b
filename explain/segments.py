"""Segments of an image as players: regions of like colour (simple linear iterative clustering), or a grid.

Achanta et al. 2012 (10.1109/TPAMI.2012.120): pixels go to the nearest of centres that begin on a grid, by colour and
place together, and the centres move to the mean of their pixels; here without forcing regions to be connected.
"""

import base64
import io

import numpy as np
import numpy.typing as npt

from explain.block import OWN, Block, Player, Sources
from explain.columns import Column
from monitor.types import Feature

Array = npt.NDArray[np.float64]

SEGMENTS = 36
"""About so many regions are made of an image."""

SMALL = 16
"""An image of at most so many pixels a side has its segments on a grid of 2 × 2 pixels."""

MOST_PIXELS = 4_000_000
ROUNDS = 5
COMPACTNESS = 0.3
"""How much a whole region's distance in place counts against the whole range of colour."""


class Picture:
    """An image as an array, and the way back to what it was sent as: nested numbers, or base64 of an image file.

    ``pixels`` is [height, width, channels]; ``masked`` returns the image with other pixels in its own form.
    """

    def __init__(self, value: object) -> None:
        """Read it.

        Raises:
            ValueError: it is no image that can be cut: of another form, too large, or not decodable.
        """
        self._file = isinstance(value, str)
        array = _decoded(value) if isinstance(value, str) else np.asarray(value)
        if array.dtype.kind not in "iufb" or array.ndim not in (2, 3) or array.size == 0:
            raise ValueError("no image of numbers [height, width] or [height, width, channels]")
        self._dtype = array.dtype
        self._shape = array.shape
        self._first = array.ndim == 3 and array.shape[0] in (1, 3, 4) and array.shape[2] not in (1, 3, 4)
        moved = np.moveaxis(array, 0, 2) if self._first else array
        self.pixels: Array = moved.reshape(*moved.shape[:2], -1).astype(np.float64)
        if self.pixels.shape[0] * self.pixels.shape[1] > MOST_PIXELS:
            raise ValueError(f"more than {MOST_PIXELS:,} pixels")

    def restored(self, pixels: Array) -> Column:
        """Return n images [n, height, width, channels] in the form of the original, as a column."""
        if self._dtype.kind in "iub":
            pixels = np.round(pixels)
        shaped = np.moveaxis(pixels, 3, 1) if self._first else pixels
        arrays = shaped.reshape(len(pixels), *self._shape).astype(self._dtype)
        if not self._file:
            return arrays
        column = np.empty(len(arrays), dtype=object)
        column[:] = [_encoded(array) for array in arrays]
        return column


def _decoded(value: str) -> npt.NDArray[np.uint8]:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(base64.b64decode(value, validate=True))) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"more than {MOST_PIXELS:,} pixels")
            return np.asarray(image.convert("L" if image.mode in ("1", "L", "I;16") else "RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"no image file that can be read: {error}") from error


def _encoded(array: npt.NDArray[np.uint8]) -> str:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


class Segments(Block):
    """The segments of one image.

    What is absent is, by the feature's ``absent``: "mean" (the image's mean colour, unless said otherwise), "blur" (the
    image with all detail gone), or a number (that value in every channel).
    """

    background = 0

    def __init__(self, feature: Feature, picture: Picture) -> None:
        """Cut the image up.

        Args:
            feature: it.
            picture: the row's image.
        """
        self._name, self._picture = feature.name, picture
        self.names = (feature.name,)
        pixels = picture.pixels
        self._gone, self.absent = _absent(pixels, feature.absent or "mean")
        found = segmented(pixels)
        differs = (pixels != self._gone).any(axis=2)
        kept = [segment for segment in range(int(found.max()) + 1) if differs[found == segment].any()]
        number = np.full(int(found.max()) + 1, -1)
        number[kept] = np.arange(len(kept))
        self._segment = number[found]
        names = where(found)
        self.players = tuple(
            Player(feature.name, names[segment], runs(self._segment == at)) for at, segment in enumerate(kept)
        )

    def columns(self, sources: Sources) -> dict[str, Column]:
        """Return the images, [n, …] as they were sent; see :class:`explain.block.Block`."""
        rows = sources.shape[1]
        # One entry more: pixels of no segment look alike in both.
        there = np.vstack([sources == OWN, np.ones((1, rows), np.bool_)])
        shown = there[self._segment]  # [height, width, n]; segment -1 is the last
        mixed = np.where(np.moveaxis(shown, 2, 0)[..., None], self._picture.pixels, self._gone)
        return {self._name: self._picture.restored(mixed)}


def segmented(pixels: Array) -> npt.NDArray[np.intp]:
    """Return each pixel's segment, [height, width], numbered from 0 without gaps.

    >>> segmented(np.zeros((4, 4, 1)))[0].tolist()
    [0, 0, 1, 1]
    """
    height, width, _ = pixels.shape
    if max(height, width) <= SMALL:
        return np.asarray((np.arange(height)[:, None] // 2) * -(-width // 2) + np.arange(width) // 2, dtype=np.intp)
    side = max(2.0, np.sqrt(height * width / SEGMENTS))
    tall, wide = max(1, round(height / side)), max(1, round(width / side))
    ys, xs = np.mgrid[:height, :width].astype(np.float64)
    spread = float(np.ptp(pixels)) or 1.0
    points = np.stack([COMPACTNESS * ys / side, COMPACTNESS * xs / side, *np.moveaxis(pixels / spread, 2, 0)], axis=2)
    labels = (np.minimum(ys * tall // height, tall - 1) * wide + np.minimum(xs * wide // width, wide - 1)).astype(
        np.intp
    )
    flat = points.reshape(-1, points.shape[2])
    for _ in range(ROUNDS):
        counts = np.bincount(labels.ravel(), minlength=tall * wide)
        sums = np.stack([np.bincount(labels.ravel(), axis, minlength=tall * wide) for axis in flat.T], axis=1)
        centres = sums / np.maximum(counts, 1)[:, None]
        centres[counts == 0] = np.inf
        nearest, least = np.zeros(len(flat), np.intp), np.full(len(flat), np.inf)
        for number, centre in enumerate(centres):
            distance = ((flat - centre) ** 2).sum(axis=1)
            closer = distance < least
            nearest[closer], least[closer] = number, distance[closer]
        labels = nearest.reshape(height, width)
    return np.unique(labels, return_inverse=True)[1].reshape(height, width).astype(np.intp)


def where(segments: npt.NDArray[np.intp]) -> list[str]:
    """Return what people call each segment: the ninth of the image its middle is in, numbered where it has several.

    >>> where(segmented(np.zeros((4, 4, 1))))
    ['upper left', 'upper right', 'lower left', 'lower right']
    >>> where(np.array([[0, 1, 2, 3, 3, 3]]))
    ['left 1', 'left 2', 'centre', 'right']
    """
    ninths = []
    for segment in range(int(segments.max()) + 1):
        ys, xs = np.nonzero(segments == segment)
        tall, wide = (
            int(3 * (middle + 0.5) // size) for middle, size in zip((ys.mean(), xs.mean()), segments.shape, strict=True)
        )
        parts = [("upper", "", "lower")[tall], ("left", "", "right")[wide]]
        ninths.append(" ".join(part for part in parts if part) or "centre")
    seen: dict[str, int] = {}
    names = []
    for ninth in ninths:
        seen[ninth] = seen.get(ninth, 0) + 1
        names.append(f"{ninth} {seen[ninth]}" if ninths.count(ninth) > 1 else ninth)
    return names


def runs(mask: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """Return where a mask is true, as (first, length) of each run in row-major order.

    >>> runs(np.array([[True, True], [False, True]]))
    (0, 2, 3, 1)
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask.ravel(), [False]]).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    return tuple(np.stack([starts, stops - starts], axis=1).ravel().tolist())


def _absent(pixels: Array, wanted: str) -> tuple[Array, str]:
    if wanted == "blur":
        return _blurred(pixels), "segments are blurred"
    if wanted == "mean":
        mean = pixels.mean(axis=(0, 1), keepdims=True)
        return np.broadcast_to(mean, pixels.shape), "segments take the image's mean colour"
    return np.full_like(pixels, float(wanted)), f"segments become {wanted}"


def _blurred(pixels: Array) -> Array:
    """Return the mean over a window of a quarter of the longer side, three times: nearly a Gaussian."""
    reach = max(1, max(pixels.shape[:2]) // 8)
    for _ in range(3):
        for axis in (0, 1):
            pixels = _smoothed(pixels, reach, axis)
    return pixels


def _smoothed(pixels: Array, reach: int, axis: int) -> Array:
    padded = np.pad(pixels, [(reach + 1, reach) if at == axis else (0, 0) for at in range(3)], mode="edge")
    sums = np.cumsum(padded, axis=axis)
    width = 2 * reach + 1
    later = np.take(sums, np.arange(width, sums.shape[axis]), axis=axis)
    earlier = np.take(sums, np.arange(sums.shape[axis] - width), axis=axis)
    return np.asarray((later - earlier) / width)

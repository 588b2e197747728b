"""LIME for images by the lime library (Ribeiro, Singh and Guestrin 2016): segments are hidden at random.

A weighted ridge regression over "this segment is there" is fitted to the model's answers; its coefficients are the
segments' weights. A hidden segment takes its own mean colour, as the library does by default; the segments are those of
our own method, so that both can be laid over each other.
"""

import contextlib
import io
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.explainers import Attribution, Predict, Setting, resolve
from explain.lime_parts import LimeOfParts, answers, of_parts
from explain.segments import Picture, runs, segmented, where
from monitor.errors import InvalidInput
from monitor.types import Kind, ModelSchema, Part

CHUNK = 100
"""Images that are asked at once."""


class LimeImage(LimeOfParts):
    """LIME for models of one image."""

    name = "lime_image"
    title = "LIME on segments"
    kind = Kind.IMAGE
    settings: ClassVar[Mapping[str, Setting]] = {
        "rows": Setting(1_000, 100, 50_000, "images with segments hidden that are asked", probes=500)
    }

    @classmethod
    def warm(cls) -> None:
        """Import the library."""
        import lime.lime_image  # noqa: F401

    def explain(
        self,
        predict: Predict,
        row: Mapping[str, Column],
        background: Mapping[str, Column],
        schema: ModelSchema,
        *,
        seed: int,
        **settings: int,
    ) -> Attribution:
        """Explain one row; see :class:`Explainer`. The background is not used.

        Raises:
            InvalidInput: the image cannot be read, or has neither one nor three channels.
        """
        from lime.lime_image import LimeImageExplainer

        del background
        rows = resolve(type(self), settings)["rows"]
        feature = self.taken(schema)
        picture = _picture(row[feature.name][0])
        channels = picture.pixels.shape[2]
        segments = segmented(picture.pixels)

        def answer(images: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            return answers(predict, row, feature.name, picture.restored(np.asarray(images)[..., :channels]))

        seen = np.repeat(picture.pixels, 3, axis=2) if channels == 1 else picture.pixels
        with contextlib.redirect_stderr(io.StringIO()):  # a progress bar
            found: Any = LimeImageExplainer(feature_selection="none", random_state=seed % 2**32).explain_instance(
                seen,
                answer,
                labels=(0,),
                top_labels=None,
                num_samples=rows,
                batch_size=CHUNK,
                segmentation_fn=lambda _: segments,
                random_seed=seed % 2**32,
            )
        names = where(segments)
        weights = {int(segment): float(weight) for segment, weight in found.local_exp[0]}
        return of_parts(
            found,
            schema,
            feature,
            float(predict(row)[0]),
            [
                Part(feature=feature.name, label=names[at], place=runs(segments == at), amount=weights[at])
                for at in sorted(weights)
            ],
            {"rows_used": rows + 1, "background_rows": 0, "absent": "segments take their own mean colour"},
        )


def _picture(value: object) -> Picture:
    try:
        picture = Picture(value)
    except ValueError as error:
        raise InvalidInput(f"this image cannot be cut in segments: {error}") from error
    if picture.pixels.shape[2] not in (1, 3):
        raise InvalidInput(
            f"LIME explains images of 1 or 3 channels, and this has {picture.pixels.shape[2]}; use shapley"
        )
    return picture

"""LIME for texts by the lime library (Ribeiro, Singh and Guestrin 2016): words are hidden at random.

A weighted ridge regression over "this word is there" is fitted to the model's answers; its coefficients are the words'
weights. A word counts at its place: the same word twice has two weights. Hidden words become the feature's ``absent``
token, or are left out.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from explain.columns import Column
from explain.explainers import Attribution, Predict, Setting, resolve
from explain.explainers.lime_tabular import Matrix
from explain.lime_parts import LimeOfParts, answers, number, of_parts
from monitor.types import Kind, ModelSchema, Part

_WORD = re.compile(r"\S+")


class LimeText(LimeOfParts):
    """LIME for models of one text."""

    name = "lime_text"
    title = "LIME on words"
    kind = Kind.TEXT
    settings: ClassVar[Mapping[str, Setting]] = {
        "rows": Setting(2_000, 100, 200_000, "texts with words hidden that are asked", probes=1_000)
    }

    @classmethod
    def warm(cls) -> None:
        """Import the library."""
        import lime.lime_text  # noqa: F401

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
        """Explain one row; see :class:`Explainer`. The background is not used."""
        from lime.lime_text import LimeTextExplainer

        del background
        rows = resolve(type(self), settings)["rows"]
        feature = self.taken(schema)
        text = row[feature.name][0]
        words = list(_WORD.finditer(text)) if isinstance(text, str) else []
        nothing = {each.name: 0.0 for each in schema.features}
        if not words:
            alone = float(predict(row)[0])
            return Attribution(alone, alone, nothing, {"rows_used": 1, "local_prediction": alone})

        def answer(texts: list[str]) -> Matrix:
            return answers(predict, row, feature.name, np.array([*texts, None], dtype=object)[:-1])

        library = LimeTextExplainer(
            feature_selection="none",
            split_expression=_WORD.findall,
            bow=False,
            mask_string=feature.absent,
            random_state=seed % 2**32,
        )
        found = library.explain_instance(text, answer, labels=(0,), num_features=len(words), num_samples=rows)
        weights = {int(place): float(weight) for place, weight in found.local_exp[0]}
        return of_parts(
            found,
            schema,
            feature,
            number(found.predict_proba),
            [
                Part(feature=feature.name, label=word.group(), place=word.span(), amount=weights.get(place, 0.0))
                for place, word in enumerate(words)
            ],
            {
                "rows_used": rows,
                "background_rows": 0,
                "absent": f"words become {feature.absent!r}" if feature.absent else "words are left out",
            },
        )

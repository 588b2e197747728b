"""Methods that say why a model answered what it answered; one a file.

To add one, write a file here with a concrete :class:`Explainer`: a ``name`` (what users ask for), whether it is
``additive``, the integer ``settings`` it takes, and ``explain``. It is found by its name; the conformance tests in
``tests/conformance`` then run on it. The rules they hold it to:

* the same seed gives bit-identical attributions, and every random draw comes from that seed;
* NumPy's and torch's global generators are as they were afterwards;
* where ``additive``, base value + sum of the attributions = prediction;
* a feature that the model does not use gets about nothing;
* nulls, texts and categories that the background lacks work; a feature equal in the row and all of the background
  gets exactly 0.

Import the method's library inside ``warm`` and ``explain``: this package is imported by the server, the method runs in
a worker.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from explain.columns import Column
from explain.models import ModelAdapter
from monitor.errors import InvalidInput
from monitor.plugins import plugins
from monitor.types import ModelSchema, Part, Scalar

Predict = Callable[[Mapping[str, Column]], npt.NDArray[np.float64]]
"""Columns of n rows → the explained output, float64 [n]."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One integer that a user may choose. ``probes`` is its default where rows are sent to somebody's endpoint."""

    default: int
    low: int
    high: int
    meaning: str
    probes: int | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """What a method found for one row, in the explained output's units; features in schema order.

    ``base_value`` is where the explanation starts (SHAP: the background's mean answer; LIME: the intercept).
    ``quality`` says how far to trust it: rows used, additivity gap, R². ``parts`` are what words, segments and steps
    add to their feature's attribution; ``outputs`` the attributions of each class by name, where one pass found all.
    """

    base_value: float
    prediction: float
    attributions: Mapping[str, float]
    quality: Mapping[str, Scalar]
    standard_errors: Mapping[str, float] | None = None
    parts: tuple[Part, ...] = ()
    outputs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


class Explainer(ABC):
    """One method. ``additive``: base value + sum of attributions = prediction, exactly."""

    name: ClassVar[str]
    title: ClassVar[str]
    additive: ClassVar[bool]
    settings: ClassVar[Mapping[str, Setting]]
    by_chance: ClassVar[bool] = True  # False: every seed gives the same
    alone: ClassVar[bool] = False  # True: the parts of texts, images and sequences need no background rows
    preference: ClassVar[int] = 0
    chosen_because: ClassVar[str] = "no other method suits this model"

    @classmethod
    def suits(cls, schema: ModelSchema, kind: type[ModelAdapter]) -> str | None:
        """Return why it cannot explain such a model, None where it can; called without the model.

        Of the methods that can, the one of the greatest ``preference`` is chosen where nobody says which, and people
        are told ``chosen_because``.
        """
        del schema, kind
        return None

    @classmethod
    def preferred(cls, schema: ModelSchema, kind: type[ModelAdapter]) -> int:
        """Return its ``preference`` for such a model."""
        del schema, kind
        return cls.preference

    def look_into(self, model: ModelAdapter, output: int | None) -> None:  # noqa: B027 - most methods only ask
        """Take what the method needs of the loaded model itself; called before :meth:`explain`.

        Args:
            model: what is explained.
            output: the explained class of a model with one output per class.
        """

    @classmethod  # noqa: B027 - some methods have nothing to import
    def warm(cls) -> None:
        """Import what :meth:`explain` needs; called once in the worker, before the first job."""

    @abstractmethod
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
        """Explain one row.

        Args:
            predict: the model; it is asked in batches of any size.
            row: the features, columns of length 1.
            background: the features, columns of N ≥ 1 rows that stand for "a usual row".
            schema: which features there are, and of what kind.
            seed: every random choice follows from it.
            settings: of :attr:`settings`; those left out have their default.

        Raises:
            InvalidInput: a setting that the method does not take, or out of its range.
            Unavailable: the model did not answer.
        """


def explainers() -> dict[str, type[Explainer]]:
    """Return every method by its name.

    >>> {"lime", "shap", "shapley"} <= set(explainers())
    True
    """
    return plugins(sys.modules[__name__], Explainer)


def explainer(name: str) -> type[Explainer]:
    """Return the method of that name.

    Raises:
        InvalidInput: there is none; the message lists those there are.
    """
    known = explainers()
    if name not in known:
        raise InvalidInput(f"no explanation method {name!r}; use one of: {', '.join(known)}")
    return known[name]


def resolve(method: type[Explainer], given: Mapping[str, object], *, probes: bool = False) -> dict[str, int]:
    """Return every setting of a method: what was given, checked, else the default.

    Raises:
        InvalidInput: an unknown setting, or a value that is no integer in its range.
    """
    unknown = sorted(set(given) - set(method.settings))
    if unknown:
        raise InvalidInput(f"{method.name} has no setting {unknown[0]!r}; it takes: {', '.join(method.settings)}")
    chosen: dict[str, int] = {}
    for name, setting in method.settings.items():
        default = setting.probes if probes and setting.probes is not None else setting.default
        value = given.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not setting.low <= value <= setting.high:
            raise InvalidInput(f"{name} must be a whole number from {setting.low:,} to {setting.high:,}, got {value!r}")
        chosen[name] = value
    return chosen

"""Reason codes: one decision in plain words that could be sent to the person concerned."""

from collections import Counter
from collections.abc import Mapping, Sequence

from explain.columns import PLAYABLE
from monitor.types import Explanation, Feature, Kind, ModelSchema, Scalar, Task

TOP = 3
LONGEST = 120
"""Characters of a text that are quoted at most."""

MOST_WORDS = 8
"""Words of a text that are named one by one where it would have had to lack them."""

ROUNDING = 1e-6

LEAST = 0.05
"""An input of less than this share of the largest is not worth a sentence."""


def reasons(
    found: Explanation,
    schema: ModelSchema,
    changes: Mapping[str, Scalar] | None,
    other: str = "",
    allowed: Sequence[str] | None = None,
) -> str:
    """Return a few sentences: the answer, what spoke for it and against it, and what would have changed it.

    Args:
        found: an explanation of the decision.
        schema: for titles and units.
        changes: another value for each input of a counterfactual; none where there is none, None where none was sought.
        other: what the decision would have been with them.
        allowed: the inputs that might have changed; None: all.
    """
    rate = schema.task in (Task.BINARY, Task.MULTICLASS) and is_share(found.prediction)
    said = [f"The model's {_output(found, schema)} is {_number(found.prediction, rate, schema)}; "]
    said += [f"on average it is {_number(found.base_value, rate, schema)}."]
    ranked = sorted(_said(found, schema), key=lambda item: -abs(item[1]))
    largest = abs(ranked[0][1]) if ranked else 0.0
    for word, sign in (("raised", 1), ("lowered", -1)):
        told = [
            f"{name} ({_change(amount, rate, schema)})"
            for name, amount in ranked
            if amount * sign > 0 and abs(amount) >= LEAST * largest
        ][:TOP]
        if told:
            said.append(f" What {word} it most: {', '.join(told)}.")
    if changes:
        instead = [_instead(schema, name, value, found.values.get(name)) for name, value in changes.items()]
        said.append(f" It would have been {other or 'another answer'} with {' and '.join(instead)}, all else equal.")
    elif changes is not None:
        said.append(_none_found([each for each in schema.features if allowed is None or each.name in allowed]))
    return "".join(said)


def _none_found(features: Sequence[Feature]) -> str:
    """Say that no change was found, and of what none was tried.

    >>> _none_found([Feature(name="photo", kind=Kind.IMAGE)])
    ' What would have made it another one was not sought: no other image is tried.'
    """
    kinds = dict.fromkeys(each.kind.value for each in features if each.kind not in PLAYABLE)
    untried = f"no other {' or '.join(kinds)} is tried"
    if len(kinds) and all(each.kind not in PLAYABLE for each in features):
        return f" What would have made it another one was not sought: {untried}."
    found = " No small change of the inputs that may change was found that would have made it another one"
    return f"{found}; {untried}." if kinds else f"{found}."


def _instead(schema: ModelSchema, name: str, value: Scalar, own: Scalar) -> str:
    """Say one change: of a text, the words that it would not have had."""
    feature = _feature(schema, name)
    if feature is None or feature.kind is not Kind.TEXT or not isinstance(own, str) or not isinstance(value, str):
        return f"{_named(schema, name)} {_value(schema, name, value)} instead of {_value(schema, name, own)}"
    kept = Counter(value.split())
    gone = [word for word in own.split() if not _taken(kept, word)]
    if len(gone) > MOST_WORDS:
        return f"{_named(schema, name)} lacking {len(gone)} of its {len(own.split())} words"
    return f"{_named(schema, name)} lacking {' and '.join(f'“{word}”' for word in gone)}"


def _taken(kept: Counter[str], word: str) -> bool:
    """Tell whether a word is left, and count it as seen."""
    kept[word] -= 1
    return kept[word] >= 0


def _said(found: Explanation, schema: ModelSchema) -> list[tuple[str, float]]:
    """Return every reason in words and what it contributed: inputs with their values, of one text its words."""
    if len(found.attributions) == 1 and found.parts:
        text = (feature := _feature(schema, found.parts[0].feature)) is not None and feature.kind is Kind.TEXT
        return [(f"“{part.label}”" if text else part.label, part.amount) for part in found.parts]
    return [
        (f"{_named(schema, name)} {_value(schema, name, found.values.get(name))}", amount)
        for name, amount in found.attributions.items()
    ]


def _output(found: Explanation, schema: ModelSchema) -> str:
    return (
        f"estimate of {schema.target}"
        if schema.task is Task.REGRESSION
        else called(found.output, found.prediction, schema)
    )


def _feature(schema: ModelSchema, name: str) -> Feature | None:
    return schema.feature(name)


def _named(schema: ModelSchema, name: str) -> str:
    feature = _feature(schema, name)
    return feature.label if feature else name


def _value(schema: ModelSchema, name: str, value: Scalar) -> str:
    """Write a value with its unit.

    >>> from monitor.types import Kind
    >>> schema = ModelSchema(model="m", task=Task.BINARY, features=(Feature(name="d", kind=Kind.NUMERIC, unit="km"),))
    >>> _value(schema, "d", 1234.5), _value(schema, "d", None)
    ('1,234.5 km', 'missing')
    """
    feature = _feature(schema, name)
    unit = f" {feature.unit}" if feature and feature.unit else ""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float | int):
        text = f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}".removesuffix(".0")
        text = f"{value:.0f}" if isinstance(value, int) and abs(value) < 10_000 else text.replace("-", "−")
        return f"{text}{unit}"
    return f"“{value if len(value) <= LONGEST else value[: LONGEST - 1] + '…'}”{unit}"


def is_share(answer: float) -> bool:
    """Tell whether a classifier's answer may be a probability, and is no raw score.

    >>> is_share(0.7), is_share(1 + 1e-9), is_share(9.04), is_share(-1.2)
    (True, True, False, False)
    """
    return -ROUNDING <= answer <= 1 + ROUNDING


def called(output: str, answer: float, schema: ModelSchema) -> str:
    """Return what an explained output is called: what is no share of one is no probability, whatever the task.

    >>> called("probability of late", 9.04, ModelSchema(model="m", task=Task.BINARY, features=()))
    'raw score of late'
    """
    if schema.task is Task.REGRESSION or is_share(answer):
        return output
    return output.replace("probability of", "raw score of", 1)


def _number(value: float, rate: bool, schema: ModelSchema) -> str:
    if rate:
        return f"{value * 100:.1f} %".replace("-", "−")
    return f"{_digits(value)} {schema.target_unit}".rstrip()


def amount(value: float, schema: ModelSchema) -> str:
    """Return an answer of the model in words: a probability in per cent, a number in its unit.

    >>> amount(1_250_000.0, ModelSchema(model="m", task=Task.REGRESSION, features=(), target_unit="$"))
    '1,250,000 $'
    """
    return _number(value, schema.task in (Task.BINARY, Task.MULTICLASS), schema)


def _change(value: float, rate: bool, schema: ModelSchema) -> str:
    if rate:
        return f"{value * 100:+.1f} points".replace("-", "−")
    return f"{'+' if value > 0 else ''}{_digits(value)} {schema.target_unit}".rstrip()


def _digits(value: float) -> str:
    """Write a number for a letter: no powers of ten, no digits that say nothing.

    >>> _digits(465755.25), _digits(-89810.4), _digits(0.51234), _digits(12.5)
    ('465,755', '−89,810', '0.5123', '12.5')
    """
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return text.replace("-", "−")

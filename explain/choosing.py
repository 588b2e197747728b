"""Which method explains a row where nobody says: by what is known of the model before it is loaded."""

from explain.explainers import explainers
from explain.models import ModelAdapter
from monitor.errors import InvalidInput
from monitor.types import ModelSchema

AUTO = "auto"
"""What to ask for to have the method chosen."""

FALLBACK = "shapley"
"""The method that explains what the chosen one refused."""

ASKED = "it was asked for"


def choose(method: str, schema: ModelSchema, kind: type[ModelAdapter]) -> tuple[str, str]:
    """Return a method's name and why it is that one, in words.

    Args:
        method: what was asked for: a method's name, or `AUTO`.
        schema: which features there are.
        kind: the adapter that loads the model.

    Raises:
        InvalidInput: the method that was asked for cannot explain such a model; the message says why, and which can.
    """
    known = explainers()
    if method != AUTO:
        reason = known[method].suits(schema, kind)
        if reason is not None:
            fit = ", ".join(name for name, why in usable(schema, kind).items() if why is None)
            raise InvalidInput(f"{method} cannot explain {schema.model!r}: {reason}; use one of: {fit}")
        return method, ASKED
    suited = [(cls.preferred(schema, kind), name) for name, cls in known.items() if cls.suits(schema, kind) is None]
    name = max(suited)[1]
    return name, known[name].chosen_because


def usable(schema: ModelSchema, kind: type[ModelAdapter]) -> dict[str, str | None]:
    """Return every method, and why it cannot explain such rows of such a model; None where it can."""
    return {name: cls.suits(schema, kind) for name, cls in explainers().items()}

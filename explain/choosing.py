"""Which method explains a row where nobody says: by what is known of the model before it is loaded."""

from explain.explainers import explainers
from explain.models import ModelAdapter
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
    """
    if method != AUTO:
        return method, ASKED
    known = explainers()
    suited = [(cls.preferred(schema, kind), name) for name, cls in known.items() if cls.suits(schema, kind) is None]
    name = max(suited)[1]
    return name, known[name].chosen_because


def usable(schema: ModelSchema, kind: type[ModelAdapter]) -> dict[str, str | None]:
    """Return every method, and why it cannot explain such rows of such a model; None where it can."""
    return {name: cls.suits(schema, kind) for name, cls in explainers().items()}

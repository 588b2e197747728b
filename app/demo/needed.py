"""What the demo needs beyond capture alone."""

from importlib.util import find_spec

from monitor.errors import Unavailable

PACKAGES = ("torch", "safetensors", "shap", "lime", "streamlit", "plotly", "evidently")


def check() -> None:
    """Look for the packages, without loading them.

    Raises:
        Unavailable: some are not installed.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise Unavailable(
            f"The demo needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed. "
            "In a clone of the project: make demo, or pip install '.[all]'."
        )

"""One HTML file with everything in it: style, figures, and plotly's own script once (4.6 MB in plotly 5.24)."""

import base64
import hashlib
import json
from collections.abc import Callable
from typing import Final

import plotly.graph_objects as go
import plotly.offline

from monitor.charts.recoloured import recoloured
from monitor.charts.style import DARK, LIGHT, Palette
from monitor.reports.assets import SCRIPT, STYLE
from monitor.reports.html import Html, escape

_FONT: Final = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif'


class Page:
    """Collects sections and figures, and writes them as one file that needs nothing else."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._parts: list[Html] = []
        self._figures: list[dict[str, object]] = []

    def add(self, markup: Html) -> None:
        """Add markup below what is there."""
        self._parts.append(markup)

    def figure(self, draw: Callable[[Palette], go.Figure], describe: str) -> Html:
        """Draw a figure for light and for dark pages and return the place it will be shown in.

        Args:
            draw: makes the figure in the colours of a page; those of dark pages are put in the place of light ones.
            describe: what it shows, in words, for those who cannot see it.
        """
        drawn = draw(LIGHT)
        light = _plain(drawn)
        self._figures.append({"light": light, "dark": recoloured(light, LIGHT, DARK)})
        height = int(drawn.layout.height or 220)
        return Html(
            f'<div class="figure" data-figure="{len(self._figures) - 1}" role="img" '
            f'aria-label="{escape(describe)}" style="min-height:{height}px"></div>'
        )

    def render(self) -> str:
        """Return the file's text."""
        scripts = [plotly.offline.get_plotlyjs(), SCRIPT]
        data = script_safe(json.dumps(self._figures))
        return "".join(
            [
                '<!doctype html><html lang="en"><head><meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{policy(scripts)}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">',
                f"<title>{escape(self._title)}</title>",
                f"<style>{STYLE}</style></head><body><main>",
                *self._parts,
                f'</main><script type="application/json" id="figures">{data}</script>',
                *(f"<script>{script}</script>" for script in scripts),
                "</body></html>\n",
            ]
        )


def policy(scripts: list[str]) -> str:
    """Return the content security policy under which exactly these inline scripts run and nothing is fetched."""
    digests = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def script_safe(text: str) -> str:
    r"""Return JSON that cannot end the element it stands in.

    >>> print(script_safe('"</script>"'))
    "\u003c/script\u003e"
    """
    for each in "<>&\u2028\u2029":
        text = text.replace(each, f"\\u{ord(each):04x}")
    return text


def _plain(figure: go.Figure) -> object:
    """The figure as JSON data: without plotly's default template (it would be repeated in each), in the page's font."""
    figure.update_layout(template="none", font={"family": _FONT})
    return json.loads(figure.to_json())

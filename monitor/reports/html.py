"""The little HTML that sections are made of; every text goes through `escape`."""

import html
import unicodedata
from collections.abc import Sequence
from typing import NewType

Html = NewType("Html", str)
"""Markup that is safe to write as it is."""


def escape(text: object) -> Html:
    """Return text as markup that shows exactly it; control and direction characters become visible.

    >>> escape('</script><b a="1">')
    '&lt;/script&gt;&lt;b a=&quot;1&quot;&gt;'
    """
    shown = "".join("�" if unicodedata.category(each)[0] == "C" and each != "\n" else each for each in str(text))
    return Html(html.escape(shown, quote=True))


def tag(name: str, *inside: Html, css: str = "") -> Html:
    """Return an element around markup.

    >>> tag("p", escape("a < b"), css="quiet")
    '<p class="quiet">a &lt; b</p>'
    """
    attribute = f' class="{html.escape(css)}"' if css else ""
    return Html(f"<{name}{attribute}>{''.join(inside)}</{name}>")


def paragraph(text: object, css: str = "") -> Html:
    """Return one paragraph of plain text."""
    return tag("p", escape(text), css=css)


def link(address: str, text: object) -> Html:
    """Return a link; only to http, https, or a page beside this one.

    >>> link("javascript:alert(1)", "x")
    'x'
    """
    known = address.startswith(("http://", "https://")) or (":" not in address and not address.startswith("/"))
    return Html(f'<a href="{html.escape(address, quote=True)}">{escape(text)}</a>') if known else escape(text)


def table(head: Sequence[str], rows: Sequence[Sequence[Html]], *, numbers: frozenset[int] = frozenset()) -> Html:
    """Return a table; the columns in ``numbers`` are aligned right."""

    def cells(kind: str, values: Sequence[Html]) -> Html:
        return Html("".join(tag(kind, each, css="number" if i in numbers else "") for i, each in enumerate(values)))

    body = [tag("tr", cells("td", row)) for row in rows]
    return tag(
        "div",
        tag("table", tag("thead", tag("tr", cells("th", [escape(name) for name in head]))), tag("tbody", *body)),
        css="table",
    )

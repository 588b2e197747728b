"""Text from outside, made safe for Markdown, and states said in words with a colour and an icon."""

import re

from monitor.types import Severity

_LINKED = re.compile(r"(@|://|www)")  # a word joiner behind these keeps addresses from becoming links
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~$:&^@=\"'/])")


def safe(text: object, limit: int = 80) -> str:
    r"""Escape everything Markdown, directives, formulas and links could obey; line breaks become spaces.

    >>> safe("![x](http://a) :red[b]")
    '\\!\\[x\\]\\(http\\:\\/\\/\u2060a\\) \\:red\\[b\\]'
    """
    short = " ".join(str(text).split())
    short = short if len(short) <= limit else short[: limit - 1] + "…"
    short = _LINKED.sub("\\1\u2060", short)
    return _MARKUP.sub(r"\\\1", short)


STATES = {
    "critical": ("red", ":material/error:", "Critical"),
    "warning": ("orange", ":material/warning:", "Warning"),
    "ok": ("green", ":material/check_circle:", "Healthy"),
    "waiting": ("gray", ":material/hourglass_empty:", "Not measured yet"),
}
"""State → colour of its badge, icon, word; the worst first."""

SEVERITY = {
    Severity.CRITICAL: ("red", ":material/error:", "Critical"),
    Severity.WARNING: ("orange", ":material/warning:", "Warning"),
    Severity.INFO: ("blue", ":material/info:", "Note"),
}

REGISTER_SNIPPET = """\
watchglass register {model} --task binary --classes no,yes \\
    --reference reference.parquet --time time --scores score --label label
"""
"""How a model becomes known, with what it is compared with."""

CAPTURE_SNIPPET = """\
import monitor

client = monitor.Client("{url}", model="{model}", version="1")

@client.watch
def predict(inputs):          # your function, unchanged
    return model.predict(inputs)

client.label(ids, values)     # whenever the truth is known
"""
"""What an empty page teaches: the three lines that begin capture."""

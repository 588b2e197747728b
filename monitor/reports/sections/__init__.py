"""The sections of a report, one a file.

To add one: write ``monitor/reports/sections/<name>.py`` with one concrete subclass of `Section` that has a ``name``, a
``title``, a ``place`` and a ``write``. It is found by ``plugins()`` and appears in every report from then on. Write
text through `monitor.reports.html.escape` (or what calls it) and nothing else: column names and values are hostile.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from monitor.reports.facts import Facts
from monitor.reports.html import Html
from monitor.reports.page import Page


class Section(ABC):
    """One part of a report.

    Attributes:
        name: of the plug-in.
        title: its heading.
        place: sections are shown in this order.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    place: ClassVar[int]

    @abstractmethod
    def write(self, facts: Facts, page: Page) -> Html:
        """Return the section's markup below its heading. Where there is nothing to show, say so in a sentence."""

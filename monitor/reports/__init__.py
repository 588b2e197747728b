"""Reports: one self-contained HTML page on a window of a model, and Evidently's page beside it.

`write_report` writes them. A page is made of sections, one a file in ``monitor/reports/sections``; its `Section` says
how to add one. Whatever comes from captured traffic is hostile here: it is escaped where it is written, the page runs
only the scripts it names by their hash, and it fetches nothing.
"""

from monitor.reports.write import write_report

__all__ = ["write_report"]

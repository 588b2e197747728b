"""Charts: pure functions from plain data to plotly figures, shared by the dashboard and the reports.

Every figure has straight lines, bars from zero, gaps where data is missing and at most five series.
"""

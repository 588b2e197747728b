"""Mergeable summaries of rows: everything on the dashboard is computed from these, never from raw traffic."""

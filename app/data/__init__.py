"""What the dashboard shows, read from the running server: the only code in it that touches the store.

Functions take plain keys and return plain data, so that Streamlit can cache them; they ask
:func:`app.runtime.runtime` for the store, the ingest and the clock. What they cost depends on the window and on how
many columns are shown, not on how much traffic was captured.
"""

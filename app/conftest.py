"""Views and the router are scripts that draw when they run: pytest must not import them while it looks for doctests."""

collect_ignore_glob = ["main.py", "views/*.py"]

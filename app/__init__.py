"""The server, the dashboard, the command line and the demo."""

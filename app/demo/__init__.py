"""The demo: a year of real flights through everything Watchglass does, with one fault put in on purpose."""

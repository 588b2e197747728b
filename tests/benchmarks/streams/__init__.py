"""Streams of rows that the statistics bench measures on: real ones from wheels, made ones, and any folder."""

from tests.benchmarks.streams.stream import Stream

__all__ = ["Stream"]

"""Alarms that keep what they promise: an owner sets how many false alarms per 90 chunks are acceptable.

Pure functions of profiles, one concept a file:

- `chunks`, `tallies`, `channels`: what is read off a chunk; `matching`: what it is compared with.
- `null`, `distance`, `heavy`, `columns`, `faults`, `joint`: what it does when nothing is wrong, by reference chunks.
- `memory`: days that resemble the day before; `beside`: columns that move together from day to day.
- `tails`: statistics as z-scores; `evidence`: z-scores as evidence over time, and the dial as its threshold.
- `localise`, `incident`, `detector`: which columns, what is remembered, and all of it together.
- `classifier`: a two-sample test on samples of rows, where all else is silent.
"""

from monitor.detection.chunks import Batch, Chunk, stack
from monitor.detection.detector import Detector
from monitor.detection.incident import Incident, State, rebaseline, snooze
from monitor.detection.readings import Detection, Readings
from monitor.detection.tallies import Tallies

__all__ = [
    "Batch",
    "Chunk",
    "Detection",
    "Detector",
    "Incident",
    "Readings",
    "State",
    "Tallies",
    "rebaseline",
    "snooze",
    "stack",
]

"""The nouns of Watchglass: frozen, without behaviour of their own beyond small readings of themselves.

All times are aware and in UTC. Names of models and rules match ``[a-z0-9_-]{1,64}``;
versions may also hold capitals and dots.
"""

from monitor.types.captured import Inference, Label, LedgerLine
from monitor.types.findings import Alert, Delivery, Explanation, Measurement, Part, Report
from monitor.types.kinds import ALL, OUTPUT, AlertState, Keep, Kind, Scalar, Severity, Status, Task
from monitor.types.models import (
    Channel,
    Event,
    Feature,
    Model,
    ModelSchema,
    OutcomeValues,
    Rule,
    Sampling,
    Settings,
    Tolerance,
    Version,
    Window,
)

__all__ = [
    "ALL",
    "OUTPUT",
    "Alert",
    "AlertState",
    "Channel",
    "Delivery",
    "Event",
    "Explanation",
    "Feature",
    "Inference",
    "Keep",
    "Kind",
    "Label",
    "LedgerLine",
    "Measurement",
    "Model",
    "ModelSchema",
    "OutcomeValues",
    "Part",
    "Report",
    "Rule",
    "Sampling",
    "Scalar",
    "Settings",
    "Severity",
    "Status",
    "Task",
    "Tolerance",
    "Version",
    "Window",
]

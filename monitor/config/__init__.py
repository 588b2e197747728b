"""How one Watchglass is set up: ``watchglass.toml``, overruled by the environment (``WATCHGLASS_…``), typed.

A key of a table is written with two underscores in the environment: ``WATCHGLASS_EXPLAIN__TIMEOUT_S=30``.
"""

from monitor.config.settings import Config, DeadLettersConfig, ExplainConfig, HalvesConfig, SchedulerConfig
from monitor.config.sources import FILE, example_toml, load

__all__ = [
    "FILE",
    "Config",
    "DeadLettersConfig",
    "ExplainConfig",
    "HalvesConfig",
    "SchedulerConfig",
    "example_toml",
    "load",
]

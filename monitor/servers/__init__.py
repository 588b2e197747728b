"""What model servers say of themselves: their Prometheus ``/metrics``, scraped, read and turned into figures over time.

`fetch` gets the text, `series` reads it, `figures` knows what servers call what, `growth` turns counters into rates and
quantiles, and `watch.ServerWatch` does so every few seconds, with this machine's GPUs, in a thread of its own.
"""

from monitor.servers.figures import FIGURES, Figure
from monitor.servers.watch import MACHINE, Scraped, ServerWatch

__all__ = ["FIGURES", "MACHINE", "Figure", "Scraped", "ServerWatch"]

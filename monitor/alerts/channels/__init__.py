"""Ways to reach an owner, one a file.

To add one: write ``monitor/alerts/channels/<name>.py`` with one concrete subclass of `AlertChannel` that has a ``name``
and a ``send``. It is found by ``plugins()``; an owner uses it by writing its name as a channel's ``kind`` in a model's
settings; the conformance tests run on it.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from monitor.types import Alert

_MARKS = {"resolved": "Resolved", "digest": "Digest"}


class AlertChannel(ABC):
    """One way to reach an owner. An instance lives as long as the process and is used by one thread at a time."""

    name: ClassVar[str]

    def check(self, target: str) -> None:  # noqa: B027 - a channel may take any target
        """Refuse a target that no message could ever reach, when it is written down; nothing is sent.

        Raises:
            InvalidInput: it is not of the form this channel takes.
        """

    @abstractmethod
    def send(self, alert: Alert, event: str, target: str) -> None:
        """Deliver one alert, or raise.

        The same (alert, event, target) may be sent again after a crash: pass `idempotency_key` on where the other side
        can use it.

        Args:
            alert: what to say; ``title``, ``body`` and ``link`` are ready to read.
            event: "firing" or "resolved", or "digest" of a message that tells of several alerts.
            target: an address, in the form this channel takes.

        Raises:
            WatchglassError: it did not arrive; the message is shown to the operator. It is tried again later.
        """


def idempotency_key(alert: Alert, event: str) -> str:
    """Name one message, the same however often it is sent."""
    return f"{alert.id}-{event}"


def headline(alert: Alert, event: str) -> str:
    """The first line of a message.

    A resolved alert says so first, because the title still tells what was wrong.
    """
    mark = _MARKS.get(event) or alert.severity.value.capitalize()
    return f"[{mark}] {alert.model}: {alert.title}" if alert.model else f"[{mark}] {alert.title}"

"""Deliver what is due: at least once, each message on its own clock, until it arrives or a day has passed.

A message is enqueued in the transaction that changes its alert, so none is lost; a crash between sending and noting it
sends it once more, under the same idempotency key.
"""

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Final

import monitor.alerts.channels
from monitor.alerts.channels import AlertChannel
from monitor.alerts.digest import DIGEST
from monitor.alerts.rules import as_fired
from monitor.clock import Clock
from monitor.plugins import plugins
from monitor.store import Store
from monitor.types import Alert, Delivery

FIRST_RETRY_S: Final = 30.0
LONGEST_WAIT: Final = timedelta(hours=1)
GIVE_UP: Final = timedelta(hours=24)
LONGEST_SEND_S: Final = 8.0
"""A target that drips its answer byte by byte outlasts every time-out of a socket; it must not hold up the others."""

_log = logging.getLogger(__name__)


def wait(attempts: int) -> timedelta:
    """How long to wait after the given number of failed attempts: doubling from 30 s to an hour.

    >>> [int(wait(attempts).total_seconds()) for attempts in (1, 2, 3, 20)]
    [30, 60, 120, 3600]
    """
    return min(LONGEST_WAIT, timedelta(seconds=FIRST_RETRY_S * 2.0 ** min(attempts - 1, 20)))


class Outbox:
    """Sends due messages through the channels.

    Args:
        store: where messages wait.
        clock: when they are due.
        channels: by name; the plug-ins if not given.
        stopping: once set, nothing more is begun or waited for; what is under way is sent again after the next start.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        channels: Mapping[str, AlertChannel] | None = None,
        stopping: Event | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        found = plugins(monitor.alerts.channels, AlertChannel)
        self._channels = channels or {name: channel() for name, channel in found.items()}
        self._stopping = stopping or Event()
        self._hanging: dict[tuple[str, str], Thread] = {}

    def deliver(self) -> int:
        """Try every message that is due, and return how many arrived.

        After a target has failed once, its other messages wait for the next call: a dead address costs one time-out
        a call, however many messages it has. That an alert is over is never told before that it fired.
        """
        now = self._clock.now()
        arrived = 0
        dead: set[tuple[str, str]] = set()
        for due in self._store.alerts.due_deliveries(now):
            place = (due.channel, due.target)
            if place in dead or self._store.alerts.held_up(due):
                continue
            error = self._send(due)
            if error is None:
                self._store.alerts.delivered(due, now)
                arrived += 1
            elif self._stopping.is_set():
                break
            else:
                dead.add(place)
                self._failed(due, error, now)
        return arrived

    def _send(self, due: Delivery) -> str | None:
        """Try one message; return None if it arrived, else why not."""
        channel = self._channels.get(due.channel)
        if channel is None:
            return f"no channel {due.channel!r}; there are {', '.join(self._channels)}"
        place = (due.channel, due.target)
        before = self._hanging.get(place)
        if before is not None and before.is_alive():
            return "an earlier attempt still hangs"
        alert, errors = self._message(due), list[str]()

        def send() -> None:
            try:
                channel.send(alert, due.event, due.target)
            except Exception as error:  # noqa: BLE001 - a channel is a plug-in: whatever it raises must stop no other
                errors.append(str(error) or type(error).__name__)

        sending = Thread(target=send, name=f"alert-{due.channel}", daemon=True)
        sending.start()
        deadline = time.monotonic() + LONGEST_SEND_S
        while sending.is_alive() and time.monotonic() < deadline and not self._stopping.is_set():
            sending.join(min(0.1, LONGEST_SEND_S))
        if sending.is_alive():
            self._hanging[place] = sending
            return f"no answer within {LONGEST_SEND_S:g} s"
        return errors[0] if errors else None

    def _message(self, due: Delivery) -> Alert:
        """Return what a delivery tells: a digest, or an alert; one that fires as it was when it did."""
        if due.event == DIGEST:
            return self._store.digests.message(due.alert)
        alert = self._store.alerts.alert(due.alert)
        return as_fired(alert) if due.event == "firing" else alert

    def _failed(self, due: Delivery, error: str, now: datetime) -> None:
        """Put a message off, or give it up for good; either shows in its ``error``.

        What a digest would have told is told by the next day's.
        """
        again = now + wait(due.attempts + 1)
        give_up = again > self._store.alerts.enqueued(due) + GIVE_UP
        shown = f"given up after {due.attempts + 1} attempts: {error}" if give_up else error
        with self._store.transaction():
            self._store.alerts.failed(due, shown, None if give_up else again)
            if give_up and due.event == DIGEST:
                self._store.digests.release(due.alert, GIVE_UP)
        level = logging.ERROR if give_up else logging.WARNING
        _log.log(level, "alert %s (%s) through %s: %s", due.alert, due.event, due.channel, shown)

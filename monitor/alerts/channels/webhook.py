"""Alerts as JSON, POSTed to an address of the owner's."""

from typing import ClassVar, Final
from urllib.parse import urlsplit

import msgspec
import urllib3

from monitor.alerts.channels import AlertChannel, headline, idempotency_key
from monitor.errors import InvalidInput, Unavailable
from monitor.types import Alert

TIMEOUT_S: Final = 5.0


class WebhookChannel(AlertChannel):
    """POSTs the alert's fields with ``event`` and ``text``; any 2xx answer means delivered.

    The header ``Idempotency-Key`` is the same at every attempt. Redirects are not followed: an address that moved
    should be corrected, and a redirect must not lead a message elsewhere.
    """

    name: ClassVar[str] = "webhook"

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=timeout_s), retries=False)

    def check(self, target: str) -> None:
        """Take http and https addresses only.

        Raises:
            InvalidInput: the target is none.
        """
        try:
            parts = urlsplit(target)
            named = parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:
            named = False
        if not named:
            raise InvalidInput(f"webhook target is {target!r}; give an address that starts with http:// or https://")

    def send(self, alert: Alert, event: str, target: str) -> None:
        """POST once.

        Raises:
            InvalidInput: the target is not an http or https address.
            Unavailable: no answer in time, or one that is not 2xx.
        """
        self.check(target)
        message = {
            "event": event,
            "text": f"{headline(alert, event)}\n{alert.body}",
            **msgspec.to_builtins(alert),
        }
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": idempotency_key(alert, event),
            "User-Agent": "watchglass",
        }
        try:
            answer = self._pool.request(
                "POST",
                target,
                body=msgspec.json.encode(message),
                headers=headers,
                redirect=False,
                preload_content=False,
            )
            answer.close()  # the body is of no interest and may be endless
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"webhook {urlsplit(target).hostname} did not answer: {error}") from error
        if not 200 <= answer.status < 300:
            raise Unavailable(f"webhook {urlsplit(target).hostname} answered {answer.status}; 2xx means delivered")

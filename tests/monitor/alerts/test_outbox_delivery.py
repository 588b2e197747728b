"""The outbox: at least once, patient, visible when it gives up, and no channel in another's way."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Event, Thread, Timer
from typing import ClassVar

import pytest

from monitor.alerts.channels import AlertChannel
from monitor.alerts.channels.apprise import AppriseChannel
from monitor.alerts.channels.log import LogChannel
from monitor.alerts.channels.webhook import WebhookChannel
from monitor.alerts.outbox import Outbox
from monitor.clock import ManualClock
from monitor.errors import InvalidInput, Unavailable
from monitor.store import Store
from monitor.types import Alert, AlertState, Severity, Window

APPRISE_WARNS = pytest.mark.filterwarnings(
    "ignore:'imghdr' is deprecated:DeprecationWarning"
)  # its import, on 3.11, 3.12
START = datetime(2013, 7, 1, tzinfo=UTC)


def alert(number: int = 0, **changes: object) -> Alert:
    given: dict[str, object] = {
        "id": f"a{number:03}",
        "model": "flights",
        "version": "1",
        "rule": "data-fault",
        "severity": Severity.CRITICAL,
        "state": AlertState.FIRING,
        "metric": "quality.null_share",
        "feature": "visib",
        "segment": "all",
        "title": "Visibility: 20 % of values are missing",
        "body": "Two lines\nof words",
        "link": "http://here/feature?x=1",
        "value": 0.2,
        "threshold": 0.05,
        "window": Window(START - timedelta(days=1), START),
        "since": START - timedelta(days=1),
        "updated": START,
        "owner": "ops",
    }
    return Alert(**(given | changes))  # type: ignore[arg-type]


class Flaky(AlertChannel):
    """Fails a number of times, then notes what it is given."""

    name: ClassVar[str] = "flaky"

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.attempts = 0
        self.sent: list[tuple[str, str, str]] = []

    def send(self, alert: Alert, event: str, target: str) -> None:
        self.attempts += 1
        if self.failures:
            self.failures -= 1
            raise ValueError("not today")
        self.sent.append((alert.id, event, target))


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.open(":memory:") as store:
        yield store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def enqueue(store: Store, number: int, channel: str, target: str = "t", event: str = "firing") -> None:
    with store.transaction():
        store.alerts.put(alert(number))
        store.alerts.enqueue(alert(number), event, channel, target)


def test_that_it_fired_is_told_first_and_as_it_was(store: Store, clock: ManualClock) -> None:
    """The receiver was down from before the alert fired until after it was over."""

    class Listening(Flaky):
        def send(self, alert: Alert, event: str, target: str) -> None:
            super().send(alert, event, target)
            told.append((event, alert.state, alert.body))

    told: list[tuple[str, AlertState, str]] = []
    outbox = Outbox(store, clock, {"flaky": Listening(failures=4)})
    enqueue(store, 1, "flaky")
    for seconds in (0, 30, 90, 210):
        clock.advance(START + timedelta(seconds=seconds))
        assert outbox.deliver() == 0  # four attempts, the next after 240 s
    clock.advance(START + timedelta(seconds=240))
    over = alert(
        1, state=AlertState.RESOLVED, resolved=clock.now(), body="Back to normal.\n\nIt was:\nTwo lines\nof words"
    )
    with store.transaction():
        store.alerts.put(over)
        store.alerts.enqueue(over, "resolved", "flaky", "t")
    assert outbox.deliver() == 0
    clock.advance(START + timedelta(seconds=600))
    assert outbox.deliver() == 2
    assert told == [
        ("firing", AlertState.FIRING, "Two lines\nof words"),
        ("resolved", AlertState.RESOLVED, over.body),
    ]


def test_that_it_is_over_is_told_though_that_it_fired_never_arrived(store: Store, clock: ManualClock) -> None:
    enqueue(store, 1, "flaky")
    outbox = Outbox(store, clock, {"flaky": Flaky(failures=1)})
    clock.advance(START + timedelta(hours=24))
    outbox.deliver()  # given up
    with store.transaction():
        store.alerts.enqueue(alert(1), "resolved", "flaky", "t")
    assert outbox.deliver() == 1


def test_delivers_once_and_both_events(store: Store, clock: ManualClock) -> None:
    channel = Flaky()
    outbox = Outbox(store, clock, {"flaky": channel})
    enqueue(store, 1, "flaky")
    assert (outbox.deliver(), outbox.deliver()) == (1, 0)
    enqueue(store, 1, "flaky", event="resolved")
    assert outbox.deliver() == 1
    assert channel.sent == [("a001", "firing", "t"), ("a001", "resolved", "t")]


def test_waits_longer_after_each_failure_then_arrives(store: Store, clock: ManualClock) -> None:
    channel = Flaky(failures=3)
    outbox = Outbox(store, clock, {"flaky": channel})
    enqueue(store, 1, "flaky")
    waited = []
    last = START
    for second in range(0, 400, 5):
        clock.advance(START + timedelta(seconds=second))
        if outbox.deliver() or channel.attempts > len(waited):
            waited.append((clock.now() - last).total_seconds())
            last = clock.now()
    assert waited == [0, 30, 60, 120]
    (delivery,) = store.alerts.deliveries()
    assert (delivery.attempts, delivery.error) == (4, None)
    assert delivery.delivered is not None


def test_gives_up_after_a_day_and_shows_why(store: Store, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    channel = Flaky(failures=10_000)
    outbox = Outbox(store, clock, {"flaky": channel})
    enqueue(store, 1, "flaky")
    for minutes in range(0, 30 * 60, 5):
        clock.advance(START + timedelta(minutes=minutes))
        outbox.deliver()
    (delivery,) = store.alerts.deliveries()
    assert delivery.delivered is None
    assert delivery.error == f"given up after {delivery.attempts} attempts: not today"
    assert 25 <= delivery.attempts <= 40
    assert channel.attempts == delivery.attempts, "nothing is tried after that"
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1


def test_a_dead_target_costs_one_attempt_a_call_and_holds_up_no_other(store: Store, clock: ManualClock) -> None:
    dead, good = Flaky(failures=10_000), Flaky()
    outbox = Outbox(store, clock, {"dead": dead, "good": good})
    for number in range(20):
        enqueue(store, number, "dead")
        enqueue(store, number, "good")
    assert outbox.deliver() == 20
    assert dead.attempts == 1


def test_one_dead_address_holds_up_no_other_of_its_channel(store: Store, clock: ManualClock) -> None:
    class Picky(Flaky):
        def send(self, alert: Alert, event: str, target: str) -> None:
            if target == "bad":
                raise ValueError("bad")
            super().send(alert, event, target)

    outbox = Outbox(store, clock, {"flaky": Picky()})
    enqueue(store, 1, "flaky", "bad")
    enqueue(store, 1, "flaky", "good")
    assert outbox.deliver() == 1


def test_an_unknown_channel_is_told_not_lost(store: Store, clock: ManualClock) -> None:
    outbox = Outbox(store, clock)
    enqueue(store, 1, "pigeon")
    assert outbox.deliver() == 0
    (delivery,) = store.alerts.deliveries()
    assert delivery.error == "no channel 'pigeon'; there are apprise, log, webhook"


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is posted; answers as it is told."""

    got: ClassVar[list[tuple[dict[str, str], dict[str, object]]]] = []
    answer: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((dict(self.headers), json.loads(body)))
        self.send_response(self.answer)
        if 300 <= self.answer < 400:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Keep the tests' output quiet."""


@pytest.fixture
def receiver() -> Iterator[str]:
    Receiver.got, Receiver.answer = [], 200
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_webhook_posts_everything_with_the_same_key_at_every_attempt(receiver: str) -> None:
    channel = WebhookChannel()
    for event in ("firing", "firing", "resolved"):
        channel.send(alert(), event, receiver)
    headers, message = Receiver.got[0]
    assert [each["Idempotency-Key"] for each, _ in Receiver.got] == ["a000-firing", "a000-firing", "a000-resolved"]
    assert headers["Content-Type"] == "application/json"
    assert (message["event"], message["severity"], message["feature"], message["value"]) == (
        "firing",
        "critical",
        "visib",
        0.2,
    )
    assert message["text"] == "[Critical] flights: Visibility: 20 % of values are missing\nTwo lines\nof words"
    assert str(Receiver.got[2][1]["text"]).startswith("[Resolved]")


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_the_webhook_takes_only_2xx_and_follows_no_redirect(receiver: str, answer: int) -> None:
    Receiver.answer = answer
    with pytest.raises(Unavailable, match=f"answered {answer}"):
        WebhookChannel().send(alert(), "firing", receiver)
    assert len(Receiver.got) == 1


@pytest.mark.parametrize("target", ["", "ftp://x/y", "file:///etc/passwd", "http://", "here"])
def test_the_webhook_refuses_what_is_no_web_address(target: str) -> None:
    with pytest.raises(InvalidInput, match="http"):
        WebhookChannel().send(alert(), "firing", target)


def test_the_webhook_tells_when_nobody_answers(receiver: str) -> None:
    with pytest.raises(Unavailable, match="did not answer"):
        WebhookChannel(timeout_s=0.5).send(alert(), "firing", "http://127.0.0.1:9/hook")


def test_the_log_writes_one_line_whatever_was_captured(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "watchglass.alerts"):
        LogChannel().send(alert(feature="a\nCRITICAL forged"), "firing", "")
        LogChannel().send(alert(), "resolved", "")
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL, logging.INFO]
    assert not [record for record in caplog.records if "\n" in record.getMessage()]


@APPRISE_WARNS
def test_apprise_sends_through_its_services(receiver: str) -> None:
    AppriseChannel().send(alert(), "firing", receiver.replace("http://", "json://"))
    _, message = Receiver.got[0]
    assert message["title"] == "[Critical] flights: Visibility: 20 % of values are missing"
    assert message["type"] == "failure"


@APPRISE_WARNS
def test_apprise_tells_what_it_cannot_do(receiver: str) -> None:
    with pytest.raises(InvalidInput, match="apprise"):
        AppriseChannel().send(alert(), "firing", "nonsense")
    Receiver.answer = 500
    with pytest.raises(Unavailable):
        AppriseChannel().send(alert(), "firing", receiver.replace("http://", "json://"))


class Hanging(Flaky):
    """Does not come back until it is let go."""

    name: ClassVar[str] = "hanging"

    def __init__(self) -> None:
        super().__init__()
        self.go = Event()

    def send(self, alert: Alert, event: str, target: str) -> None:
        self.attempts += 1
        self.go.wait(300)


def test_a_target_that_never_comes_back_holds_up_nothing_and_is_not_piled_upon(
    store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a server that drips its answer byte by byte does, which no time-out of a socket ends."""
    monkeypatch.setattr("monitor.alerts.outbox.LONGEST_SEND_S", 2.0)  # the other one must come back in it
    hanging, other = Hanging(), Flaky()
    outbox = Outbox(store, clock, {"hanging": hanging, "flaky": other})
    enqueue(store, 1, "hanging")
    enqueue(store, 2, "flaky")
    try:
        assert outbox.deliver() == 1
        clock.advance(START + timedelta(minutes=10))
        assert outbox.deliver() == 0
        assert hanging.attempts == 1, "the first attempt is not over"
        [delivery] = store.alerts.deliveries("a001")
        assert (delivery.attempts, delivery.error) == (2, "an earlier attempt still hangs")
    finally:
        hanging.go.set()


def test_a_server_that_stops_waits_for_no_target_and_sends_again_later(store: Store, clock: ManualClock) -> None:
    hanging, stopping = Hanging(), Event()
    enqueue(store, 1, "hanging")
    stopper = Timer(0.05, stopping.set)
    stopper.start()
    try:
        assert Outbox(store, clock, {"hanging": hanging}, stopping).deliver() == 0
        stopper.join()
    finally:
        hanging.go.set()
    again = Flaky()
    assert Outbox(store, clock, {"hanging": again}).deliver() == 1
    assert [sent[0] for sent in again.sent] == ["a001"]

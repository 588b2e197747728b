"""What every alert channel promises, whatever it is: a name that is its file's, and that a bad target is told."""

import inspect
from datetime import UTC, datetime
from pathlib import Path

import pytest

import monitor.alerts.channels
from monitor.alerts.channels import AlertChannel
from monitor.errors import WatchglassError
from monitor.plugins import plugins
from monitor.types import Alert, AlertState, Severity, Window

NOON = datetime(2013, 7, 1, 12, tzinfo=UTC)
HOSTILE = Alert(
    id="a1",
    model="m",
    version="1",
    rule="r",
    severity=Severity.WARNING,
    state=AlertState.FIRING,
    metric="quality.null_share",
    feature="</script>\r\nX-Header: 1",
    segment="all",
    title="</script> %s {} \u202e",
    body="line\r\nline",
    link="http://127.0.0.1/x?a=1&b=2",
    value=0.5,
    threshold=0.1,
    window=Window(NOON, NOON),
    since=NOON,
    updated=NOON,
)
CHANNELS = plugins(monitor.alerts.channels, AlertChannel)  # type: ignore[type-abstract] # what is searched by
ADDRESSED = sorted(set(CHANNELS) - {"log"})


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_is_named_as_its_file_and_made_without_arguments(name: str) -> None:
    cls = CHANNELS[name]
    assert Path(inspect.getfile(cls)).stem == name
    assert cls().name == name
    assert cls.__doc__


@pytest.mark.parametrize("event", ["firing", "resolved"])
def test_the_log_takes_hostile_alerts_without_an_address(event: str) -> None:
    CHANNELS["log"]().send(HOSTILE, event, "")


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # importing apprise on 3.11, 3.12
@pytest.mark.parametrize("target", ["", "not an address", "file:///etc/passwd", "http://127.0.0.1:9/closed"])
@pytest.mark.parametrize("name", ADDRESSED)
def test_an_address_that_cannot_work_raises_an_error_people_can_read(name: str, target: str) -> None:
    with pytest.raises(WatchglassError) as raised:
        CHANNELS[name]().send(HOSTILE, "firing", target)
    assert len(str(raised.value)) > 10

"""What wakes an owner and what waits for the digest: told once each, over restarts too, at real addresses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from wg_sinks import Hook, Mailbox, mail, web
from wg_world import START, World

from monitor.alerts.announce import announce, digest_due
from monitor.alerts.digest import MOST_LINES, digest, gather
from monitor.alerts.outbox import Outbox
from monitor.alerts.rules import Change, closed
from monitor.clock import ManualClock
from monitor.store import Store
from monitor.types import ALL, Alert, AlertState, Channel, Measurement, Model, Rule, Severity, Window

NOON, SIX = START + timedelta(hours=12), START + timedelta(days=1, hours=6)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "store", reference_days=0, dial=1.0)
    yield world
    world.store.close()


def to(world: World, *targets: str, hour: int | None = 6, rules: tuple[Rule, ...] | None = None) -> Model:
    channels = tuple(Channel(kind="apprise" if "mailto" in each else "webhook", target=each) for each in targets)
    settings = replace(world.model.settings, channels=channels, digest_hour=hour, rules=rules)
    model = replace(world.model, settings=settings)
    world.store.catalog.put_model(model)
    return model


def incident(name: str, *, fault: bool = False, rule: str = "detector", since: datetime = START) -> Alert:
    return Alert(
        id=f"id-{name}",
        model="flights",
        version="1",
        rule=rule,
        severity=Severity.CRITICAL if fault else Severity.WARNING,
        state=AlertState.FIRING,
        metric="detection.evidence",
        feature=name,
        segment=ALL,
        title=f"{name} has changed",
        body=f"What happened.\nhttp://wg/feature?feature={name}",
        link=f"http://wg/feature?feature={name}",
        value=1.5,
        threshold=1.0,
        window=Window(since, since + timedelta(days=1)),
        since=since,
        updated=since,
        owner="ops",
        columns=(name,),
    )


def shifts(world: World, **impacts: float) -> None:
    """Measure how much the shift of each column matters on the first day."""
    day = {"model": "flights", "version": "1", "metric": "impact.shift", "window": world.window(0), "rows": 9}
    world.store.measurements.put([Measurement(**day, feature=name, value=value) for name, value in impacts.items()])


def fire(store: Store, model: Model, *alerts: Alert, now: datetime = NOON) -> list[Alert]:
    with store.transaction():
        return [announce(store, model, Change("firing", each), now) for each in alerts]


def deliver(store: Store, now: datetime) -> int:
    gather(store, now, "http://wg")
    return Outbox(store, ManualClock(now)).deliver()


def test_a_hard_fault_pages_at_once_and_drift_waits_for_one_message_ranked_by_impact(world: World) -> None:
    shifts(world, temp=0.002, visib=-0.03, wind=0.01)
    with web() as address:
        model = to(world, address)
        given = [incident("temp"), incident("visib"), incident("broken", fault=True), incident("wind")]
        told = fire(world.store, model, *given)
        assert [each.paged for each in told] == [False, False, True, False]
        assert told[2].because == "Paged because it is a hard fault: data is broken, whatever the labels will say."
        assert told[0].because.startswith("In the digest because nothing is known to be harmed")
        assert told[1].impact == -0.03
        assert (deliver(world.store, NOON), deliver(world.store, SIX - timedelta(minutes=1))) == (1, 0)
        assert Hook.got[0][1]["event"] == "firing"
        assert told[2].because in str(Hook.got[0][1]["text"])
        *_, way, here = str(Hook.got[0][1]["text"]).split("\n")
        assert (way, here) == (f"Alert: {here.partition('/feature')[0]}/alerts?alert={told[2].id}", told[2].link)
        assert (deliver(world.store, SIX), deliver(world.store, SIX + timedelta(days=1))) == (1, 0)
    assert len(Hook.got) == 2
    message = Hook.got[1][1]
    assert (message["event"], message["model"]) == ("digest", "flights")
    assert message["incidents"] == ["id-temp", "id-visib", "id-wind"]
    lines = [line for line in str(message["body"]).splitlines() if line[:1].isdigit()]
    assert [line.split()[1] for line in lines] == ["visib", "wind", "temp"]
    assert str(message["text"]).startswith("[Digest] flights: 3 incidents that wake nobody")


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_a_page_and_a_digest_arrive_by_mail(world: World) -> None:
    with mail() as address:
        model = to(world, address)
        fire(world.store, model, incident("temp"), incident("broken", fault=True))
        assert (deliver(world.store, NOON), deliver(world.store, SIX)) == (1, 1)
    subjects = [str(message["Subject"]) for message in Mailbox.got]
    assert subjects == ["[Critical] flights: broken has changed", "[Digest] flights: 1 incident that wakes nobody"]
    assert "temp has changed" in str(Mailbox.got[1].get_payload(decode=True))


def test_no_restart_tells_anything_twice_or_forgets_it(tmp_path: Path) -> None:
    """The store is closed and opened between every two steps, and every step is done twice."""
    with web() as address:
        world = World(tmp_path / "again", reference_days=0, dial=1.0)
        model = to(world, address)
        world.store.close()
        for _ in range(2):
            with Store.open(tmp_path / "again") as store:
                fire(store, model, incident("temp"), incident("broken", fault=True))
        for now in (NOON, NOON, SIX, SIX, SIX + timedelta(days=1)):
            with Store.open(tmp_path / "again") as store:
                gather(store, now, "http://wg")
            with Store.open(tmp_path / "again") as store:
                Outbox(store, ManualClock(now)).deliver()
    assert [(message["event"], message.get("incidents")) for _, message in Hook.got] == [
        ("firing", []),
        ("digest", ["id-temp"]),
    ]


def test_a_crash_between_sending_and_noting_it_sends_the_same_key_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a receiver that heeds the key has it once."""
    with web() as address:
        fire(world.store, to(world, address), incident("temp"))
        with monkeypatch.context() as patched:
            patched.setattr(type(world.store.alerts), "delivered", _crash)
            with pytest.raises(InterruptedError):
                deliver(world.store, SIX)
        assert deliver(world.store, SIX) == 1
    assert len({key for key, _ in Hook.got}) == 1
    assert len(Hook.got) == 2


def _crash(*_: object) -> None:
    raise InterruptedError


def test_a_digest_that_does_not_arrive_is_tried_again_and_then_told_by_a_later_one(world: World) -> None:
    with web() as address:
        model = to(world, address)
        Hook.answer = 500
        fire(world.store, model, incident("temp"))
        assert deliver(world.store, SIX) == 0
        assert deliver(world.store, SIX + timedelta(seconds=30)) == 0
        assert len(Hook.got) == 2
        assert deliver(world.store, SIX + timedelta(hours=24)) == 0  # given up
        assert "given up after 3 attempts" in str(world.store.alerts.deliveries("id-temp")[0].error)
        Hook.answer = 200
        fire(world.store, model, incident("wind"), now=SIX + timedelta(hours=1))
        assert deliver(world.store, SIX + timedelta(hours=25)) == 1
        assert deliver(world.store, SIX + timedelta(days=3)) == 0
    assert Hook.got[-1][1]["incidents"] == ["id-temp", "id-wind"]


def test_an_address_that_is_taken_away_is_told_nothing_more_and_the_new_one_all(world: World) -> None:
    """What waits, and what never arrived, goes where the owner wants it now; what was told there is not told again."""
    with web() as address:
        old, kept, new = (f"{address}?{name}" for name in ("old", "kept", "new"))
        model = to(world, old, kept)
        fire(world.store, model, incident("temp"))
        to(world, kept, new)
        assert deliver(world.store, SIX) == 2
        assert deliver(world.store, SIX + timedelta(days=1)) == 0
    assert sorted(each.target for each in world.store.alerts.deliveries()) == [kept, new]


def test_the_end_of_a_digest_incident_is_a_line_too_and_only_one_if_it_was_short(world: World) -> None:
    with web() as address:
        model = to(world, address)
        [long, short] = fire(world.store, model, incident("temp"), incident("wind"))
        _end(world.store, model, short, NOON + timedelta(hours=1))
        assert deliver(world.store, SIX) == 1
        _end(world.store, model, long, SIX + timedelta(hours=1))
        assert deliver(world.store, SIX + timedelta(days=1)) == 1
    first, second = (str(message["body"]) for _, message in Hook.got)
    assert first.count("has changed") == 2
    assert first.count("over since") == 1
    assert (second.count("has changed"), second.count("over since")) == (1, 1)


def _end(store: Store, model: Model, alert: Alert, now: datetime) -> None:
    with store.transaction():
        announce(store, model, closed(alert, "Back to normal.", now), now)


def test_models_of_one_address_share_a_digest(world: World) -> None:
    with web() as address:
        model = to(world, address)
        fire(world.store, model, incident("temp"), replace(incident("wind"), model="taxis"))
        assert deliver(world.store, SIX) == 1
    message = Hook.got[0][1]
    assert message["title"] == "2 incidents that wake nobody, of 2 models"
    assert "flights: 1" in str(message["body"])
    assert "taxis: 1" in str(message["body"])


def test_a_channel_for_critical_alerts_gets_no_digest(world: World) -> None:
    with web() as address:
        model = to(world, address)
        pager = Channel(kind="webhook", target=address, min_severity=Severity.CRITICAL)
        model = replace(model, settings=replace(model.settings, channels=(pager,)))
        fire(world.store, model, incident("temp"))
        assert deliver(world.store, SIX) == 0


def test_without_a_digest_everything_is_told_at_once(world: World) -> None:
    with web() as address:
        [told] = fire(world.store, to(world, address, hour=None), incident("temp"))
        assert told.because == "Told at once because the digest is turned off (settings.digest_hour)."
        assert deliver(world.store, NOON) == 1
    assert Hook.got[0][1]["event"] == "firing"


def test_a_rule_that_the_owner_wrote_pages(world: World) -> None:
    rule = Rule(name="mine", metric="drift.psi", threshold=0.1)
    [told] = fire(world.store, to(world, "http://127.0.0.1:9/x", rules=(rule,)), incident("temp", rule="mine"))
    assert (told.paged, told.because) == (True, "Paged because a rule that the owner wrote asks for it.")


def test_a_digest_of_hundreds_says_how_many_it_leaves_out() -> None:
    given = [incident(f"c{number}") for number in range(MOST_LINES + 7)]
    message = digest(given, "log", "", SIX, "http://wg")
    assert message.body.count("has changed") == MOST_LINES
    assert "… and 7 more." in message.body


@pytest.mark.parametrize("hour", [0, 6, 23])
def test_the_digest_is_due_once_a_day(world: World, hour: int) -> None:
    model = to(world, hour=hour)
    due = digest_due(model, NOON)
    assert NOON < due <= NOON + timedelta(days=1)
    assert due.hour == hour
    assert digest_due(model, due) == due + timedelta(days=1)

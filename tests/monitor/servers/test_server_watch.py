"""Servers are asked over real HTTP: what they say is kept, what fails is a state, and nobody else can be reached."""

import gzip
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import urllib3

from monitor.clock import ManualClock
from monitor.config.address import check_address
from monitor.errors import InvalidInput, Unavailable
from monitor.gpu import Gpu, Gpus
from monitor.servers import MACHINE, ServerWatch
from monitor.servers.fetch import fetch
from monitor.store import Store
from monitor.store.samples import Sample
from monitor.types import Feature, Kind, Model, ModelSchema, Settings, Task, Version, Window
from tests.waiting import until

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
PAGE = """
request_predict_seconds_count{{model_name="flights"}} {n}
request_predict_seconds_sum{{model_name="flights"}} {s}
process_resident_memory_bytes 1048576
"""


class Reader:
    """Plays a machine with GPUs, or a reason why there are none."""

    def __init__(self, found):
        self.found, self.closed = found, False

    def read(self):
        return self.found

    def close(self):
        self.closed = True


@pytest.fixture
def world(server):
    schema = ModelSchema(model="flights", task=Task.REGRESSION, features=(Feature(name="x", kind=Kind.NUMERIC),))
    with Store.open(":memory:") as store:
        store.catalog.put_model(
            Model(name="flights", schema=schema, settings=Settings(metrics_url=server.url), created=NOON)
        )
        clock = ManualClock(NOON)
        watch = ServerWatch(store, clock, hosts=["127.0.0.1"], gpus=Reader(Gpus(state="none here")))
        yield SimpleNamespace(store=store, clock=clock, watch=watch, server=server)
        watch.stop()


def kept(world, model="flights"):
    window = Window(NOON - timedelta(days=400), NOON + timedelta(days=400))
    return {(each.metric, each.part): each.value for each in world.store.samples.query(model, window)}


def test_two_pages_become_rates_and_means(world):
    world.server.body = PAGE.format(n=100, s=1.0)
    world.watch.tick()
    assert kept(world) == {("memory_mb", ""): 1.0}
    world.clock.advance(NOON + timedelta(seconds=20))
    world.server.body = PAGE.format(n=140, s=1.2)
    world.watch.tick()
    assert kept(world) == {
        ("memory_mb", ""): 1.0,
        ("requests", ""): 2.0,
        ("compute_ms", ""): pytest.approx(5.0),
    }
    (state,) = world.watch.states("flights")
    assert (state.server, state.error, state.answered) == ("KServe", "", world.clock.now())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": 503}, "answered 503"),
        ({"status": 302, "location": "http://169.254.169.254/"}, "not followed"),
        ({"body": "x" * (4 * 2**20 + 1)}, "larger than 4 MiB"),
        ({"body": gzip.compress(b"x" * 10**8), "encoding": "gzip"}, "larger than 4 MiB"),
        ({"drip": True}, "longer than"),
        ({"body": 'http_requests_total{a="b" c'}, "Prometheus"),
        ({"body": "<html>hello</html>"}, "nothing that is known"),
    ],
)
def test_a_failure_is_a_state_with_its_reason_and_over_when_it_is_over(world, monkeypatch, change, said):
    monkeypatch.setattr("monitor.servers.fetch.SECONDS", 60)
    world.server.body = PAGE.format(n=1, s=1)
    world.watch.tick()
    for name, value in change.items():
        setattr(world.server, name, value)
    world.clock.advance(NOON + timedelta(seconds=20))
    with monkeypatch.context() as impatient:
        if "drip" in change:
            impatient.setattr("monitor.servers.fetch.SECONDS", 0.5)
        world.watch.tick()
    (state,) = world.watch.states("flights")
    assert said in state.error
    assert state.server
    world.server.over.set()
    world.server.status, world.server.body, world.server.encoding, world.server.drip = 200, PAGE.format(n=2, s=2), "", 0
    world.watch.tick()
    (state,) = world.watch.states("flights")
    assert (state.error, state.answered) == ("", world.clock.now())


def test_a_server_that_is_gone_says_so(world):
    world.server.close()
    world.watch.tick()
    (state,) = world.watch.states("flights")
    assert "does not answer" in state.error
    assert state.answered is None


def test_only_listed_hosts_are_asked_however_the_address_came_here(world):
    """The list is looked at again at each round: what was written before it changed is not asked."""
    model = world.store.catalog.model("flights")
    for url in ("http://169.254.169.254/latest", "file:///etc/passwd", "http://127.0.0.1@evil.example/", "http://[::1"):
        with pytest.raises(InvalidInput):
            check_address(url, ["127.0.0.1"], "metrics_url")
    closed = ServerWatch(world.store, world.clock, hosts=["elsewhere"], gpus=Reader(Gpus()))
    closed.tick()
    assert "is not allowed" in closed.states(model.name)[0].error
    assert world.server.asked == []
    closed.stop()


def test_a_version_may_have_a_server_of_its_own(world):
    world.server.body = PAGE.format(n=1, s=1)
    endpoint = {"url": "http://127.0.0.1:1/v2/models/flights/infer", "metrics_url": f"{world.server.url}?v=2"}
    world.store.catalog.put_version(Version(model="flights", version="2", created=NOON, endpoint=endpoint))
    world.watch.tick()
    assert sorted(world.server.asked) == ["/metrics", "/metrics?v=2"]
    assert [state.source for state in world.watch.states("flights")] == ["server", "version 2"]
    window = Window(NOON, NOON + timedelta(days=1))
    assert {each.source for each in world.store.samples.query("flights", window)} == {"server", "version 2"}


def test_gpus_of_this_machine_are_kept_beside(world):
    assert world.watch.gpus is None
    gpu = Gpu(index=0, name="NVIDIA L4", utilisation=0.5, memory_used_mb=100.0, power_w=None)
    world.watch._gpus = Reader(Gpus((gpu,)))
    world.watch.tick()
    assert world.watch.gpus.devices == (gpu,)
    assert kept(world, MACHINE) == {
        ("gpu_utilisation", "0 NVIDIA L4"): 0.5,
        ("gpu_memory_used_mb", "0 NVIDIA L4"): 100.0,
    }


def test_the_thread_asks_and_ends(world):
    world.server.body = PAGE.format(n=1, s=1)
    watch = ServerWatch(world.store, world.clock, hosts=["127.0.0.1"], every_seconds=0.01, gpus=Reader(Gpus()))
    watch.start()
    assert watch.running
    until(lambda: len(world.server.asked) >= 3)
    watch.stop()
    assert not watch.running


def test_what_is_old_is_kept_by_the_hour_and_then_no_more(world):
    """However often it is thinned: one mean an hour beyond a day, nothing beyond the days that are kept."""
    samples = [
        Sample(model="flights", source="server", metric="requests", part="", time=at, value=float(place))
        for place, at in enumerate(NOON - timedelta(minutes=10 * back) for back in range(6 * 24 * 4))
    ]
    world.store.samples.add(samples)
    window = Window(NOON - timedelta(days=10), NOON + timedelta(days=1))
    for _ in range(2):
        world.store.samples.thin(NOON, 3)
        found = world.store.samples.query("flights", window)
        fine = [each for each in found if each.time >= NOON - timedelta(hours=24)]
        old = [each for each in found if each.time < NOON - timedelta(hours=24)]
        assert len(fine) == 6 * 24 + 1
        assert len(old) == 48
        hour = [each.value for each in samples if timedelta(0) <= each.time - old[-1].time < timedelta(hours=1)]
        assert old[-1].value == sum(hour) / len(hour)
        assert found[0].time >= NOON - timedelta(days=3)


def test_an_answer_that_is_not_read_to_its_end_is_not_taken_for_the_next(server):
    pool = urllib3.PoolManager()
    server.body = "x" * (5 * 2**20)
    with pytest.raises(Unavailable, match="larger"):
        fetch(server.url, pool)
    server.body = "short"
    assert fetch(server.url, pool) == "short"
    pool.clear()

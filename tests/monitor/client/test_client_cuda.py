"""CUDA calls: events and copies in the right order, on the right streams, and no wait on the request's thread."""

import threading
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from monitor.client.devices import MIB, CudaSpan, Devices, Peaks
from monitor.client.torch import request_id, watch


class Cuda:
    """Plays torch.cuda: a device that runs what it is given only when told to, and keeps a log of what was asked."""

    def __init__(self):
        self.log = []
        self.done = threading.Event()
        self.now = 0.0
        self.peak = 100 * MIB
        self.resets = 0
        self.capturing = False
        self.stream_now = "main"
        owner = self

        class Event:
            def __init__(self, enable_timing=False):
                self.timing, self.at = enable_timing, None

            def record(self, stream):
                owner.now += 2.5
                self.at = owner.now
                owner.log.append(("record", str(stream)))

            def query(self):
                return owner.done.is_set()

            def elapsed_time(self, other):
                assert self.timing
                assert other.timing
                return other.at - self.at

            def synchronize(self):
                raise AssertionError("nobody may wait for the device")

        class Stream:
            def __init__(self, device):
                self.device = device

            def wait_stream(self, other):
                owner.log.append(("side waits for", str(other)))

            def __str__(self):
                return "side"

        self.Event, self.Stream = Event, Stream

    def current_stream(self, device=None):
        return self.stream_now

    def stream(self, stream):
        owner = self

        class On:
            def __enter__(self):
                self.before, owner.stream_now = owner.stream_now, str(stream)

            def __exit__(self, *_):
                owner.stream_now = self.before

        return On()

    def is_current_stream_capturing(self):
        return self.capturing

    def reset_peak_memory_stats(self, device):
        self.resets += 1
        self.peak = 0

    def max_memory_allocated(self, device):
        return self.peak

    def synchronize(self, *_):
        raise AssertionError("nobody may wait for the device")


class Tensor:
    """A tensor said to be on CUDA; its values are on the CPU."""

    def __init__(self, held, cuda):
        self.held, self.cuda = held, cuda
        self.device = SimpleNamespace(type="cuda")
        self.shape, self.dtype = held.shape, held.dtype

    def detach(self):
        return self

    def clone(self):
        self.cuda.log.append(("clone", self.cuda.stream_now))
        return Tensor(self.held.clone(), self.cuda)

    def record_stream(self, stream):
        self.cuda.log.append(("kept for", str(stream)))


class Pinned:
    def __init__(self, shape, dtype, cuda):
        self.held, self.cuda = torch.empty(shape, dtype=dtype), cuda

    def copy_(self, other, non_blocking):
        assert non_blocking
        self.cuda.log.append(("copy", self.cuda.stream_now))
        self.held.copy_(other.held)


@pytest.fixture
def cuda():
    return Cuda()


@pytest.fixture
def fake(cuda):
    def empty(shape, dtype, pin_memory):
        assert pin_memory
        return Pinned(shape, dtype, cuda)

    return SimpleNamespace(cuda=cuda, empty=empty)


DEVICE = torch.device("cuda", 0)


def test_copies_run_beside_the_callers_stream_and_nobody_waits(cuda, fake):
    """The caller's stream only clones and records; the side stream waits on the device, not on the host."""
    span = Devices(fake).span(DEVICE)
    given = Tensor(torch.tensor([1.0, 2.0]), cuda)
    copied = span.copy(given)
    span.begin()
    given.held.zero_()  # what the module does in place
    span.end()
    answered = span.copy(Tensor(torch.tensor([3.0]), cuda))
    span.seal()
    copying = [("clone", "main"), ("side waits for", "main"), ("copy", "side"), ("kept for", "side")]
    assert cuda.log == [*copying, ("record", "main"), ("record", "main"), *copying, ("record", "side")]
    assert (copied.held.tolist(), answered.held.tolist()) == ([1.0, 2.0], [3.0])


def test_time_and_memory_are_read_when_the_device_is_done(cuda, fake):
    """Not before: the thread that sends waits, and gets them once the events have passed."""
    span = Devices(fake).span(DEVICE)
    span.begin()
    cuda.peak = 812 * MIB
    span.end()
    span.seal()
    found = []
    waiting = threading.Thread(target=lambda: found.append(span.result()))
    waiting.start()
    waiting.join(0.05)
    assert not found
    cuda.done.set()
    waiting.join(100)
    (ran,) = found
    assert (ran["device"], ran["device_ms"], ran["memory_mb"]) == ("cuda:0", 2.5, 812.0)
    assert ran["latency_ms"] == 2.5  # the host only launched; the answer took at least as long as the device


def test_a_device_that_never_finishes_is_given_up(cuda, fake, monkeypatch):
    monkeypatch.setattr("monitor.client.devices.LONGEST", 0.0)
    span = Devices(fake).span(DEVICE)
    span.begin()
    span.end()
    span.seal()
    with pytest.raises(TimeoutError, match="cuda:0"):
        span.result()


def test_overlapping_calls_share_a_peak_and_never_lose_it_to_a_reset(cuda, fake):
    """The peak is reset only while no call is under way; a call never reads less than it used."""
    devices = Devices(fake)
    cuda.done.set()
    first, second, third = (CudaSpan(fake, DEVICE, cuda.Stream(DEVICE), PEAKS) for _ in range(3))
    first.begin()
    cuda.peak = 500 * MIB
    second.begin()
    first.end()
    cuda.peak = 700 * MIB
    second.end()
    third.begin()
    cuda.peak = 50 * MIB
    third.end()
    for span in (first, second, third):
        span.seal()
    assert [span.result()["memory_mb"] for span in (first, second, third)] == [500.0, 700.0, 50.0]
    assert cuda.resets == 2
    assert devices.span(DEVICE) is not None


PEAKS = Peaks()


def test_torchs_own_peak_is_left_alone_where_asked(cuda, fake):
    cuda.done.set()
    span = Devices(fake, peak_memory=False).span(DEVICE)
    span.begin()
    span.end()
    span.seal()
    assert (span.result()["memory_mb"], cuda.resets) == (None, 0)


def test_nothing_is_added_to_a_graph_that_is_being_recorded(cuda, fake):
    cuda.capturing = True
    assert Devices(fake).span(DEVICE) is None
    assert cuda.log == []


def test_a_start_that_fails_does_not_count_as_under_way(cuda, fake, monkeypatch):
    """Or no later call would reset the peak again."""
    devices = Devices(fake)
    broken = devices.span(DEVICE)
    monkeypatch.setattr(broken._start, "record", lambda _stream: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        broken.begin()
    before = cuda.resets
    devices.span(DEVICE).begin()
    assert cuda.resets == before + 1
    broken._peaks._running.clear()


def test_other_devices_say_their_name_and_no_device_time():
    span = Devices(torch).span(torch.device("mps"))
    span.begin()
    span.end()
    assert span.result().keys() == {"latency_ms", "device"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="NO CUDA DEVICE HERE: the real CUDA path is not tested")
def test_a_real_cuda_device_measures_and_copies(receiver, make):
    """Time by events, a peak of at least what the layer allocates, and the values that were computed."""
    client = make()
    module = nn.Linear(512, 2).eval().cuda()
    watch(module, client, features=lambda x: {"mean": x.mean(1).tolist()}, output="logits")
    given = torch.ones(64, 512, device="cuda")
    request_id.set([str(row) for row in range(64)])
    with torch.inference_mode():
        expected = torch.softmax(module(given).double(), -1).cpu()
    assert client.flush(60)
    rows = receiver.rows()
    assert torch.allclose(torch.tensor([row["scores"] for row in rows], dtype=torch.float64), expected, atol=1e-6)
    assert {row["device"] for row in rows} == {"cuda:0"}
    assert 0 < rows[0]["device_ms"] <= rows[0]["latency_ms"]
    assert rows[0]["memory_mb"] * MIB >= given.numel() * 4

"""How long a device computed and with how much memory, and copies off it, without making the caller wait for it.

torch is handed in, so that capture does not import it.
"""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

MIB = 2**20
LONGEST = 30.0
"""How long a device may take over one call before the call is given up, in seconds."""


class Span(Protocol):
    """One call on a device, from before to after it."""

    def copy(self, tensor: Any) -> Any:
        """Return a copy that nobody else changes; it may be read after `result`."""
        ...

    def begin(self) -> None:
        """The module starts now."""
        ...

    def end(self) -> None:
        """The module has returned; its work may still be under way."""
        ...

    def seal(self) -> None:
        """Nothing more will be copied."""
        ...

    def result(self) -> Mapping[str, object]:
        """Wait for the device, on a thread that may wait, and return latency_ms, device, device_ms and memory_mb.

        Raises:
            TimeoutError: the device has not finished within 30 s.
        """
        ...


@dataclass(slots=True)
class HostSpan:
    """A call on the CPU, or on a device whose events are not known: the clock of the caller's thread."""

    device: str
    begun: float = 0.0
    elapsed: float = 0.0

    def copy(self, tensor: Any) -> Any:
        """Return a copy on the same device."""
        return tensor.detach().clone()

    def begin(self) -> None:
        """Start the clock."""
        self.begun = time.perf_counter()

    def end(self) -> None:
        """Stop the clock."""
        self.elapsed = (time.perf_counter() - self.begun) * 1000

    def seal(self) -> None:
        """Copies are complete when they return."""

    def result(self) -> Mapping[str, object]:
        """Return what is known; on other devices than the CPU the clock says nothing about the device."""
        own = {"device_ms": self.elapsed} if self.device == "cpu" else {}
        return {"latency_ms": self.elapsed, "device": self.device, **own}


class Peaks:
    """The most memory that calls on each device needed, though torch keeps only one peak a device.

    The peak is reset when a call begins while no other is under way, and read when a call ends: calls that overlap
    share theirs, and no call's peak is lost to another's reset.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: Counter[str] = Counter()

    def enter(self, cuda: Any, device: Any) -> None:
        """A call begins."""
        with self._lock:
            if not self._running[str(device)]:
                cuda.reset_peak_memory_stats(device)
            self._running[str(device)] += 1

    def leave(self, cuda: Any, device: Any) -> float:
        """A call has ended; return the peak in MiB."""
        with self._lock:
            self._running[str(device)] -= 1
            return float(cuda.max_memory_allocated(device)) / MIB


class CudaSpan:
    """A call on a CUDA device: events around it, copies to pinned memory on a stream beside it, no synchronisation.

    Args:
        torch: the module, or what stands for it in a test.
        device: the CUDA device.
        side: the stream that copies run on.
        peaks: of all calls; None leaves torch's own peak alone, and then none is known.
    """

    def __init__(self, torch: Any, device: Any, side: Any, peaks: Peaks | None) -> None:
        self._torch, self._device, self._side, self._peaks = torch, device, side, peaks
        self._start = torch.cuda.Event(enable_timing=True)
        self._end = torch.cuda.Event(enable_timing=True)
        self._copied = torch.cuda.Event()
        self._begun = self._elapsed = 0.0
        self._memory: float | None = None
        self._entered = False

    def copy(self, tensor: Any) -> Any:
        """Return pinned memory that the tensor's present values are on their way to."""
        if tensor.device.type != "cuda":
            return tensor.detach().clone()
        cuda = self._torch.cuda
        held = tensor.detach().clone()  # in the caller's stream, so that what the module does in place comes after it
        self._side.wait_stream(cuda.current_stream(self._device))
        with cuda.stream(self._side):
            pinned = self._torch.empty(held.shape, dtype=held.dtype, pin_memory=True)
            pinned.copy_(held, non_blocking=True)
        held.record_stream(self._side)  # its memory is not given to others before the copy is done
        return pinned

    def begin(self) -> None:
        """Record the first event."""
        cuda = self._torch.cuda
        if self._peaks is not None:
            self._peaks.enter(cuda, self._device)
            self._entered = True
        self._begun = time.perf_counter()
        try:
            self._start.record(cuda.current_stream(self._device))
        except Exception:
            self._leave()  # the call is not captured, and must not count as under way
            raise

    def end(self) -> None:
        """Record the second event."""
        cuda = self._torch.cuda
        try:
            self._end.record(cuda.current_stream(self._device))
            self._elapsed = (time.perf_counter() - self._begun) * 1000
        finally:
            self._leave()

    def _leave(self) -> None:
        if self._peaks is not None and self._entered:
            self._entered = False
            self._memory = self._peaks.leave(self._torch.cuda, self._device)

    def seal(self) -> None:
        """Record that the copies are done."""
        self._copied.record(self._side)

    def result(self) -> Mapping[str, object]:
        """Wait until the copies are there; the answer took as long as the device, or longer."""
        deadline = time.monotonic() + LONGEST
        while not (self._copied.query() and self._end.query()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._device} has not finished a call within {LONGEST:.0f} s")
            time.sleep(0.001)
        computed = float(self._start.elapsed_time(self._end))
        return {
            "latency_ms": max(self._elapsed, computed),
            "device": str(self._device),
            "device_ms": computed,
            "memory_mb": self._memory,
        }


class Devices:
    """Makes the span of a call on whatever device the module is."""

    def __init__(self, torch: Any, *, peak_memory: bool = True) -> None:
        self._torch = torch
        self._peaks = _PEAKS if peak_memory else None
        self._sides: dict[str, Any] = {}

    def span(self, device: Any) -> Span | None:
        """Return the span of a call; None while a CUDA graph is recorded, where nothing may be added."""
        if device is None or device.type != "cuda":
            return HostSpan("cpu" if device is None else str(device))
        cuda = self._torch.cuda
        if cuda.is_current_stream_capturing():
            return None
        side = self._sides.get(str(device))
        if side is None:  # two threads may both make one; either will do
            side = self._sides[str(device)] = cuda.Stream(device)
        return CudaSpan(self._torch, device, side, self._peaks)


_PEAKS = Peaks()
"""One for the process, as torch's peaks are."""

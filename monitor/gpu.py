"""The NVIDIA GPUs of this machine, by NVML: how busy they are, how full, how hot.

No library, no driver or no GPU is a state with its name, not an error; a figure that a card does not support is None.
"""

import importlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")

MIB = 2**20
NO_LIBRARY = "NVIDIA's library for Python is not installed here: pip install 'watchglass[gpu]'."
NO_DRIVER = "There is no NVIDIA driver on this machine."
NO_GPU = "The NVIDIA driver finds no GPU on this machine."


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuProcess:
    """A process that computes on a GPU, and its memory there in MiB; None where the driver does not tell."""

    pid: int
    memory_mb: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU at one moment; None for what it does not tell. ``trouble`` says why where it tells nothing.

    ``utilisation`` is the share of the last sample period in which it computed, memory in MiB, power in watts,
    temperature in °C.
    """

    index: int
    name: str
    uuid: str = ""
    utilisation: float | None = None
    memory_used_mb: float | None = None
    memory_total_mb: float | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    processes: tuple[GpuProcess, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Gpus:
    """All GPUs at one moment, or in words why there are none."""

    devices: tuple[Gpu, ...] = ()
    state: str = ""


class GpuReader:
    """Reads the GPUs when asked.

    Args:
        load: returns NVML's module; raises ImportError where it is not installed.

    >>> def missing(): raise ImportError
    >>> GpuReader(missing).read().state == NO_LIBRARY
    True
    """

    def __init__(self, load: Callable[[], Any] = lambda: importlib.import_module("pynvml")) -> None:
        self._load = load
        self._nvml: Any = None
        self._lock = Lock()

    def read(self) -> Gpus:
        """Return every GPU as it is now."""
        with self._lock:
            try:
                nvml = self._nvml or self._load()
            except ImportError:
                return Gpus(state=NO_LIBRARY)
            try:
                return self._read(nvml)
            except nvml.NVMLError as error:
                self._forget(nvml)
                absent = (nvml.NVMLError_LibraryNotFound, nvml.NVMLError_DriverNotLoaded)
                return Gpus(state=NO_DRIVER if isinstance(error, absent) else f"NVIDIA's driver says: {error}.")

    def close(self) -> None:
        """Let go of the driver."""
        with self._lock:
            if self._nvml is not None:
                self._forget(self._nvml)

    def _read(self, nvml: Any) -> Gpus:
        if self._nvml is None:
            nvml.nvmlInit()
            self._nvml = nvml
        count = nvml.nvmlDeviceGetCount()
        devices = tuple(self._device(nvml, index) for index in range(count))
        if any(device.trouble for device in devices):
            self._forget(nvml)  # a card that was lost and is back is only seen by a fresh start
        return Gpus(devices, "" if count else NO_GPU)

    def _forget(self, nvml: Any) -> None:
        self._nvml = None
        with suppress(nvml.NVMLError):  # it was not up
            nvml.nvmlShutdown()

    def _device(self, nvml: Any, index: int) -> Gpu:
        name = f"GPU {index}"
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            name = _text(_told(nvml, nvml.nvmlDeviceGetName, handle)) or name
            memory = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
            busy = _told(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
            milliwatts = _told(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
            heat = _told(nvml, nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU)
            running = _told(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, handle) or []
            return Gpu(
                index=index,
                name=name,
                uuid=_text(_told(nvml, nvml.nvmlDeviceGetUUID, handle)),
                utilisation=None if busy is None else busy.gpu / 100,
                memory_used_mb=None if memory is None else memory.used / MIB,
                memory_total_mb=None if memory is None else memory.total / MIB,
                power_w=None if milliwatts is None else milliwatts / 1000,
                temperature_c=None if heat is None else float(heat),
                processes=tuple(GpuProcess(pid=each.pid, memory_mb=_mib(each.usedGpuMemory)) for each in running),
            )
        except nvml.NVMLError as error:
            return Gpu(index=index, name=name, trouble=f"it does not answer ({error})")


def _told(nvml: Any, ask: Callable[..., T], *given: object) -> T | None:
    """Return what the driver tells; None where the card, or our rights, do not allow that one figure."""
    try:
        return ask(*given)
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_NoPermission, nvml.NVMLError_FunctionNotFound):
        return None


def _text(given: object) -> str:
    return given.decode(errors="replace") if isinstance(given, bytes) else "" if given is None else str(given)


def _mib(size: int | None) -> float | None:
    return None if size is None else size / MIB

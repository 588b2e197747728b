"""GPUs by NVML, played by a fake: every figure, every absence, every failure."""

import functools
from types import SimpleNamespace

import pynvml
import pytest

from monitor.gpu import NO_DRIVER, NO_GPU, NO_LIBRARY, Gpu, GpuProcess, GpuReader

FIELDS = {
    "nvmlDeviceGetUtilizationRates": ("utilisation",),
    "nvmlDeviceGetMemoryInfo": ("memory_used_mb", "memory_total_mb"),
    "nvmlDeviceGetPowerUsage": ("power_w",),
    "nvmlDeviceGetTemperature": ("temperature_c",),
}


class Nvml:
    """Plays pynvml; the exceptions are its own."""

    NVML_TEMPERATURE_GPU = pynvml.NVML_TEMPERATURE_GPU
    NVMLError = pynvml.NVMLError

    def __init__(self, count=1):
        self.failing, self.up, self.inits = {}, False, 0
        self.nvmlInit, self.nvmlShutdown = self.start, self.stop
        running = [SimpleNamespace(pid=7, usedGpuMemory=2 * 2**30), SimpleNamespace(pid=8, usedGpuMemory=None)]
        answers = {
            "nvmlDeviceGetCount": count,
            "nvmlDeviceGetHandleByIndex": object(),
            "nvmlDeviceGetName": "NVIDIA L4",
            "nvmlDeviceGetUUID": b"GPU-1234",
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=37, memory=5),
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=3 * 2**30, total=24 * 2**30, free=21 * 2**30),
            "nvmlDeviceGetPowerUsage": 41_500,
            "nvmlDeviceGetTemperature": 52,
            "nvmlDeviceGetComputeRunningProcesses": running,
        }
        for name, value in answers.items():
            setattr(self, name, functools.partial(self.say, name, value))

    def __getattr__(self, name):
        return getattr(pynvml, name)  # the classes of its errors

    def say(self, name, value, *_):
        if name in self.failing:
            raise pynvml.NVMLError(self.failing[name])
        if not self.up:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNINITIALIZED)
        return value

    def start(self):
        if "nvmlInit" in self.failing:
            raise pynvml.NVMLError(self.failing["nvmlInit"])
        self.up, self.inits = True, self.inits + 1

    def stop(self):
        if not self.up:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNINITIALIZED)
        self.up = False


WHOLE = Gpu(
    index=0,
    name="NVIDIA L4",
    uuid="GPU-1234",
    utilisation=0.37,
    memory_used_mb=3072.0,
    memory_total_mb=24576.0,
    power_w=41.5,
    temperature_c=52.0,
    processes=(GpuProcess(pid=7, memory_mb=2048.0), GpuProcess(pid=8, memory_mb=None)),
)


def test_every_figure_in_its_unit():
    found = GpuReader(lambda: Nvml(count=2)).read()
    assert found.state == ""
    assert found.devices[0] == WHOLE
    assert found.devices[1].index == 1


@pytest.mark.parametrize("ask", FIELDS)
@pytest.mark.parametrize("error", [pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_NO_PERMISSION])
def test_a_figure_that_a_card_does_not_tell_is_none_and_the_others_are_there(ask, error):
    nvml = Nvml()
    nvml.failing[ask] = error
    (device,) = GpuReader(lambda: nvml).read().devices
    for name in ("utilisation", "memory_used_mb", "memory_total_mb", "power_w", "temperature_c"):
        assert getattr(device, name) == (None if name in FIELDS[ask] else getattr(WHOLE, name))
    assert device.trouble == ""


def test_processes_that_are_not_told_are_none_at_all():
    nvml = Nvml()
    nvml.failing["nvmlDeviceGetComputeRunningProcesses"] = pynvml.NVML_ERROR_NOT_SUPPORTED
    assert GpuReader(lambda: nvml).read().devices[0].processes == ()


def test_absence_is_a_state():
    def missing():
        raise ImportError("pynvml")

    assert GpuReader(missing).read().state == NO_LIBRARY
    for error in (pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED):
        nvml = Nvml()
        nvml.failing["nvmlInit"] = error
        assert GpuReader(lambda nvml=nvml: nvml).read().state == NO_DRIVER
    assert GpuReader(lambda: Nvml(count=0)).read().state == NO_GPU


def test_any_other_trouble_of_the_driver_is_told_in_its_words():
    nvml = Nvml()
    nvml.failing["nvmlInit"] = pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH
    assert "mismatch" in GpuReader(lambda: nvml).read().state


@pytest.mark.parametrize("ask", ["nvmlDeviceGetHandleByIndex", "nvmlDeviceGetUtilizationRates"])
def test_a_lost_card_says_so_and_is_found_again_once_it_is_back(ask):
    nvml = Nvml()
    reader = GpuReader(lambda: nvml)
    assert reader.read().devices == (WHOLE,)
    nvml.failing[ask] = pynvml.NVML_ERROR_GPU_IS_LOST
    (lost,) = reader.read().devices
    assert "lost" in lost.trouble
    assert lost.utilisation is None
    assert not nvml.up  # a fresh start is what finds it again
    del nvml.failing[ask]
    assert reader.read().devices == (WHOLE,)
    assert nvml.inits == 2


def test_the_driver_is_asked_to_start_once_and_let_go_at_the_end():
    nvml = Nvml()
    reader = GpuReader(lambda: nvml)
    for _ in range(3):
        reader.read()
    assert nvml.inits == 1
    reader.close()
    assert not nvml.up


def test_this_machine_answers_with_gpus_or_a_reason():
    """The real library, whatever it finds here."""
    reader = GpuReader()
    found = reader.read()
    reader.close()
    assert bool(found.devices) != bool(found.state)

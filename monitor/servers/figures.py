"""What model servers call what: their series, and the figures that these are for people.

Sources: Triton's docs/user_guide/metrics.md; TorchServe's docs/metrics.md; TensorFlow Serving's
tensorflow_serving/servable/… monitoring counters; BentoML's observability guide; KServe's Python server; and recorded
pages of each that runs without a GPU.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "rate", "errors", "mean", "histogram"]


@dataclass(frozen=True, slots=True)
class Figure:
    """How a figure reads: its title, its unit as charts take it, and the group it is drawn in."""

    title: str
    unit: str
    group: str


@dataclass(frozen=True, slots=True)
class Known:
    """One series of a server.

    Attributes:
        name: a regular expression for the whole name.
        figure: the figure it gives.
        kind: ``gauge``, its value; ``rate``, its growth a second; ``errors``, the growth of those whose labels say that
            it failed; ``mean``, its growth by that of ``per``; ``histogram``, quantiles of its growth, and the mean.
        scale: what makes the figure's unit of the series'.
        per: the counter that divides a mean.
        by: the label that tells several apart, such as GPUs; others are added up.
    """

    name: str
    figure: str
    kind: Kind
    scale: float = 1.0
    per: str = ""
    by: str = ""

    def fits(self, name: str) -> bool:
        """Whether this is what is known of a series."""
        return re.fullmatch(self.name, name) is not None


_MIB = 2.0**-20
_GPU = "GPU"
FIGURES: Mapping[str, Figure] = {
    "requests": Figure("Requests", "/s", "Traffic"),
    "errors": Figure("Failed requests", "/s", "Traffic"),
    "waiting": Figure("Requests waiting", "", "Traffic"),
    "request_ms": Figure("Whole request, mean", "ms", "Time"),
    "request_p50_ms": Figure("Whole request, median", "ms", "Time"),
    "request_p95_ms": Figure("Whole request, 95th percentile", "ms", "Time"),
    "request_p99_ms": Figure("Whole request, 99th percentile", "ms", "Time"),
    "queue_ms": Figure("Waiting in the queue, mean", "ms", "Time"),
    "compute_ms": Figure("Computing, mean", "ms", "Time"),
    "compute_p50_ms": Figure("Computing, median", "ms", "Time"),
    "compute_p95_ms": Figure("Computing, 95th percentile", "ms", "Time"),
    "compute_p99_ms": Figure("Computing, 99th percentile", "ms", "Time"),
    "memory_mb": Figure("Memory of the server", "MiB", "Memory"),
    "gpu_memory_used_mb": Figure("GPU memory in use", "MiB", "GPU memory"),
    "gpu_memory_total_mb": Figure("GPU memory in all", "MiB", "GPU memory"),
    "gpu_utilisation": Figure("GPU busy", "share", _GPU),
    "gpu_power_w": Figure("GPU power", "W", "GPU power"),
    "gpu_temperature_c": Figure("GPU temperature", "°C", "GPU temperature"),
}
"""Every figure that is kept."""

SERVERS: Mapping[str, tuple[Known, ...]] = {
    "Triton": (
        Known("nv_inference_request_success", "requests", "rate"),
        Known("nv_inference_request_failure", "errors", "rate"),
        Known("nv_inference_pending_request_count", "waiting", "gauge"),
        Known("nv_inference_request_duration_us", "request_ms", "mean", 1e-3, "nv_inference_request_success"),
        Known("nv_inference_queue_duration_us", "queue_ms", "mean", 1e-3, "nv_inference_request_success"),
        Known("nv_inference_compute_infer_duration_us", "compute_ms", "mean", 1e-3, "nv_inference_request_success"),
        Known("nv_gpu_utilization", "gpu_utilisation", "gauge", by="gpu_uuid"),
        Known("nv_gpu_memory_used_bytes", "gpu_memory_used_mb", "gauge", _MIB, by="gpu_uuid"),
        Known("nv_gpu_memory_total_bytes", "gpu_memory_total_mb", "gauge", _MIB, by="gpu_uuid"),
        Known("nv_gpu_power_usage", "gpu_power_w", "gauge", by="gpu_uuid"),
    ),
    "TorchServe": (
        Known("ts_inference_requests", "requests", "rate"),
        Known("Requests5XX", "errors", "rate"),
        Known("ts_inference_latency_microseconds", "request_ms", "mean", 1e-3, "ts_inference_requests"),
        Known("ts_queue_latency_microseconds", "queue_ms", "mean", 1e-3, "ts_inference_requests"),
        Known("PredictionTime", "compute_ms", "gauge"),
        Known("GPUUtilization", "gpu_utilisation", "gauge", 1e-2, by="DeviceId"),
        Known("GPUMemoryUsed", "gpu_memory_used_mb", "gauge", by="DeviceId"),
    ),
    "KServe": (
        Known("request_predict_seconds", "compute", "histogram", 1e3),
        Known("request_predict_seconds_count", "requests", "rate"),
        Known("process_resident_memory_bytes", "memory_mb", "gauge", _MIB),
    ),
    "TensorFlow Serving": (
        Known(":tensorflow:serving:request_count", "requests", "rate"),
        Known(":tensorflow:serving:request_count", "errors", "errors"),
        Known(":tensorflow:serving:request_latency", "request", "histogram", 1e-3),
        Known(":tensorflow:serving:runtime_latency", "compute", "histogram", 1e-3),
    ),
    "BentoML": (
        Known("bentoml_(service|api_server|runner)_request", "requests", "rate"),
        Known("bentoml_(service|api_server|runner)_request", "errors", "errors"),
        Known("bentoml_(service|api_server)_request_in_progress", "waiting", "gauge"),
        Known("bentoml_(service|api_server)_request_duration_seconds", "request", "histogram", 1e3),
    ),
}
"""What each server is known by, and gives."""

GENERIC = (
    Known("http_requests|http_server_requests", "requests", "rate"),
    Known("http_requests|http_server_requests", "errors", "errors"),
    Known(
        r"http_(server_)?request(s)?_duration_seconds|(inference|prediction|request)(_latency|_duration)?_seconds",
        "request",
        "histogram",
        1e3,
    ),
)
"""What any other server may say in the usual names."""

ALWAYS = (Known("process_resident_memory_bytes", "memory_mb", "gauge", _MIB),)
"""What Prometheus' own clients add to any page."""

WANTED = re.compile(
    "(?:"
    + "|".join(
        sorted(
            {
                name
                for known in (*SERVERS.values(), GENERIC, ALWAYS)
                for each in known
                for name in (each.name, each.per)
                if name
            }
        )
    )
    + r")(?:_total|_bucket|_sum|_count)?[ {\t]"
)
"""Lines of a page that anything is known of."""

STATUS = ("status", "code", "status_code", "http_response_code", "http_status")
"""Labels that say how a request ended."""


def failed(labels: Mapping[str, str]) -> bool:
    """Whether a request with these labels ended in a failure of the server.

    >>> failed({"status": "500"}), failed({"code": "2xx"}), failed({"status": "OK"}), failed({"status": "INTERNAL"})
    (True, False, False, True)
    """
    said = next((labels[name] for name in STATUS if name in labels), "")
    if said[:1].isdigit():
        return said.startswith("5")
    return said.upper() not in ("", "OK", "SUCCESS")


def recognise(names: set[str]) -> tuple[str, tuple[Known, ...]]:
    """Return which server these series are of, and what is known of them.

    >>> recognise({"nv_inference_request_success", "process_open_fds"})[0], recognise({"up"})[0]
    ('Triton', 'a server')
    """
    for server, known in SERVERS.items():
        own = [each for each in known if not each.name.startswith("process_")]
        if any(each.fits(name.removesuffix("_bucket")) for each in own for name in names):
            return server, known if server == "KServe" else known + ALWAYS
    return "a server", GENERIC + ALWAYS

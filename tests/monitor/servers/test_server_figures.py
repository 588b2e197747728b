"""Figures of each server's page, and what happens between two of them."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import InvalidInput
from monitor.servers.figures import FIGURES
from monitor.servers.growth import figures, growth, quantile
from monitor.servers.series import MOST, Series, of_model, read

TRITON = """
# HELP nv_inference_request_success Number of successful inference requests
# TYPE nv_inference_request_success counter
nv_inference_request_success{{model="flights",version="1"}} {ok}
nv_inference_request_success{{model="other",version="1"}} 900
nv_inference_request_failure{{model="flights",reason="BACKEND",version="1"}} {bad}
nv_inference_pending_request_count{{model="flights",version="1"}} 3
nv_inference_request_duration_us{{model="flights",version="1"}} {whole}
nv_inference_queue_duration_us{{model="flights",version="1"}} {queue}
nv_inference_compute_infer_duration_us{{model="flights",version="1"}} {compute}
nv_gpu_utilization{{gpu_uuid="GPU-a"}} 0.5
nv_gpu_utilization{{gpu_uuid="GPU-b"}} 0.25
nv_gpu_memory_used_bytes{{gpu_uuid="GPU-a"}} 1073741824
nv_gpu_memory_total_bytes{{gpu_uuid="GPU-a"}} 25769803776
nv_gpu_power_usage{{gpu_uuid="GPU-a"}} 71.5
"""
TRITON_BEFORE = TRITON.format(ok=100, bad=1, whole=2_000_000, queue=100_000, compute=1_500_000)
TRITON_AFTER = TRITON.format(ok=150, bad=6, whole=2_500_000, queue=150_000, compute=1_900_000)

TORCHSERVE = """
# TYPE ts_inference_requests_total counter
ts_inference_requests_total{{model_name="flights",model_version="default",hostname="vm",}} {requests}
ts_inference_requests_total{{model_name="flights",model_version="1.0",hostname="vm",}} {requests}
ts_inference_latency_microseconds{{model_name="flights",model_version="default",hostname="vm",}} {latency}
ts_queue_latency_microseconds{{model_name="flights",model_version="default",hostname="vm",}} {queue}
Requests5XX{{Level="Host",Hostname="vm",}} {failed}
PredictionTime{{ModelName="flights",Level="Model",Hostname="vm",}} 7.64
GPUUtilization{{Level="Host",DeviceId="0",Hostname="vm",}} 40.0
GPUMemoryUsed{{Level="Host",DeviceId="0",Hostname="vm",}} 812.0
"""

KSERVE = """
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 3.145728e+08
# TYPE request_predict_seconds histogram
request_predict_seconds_bucket{{le="0.005",model_name="flights"}} {a}
request_predict_seconds_bucket{{le="0.01",model_name="flights"}} {b}
request_predict_seconds_bucket{{le="+Inf",model_name="flights"}} {b}
request_predict_seconds_count{{model_name="flights"}} {b}
request_predict_seconds_sum{{model_name="flights"}} {s}
request_predict_seconds_created{{model_name="flights"}} 1.79e+09
"""

TENSORFLOW = """
:tensorflow:serving:request_count{{model_name="flights",status="OK"}} {ok}
:tensorflow:serving:request_count{{model_name="flights",status="INTERNAL"}} {bad}
:tensorflow:serving:request_latency_bucket{{model_name="flights",API="predict",entrypoint="REST",le="1000"}} {ok}
:tensorflow:serving:request_latency_bucket{{model_name="flights",API="predict",entrypoint="REST",le="+Inf"}} {ok}
:tensorflow:serving:request_latency_sum{{model_name="flights",API="predict",entrypoint="REST"}} {sum}
:tensorflow:serving:request_latency_count{{model_name="flights",API="predict",entrypoint="REST"}} {ok}
"""

BENTOML = """
bentoml_service_request_in_progress{{endpoint="/predict",service_name="flights"}} 2
bentoml_service_request_total{{endpoint="/predict",http_response_code="200",service_name="flights"}} {ok}
bentoml_service_request_total{{endpoint="/predict",http_response_code="500",service_name="flights"}} {bad}
bentoml_service_request_duration_seconds_bucket{{endpoint="/predict",le="0.1"}} {ok}
bentoml_service_request_duration_seconds_bucket{{endpoint="/predict",le="+Inf"}} {ok}
bentoml_service_request_duration_seconds_sum{{endpoint="/predict"}} {sum}
bentoml_service_request_duration_seconds_count{{endpoint="/predict"}} {ok}
process_resident_memory_bytes 104857600
"""

GENERIC = """
http_requests_total{{code="200",method="post"}} {ok}
http_requests_total{{code="503",method="post"}} {bad}
http_request_duration_seconds_bucket{{le="0.2"}} {ok}
http_request_duration_seconds_bucket{{le="+Inf"}} {ok}
http_request_duration_seconds_sum {sum}
http_request_duration_seconds_count {ok}
process_resident_memory_bytes 1048576
something_else_entirely 5
"""


def between(before, after, seconds=10.0):
    pages = [of_model(read(text), "flights") for text in (before, after)]
    return figures(*pages, seconds)


def test_triton():
    server, found = between(TRITON_BEFORE, TRITON_AFTER)
    assert server == "Triton"
    assert found == {
        ("requests", ""): 5.0,
        ("errors", ""): 0.5,
        ("waiting", ""): 3.0,
        ("request_ms", ""): 10.0,
        ("queue_ms", ""): 1.0,
        ("compute_ms", ""): 8.0,
        ("gpu_utilisation", "GPU-a"): 0.5,
        ("gpu_utilisation", "GPU-b"): 0.25,
        ("gpu_memory_used_mb", "GPU-a"): 1024.0,
        ("gpu_memory_total_mb", "GPU-a"): 24576.0,
        ("gpu_power_w", "GPU-a"): 71.5,
    }


def test_torchserve():
    server, found = between(
        TORCHSERVE.format(requests=10, latency=50_000, queue=1_000, failed=0),
        TORCHSERVE.format(requests=30, latency=450_000, queue=21_000, failed=20),
    )
    assert server == "TorchServe"
    assert found == {
        ("requests", ""): 4.0,
        ("errors", ""): 2.0,
        ("request_ms", ""): pytest.approx(10.0),
        ("queue_ms", ""): pytest.approx(0.5),
        ("compute_ms", ""): 7.64,
        ("gpu_utilisation", "0"): pytest.approx(0.4),
        ("gpu_memory_used_mb", "0"): 812.0,
    }


def test_kserve():
    server, found = between(KSERVE.format(a=5, b=5, s=0.01), KSERVE.format(a=10, b=15, s=0.06))
    assert server == "KServe"
    assert found == {
        ("requests", ""): 1.0,
        ("memory_mb", ""): 300.0,
        ("compute_ms", ""): pytest.approx(5.0),
        ("compute_p50_ms", ""): pytest.approx(5.0),
        ("compute_p95_ms", ""): pytest.approx(9.5),
        ("compute_p99_ms", ""): pytest.approx(9.9),
    }


@pytest.mark.parametrize(
    ("page", "name", "memory"),
    [(TENSORFLOW, "TensorFlow Serving", None), (BENTOML, "BentoML", 100.0), (GENERIC, "a server", 1.0)],
)
def test_other_servers(page, name, memory):
    scale = 1e6 if page is TENSORFLOW else 1.0
    before, after = page.format(ok=100, bad=2, sum=1 * scale), page.format(ok=120, bad=4, sum=1.2 * scale)
    server, found = between(before, after)
    assert server == name
    assert found["requests", ""] == pytest.approx(2.2)
    assert found["errors", ""] == pytest.approx(0.2)
    assert found["request_ms", ""] == pytest.approx(10.0)
    assert found.get(("memory_mb", "")) == memory
    assert found["request_p50_ms", ""] == pytest.approx({TENSORFLOW: 0.5, BENTOML: 50.0, GENERIC: 100.0}[page])


def test_every_figure_has_a_title():
    pages = (TRITON_AFTER, KSERVE.format(a=1, b=2, s=1), BENTOML.format(ok=1, bad=1, sum=1))
    for page in pages:
        _, found = between("x 1", page)
        assert {figure for figure, _ in found} <= FIGURES.keys()


def test_the_first_page_tells_only_what_is_now():
    _, found = figures((), of_model(read(TRITON_AFTER), "flights"), 0.0)
    assert {figure.partition("_")[0] for figure, _ in found} == {"waiting", "gpu"}


def test_a_server_that_was_started_again_counts_from_nought():
    """Never a negative rate, and what it did since is counted."""
    _, found = between(TRITON_AFTER, TRITON.format(ok=20, bad=0, whole=100_000, queue=0, compute=1))
    assert found["requests", ""] == 2.0
    assert found["errors", ""] == 0.0
    assert found["request_ms", ""] == 5.0


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=20), st.sets(st.integers(1, 19)))
def test_growth_over_any_resets_adds_up_to_what_happened(steps, resets):
    """A counter that is reset between pages loses nothing of what it counted since."""
    pages, total = [0], 0
    for place, step in enumerate(steps):
        total = (0 if place in resets else total) + step
        pages.append(total)
    seen = sum(
        growth([Series("n", (), float(low))], [Series("n", (), float(high))])["n", ()]
        for low, high in itertools.pairwise(pages)
    )
    # a reset is only visible where the counter is then less than before
    assert seen <= sum(steps)
    if all(not (place in resets and pages[place + 1] >= pages[place]) for place in range(1, len(steps))):
        assert seen == sum(steps)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=200), st.floats(0.01, 0.99))
def test_quantiles_are_within_the_bucket_they_fall_in(values, q):
    bounds = [0.5, 1.0, 2.0, 5.0, 10.0, math.inf]
    buckets = {bound: float(sum(value <= bound for value in values)) for bound in bounds}
    exact = float(np.quantile(values, q, method="inverted_cdf"))
    bucket = next(place for place, bound in enumerate(bounds) if exact <= bound)
    low = bounds[bucket - 1] if bucket else 0.0
    found = quantile(buckets, q)
    assert found is not None
    assert low - 1e-9 <= found <= bounds[bucket] + 1e-9


@pytest.mark.parametrize("buckets", [{}, {math.inf: 0.0}, {math.nan: 5.0}])
def test_no_quantile_of_nothing(buckets):
    assert quantile(buckets, 0.5) is None


def test_a_value_beyond_the_last_bound_lies_at_it():
    assert quantile({0.1: 0.0, math.inf: 4.0}, 0.99) == 0.1


def test_of_a_server_of_several_models_only_what_is_of_ours():
    several = read('request_predict_seconds_count{model_name="a"} 1\nrequest_predict_seconds_count{model_name="b"} 2\n')
    assert [series.value for series in of_model(several, "b")] == [2.0]
    assert len(of_model(several, "registered otherwise")) == 2


def test_pages_that_are_none_are_refused_or_say_nothing():
    assert read("<html>http_requests_total</html>") == []
    with pytest.raises(InvalidInput, match="Prometheus"):
        read('http_requests_total{code="200" oh no\n')
    with pytest.raises(InvalidInput, match="series"):
        read("http_requests_total 1\n" * (MOST + 1))
    assert read("http_requests_total NaN\nhttp_requests_total +Inf\n") == []

"""The part of a model's page about what runs it: the device, the server, the GPUs of this machine."""

import streamlit as st

from app.data.model import Overview
from app.data.servers import Group, Server, gpus, servers
from app.frame import colours, figure
from app.prose import safe
from app.runtime import runtime
from monitor.charts import format as fmt
from monitor.charts.lines import over_time
from monitor.charts.samples import sampled
from monitor.charts.style import CONFIG
from monitor.types import Window

SHOWN = ("Requests", "Failed requests", "Whole request, mean", "Waiting in the queue, mean", "Computing, mean")
"""The figures that are told in numbers; all are drawn."""


def machines(model: str, window: Window, found: Overview) -> None:
    """All of it: open where something is known, else closed, with what to do within."""
    named = servers(model, window)
    known = bool(found.device or named)
    with st.expander("What ran the model: device, server, GPUs", icon=":material/memory:", expanded=known):
        if found.rows:
            _device(found)
        for server in named:
            _server(server)
        if not named:
            _offer(model)
        _gpus(window)


def _device(found: Overview) -> None:
    """Time on the device and its memory, as captured with the predictions."""
    with st.container(border=True):
        st.subheader("What did the device do?", anchor=False)
        if not found.device:
            st.caption(
                "No prediction of this window says what computed it. Watch the module, or the onnxruntime session, in "
                "the process that serves it; or give device, device_ms and memory_mb with each prediction."
            )
            st.code(
                "from monitor.client.torch import watch\nwatch(module, client)  # a served torch module",
                language="python",
            )
            return
        time, memory = st.columns(2, gap="medium")
        paint = colours()
        with time:
            st.caption("How long the device computed each call.")
            st.plotly_chart(
                over_time(dict(found.device), paint, title="Device time, ms", unit="ms", height=220, from_zero=True),
                theme=None,
                config=CONFIG,
                key="device_time",
                alt="Median, 95th and 99th percentile of the time on the device over the window",
            )
        with memory:
            st.caption("The most device memory in use during each call.")
            if found.memory:
                st.plotly_chart(
                    over_time(dict(found.memory), paint, title="Memory, MiB", unit="MiB", height=220, from_zero=True),
                    theme=None,
                    config=CONFIG,
                    key="device_memory",
                    alt="Median, 95th and 99th percentile of peak device memory over the window",
                )
            else:
                st.caption("Not known: only CUDA devices tell their peak memory.")


def _server(server: Server) -> None:
    state = server.state
    of = "" if state.source == "server" else f" of {state.source}"
    with st.container(border=True):
        st.subheader(f"How is the server{safe(of)}?", anchor=False)
        if not runtime().servers.running and state.asked is None:
            st.caption(f"{safe(state.url)} is not asked: servers are asked only while the clock runs by itself.")
        elif state.error:
            since = f" It last answered {fmt.ago(state.answered, runtime().clock.now())}." if state.answered else ""
            st.warning(
                f"{safe(state.url)}: {safe(state.error, 300)}. It is asked again every "
                f"{runtime().config.servers.every_seconds:.0f} s.{since}",
                title="The server's metrics cannot be read",
                icon=":material/warning:",
            )
        else:
            asked = f"asked every {runtime().config.servers.every_seconds:.0f} s"
            kind = f"Recognised as {safe(state.server)}, " if state.server else ""
            st.caption(f"{kind}{asked} at {safe(state.url)}.")
        told = [title for title in SHOWN if title in server.now] or list(server.now)[:5]
        if told:
            with st.grid(5, min_column_width=150):
                for title in told:
                    value, unit = server.now[title]
                    figure(title, fmt.with_unit(value, unit), None, "The newest value in this window.")
        elif not state.error and state.asked is not None:
            st.caption("It has told nothing in this window yet; rates need two answers.")
        _charts(server.groups, f"server_{state.source}")


def _offer(model: str) -> None:
    with st.container(border=True):
        st.subheader("How is the server?", anchor=False)
        st.caption(
            "Not known. If the model's server has a page of Prometheus metrics (Triton, TorchServe, KServe, TensorFlow "
            "Serving, BentoML and most others do), name it in the model's settings:"
        )
        st.code(
            f'curl -X PUT {runtime().config.base_url}/v1/models/{model} -H "content-type: application/json" '
            """-d '{"settings": {…, "metrics_url": "http://127.0.0.1:8002/metrics"}}'""",
            language="bash",
        )


def _gpus(window: Window) -> None:
    found, groups = gpus(window)
    with st.container(border=True):
        st.subheader("How are the GPUs of this machine?", anchor=False)
        if found is None:
            running = runtime().servers.running
            st.caption(
                "Not read yet." if running else "Not read: this machine is read only while the clock runs by itself."
            )
        elif found.state:
            st.caption(f"{safe(found.state, 200)} A GPU elsewhere is known by its server's metrics.")
        elif found.devices:
            st.dataframe(
                {
                    "GPU": [f"{gpu.index} {gpu.name}" for gpu in found.devices],
                    "Busy": [fmt.rate(gpu.utilisation) for gpu in found.devices],
                    "Memory in use": [fmt.with_unit(gpu.memory_used_mb, "MiB") for gpu in found.devices],
                    "Memory in all": [fmt.with_unit(gpu.memory_total_mb, "MiB") for gpu in found.devices],
                    "Power": [fmt.with_unit(gpu.power_w, "W") for gpu in found.devices],
                    "Temperature": [fmt.with_unit(gpu.temperature_c, "°C") for gpu in found.devices],
                    "Processes": [
                        ", ".join(f"{each.pid} ({fmt.with_unit(each.memory_mb, 'MiB')})" for each in gpu.processes)
                        or gpu.trouble
                        or fmt.MISSING
                        for gpu in found.devices
                    ],
                },
                hide_index=True,
                alt="This machine's GPUs as they were read last",
            )
        _charts(groups, "gpu")


def _charts(groups: tuple[Group, ...], key: str) -> None:
    for first in range(0, len(groups), 2):
        pair = groups[first : first + 2]
        for column, group in zip(st.columns(2, gap="medium"), pair, strict=False):
            with column:
                unit = "" if group.unit in ("", "share") else f", {group.unit.replace('/s', 'per second')}"
                about = next(iter(group.lines)) if len(group.lines) == 1 else group.title
                st.plotly_chart(
                    sampled(group.lines, colours(), title=f"{about}{unit}", unit=group.unit, gap=group.gap),
                    theme=None,
                    config=CONFIG,
                    key=f"{key}_{group.title}_{group.unit}",
                    alt=f"{group.title} over the window",
                )

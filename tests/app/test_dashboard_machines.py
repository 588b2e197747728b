"""What ran a model, as the model's page tells it: figures where they are known, and what to do where they are not."""

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from parcels_seed import Seeded
from streamlit.testing.v1 import AppTest

import app
from app.data.servers import POINTS, gpus, groups, servers, thinned
from monitor.gpu import Gpu, Gpus
from monitor.servers import MACHINE, Scraped, ServerWatch
from monitor.store.samples import Sample
from monitor.types import Window

MAIN = Path(app.__file__).parent / "main.py"
MODEL = "parcels"


@pytest.fixture
def watched(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The seeded runtime with a server that says what the test puts in."""
    found = seeded.runtime
    end = found.clock.now()
    states: list[Scraped] = []
    monkeypatch.setattr(ServerWatch, "states", lambda _self, _model: states)
    monkeypatch.setattr(ServerWatch, "running", property(lambda _self: True))
    yield SimpleNamespace(runtime=found, states=states, end=end, window=Window(end - timedelta(hours=6), end))
    found.store.database.query("DELETE FROM samples")
    found.servers.gpus = None


def sample(watched: SimpleNamespace, metric: str, value: float, back: int, **named: str) -> Sample:
    at = watched.end - timedelta(seconds=15 * back)
    given = {"model": MODEL, "source": "server", "part": ""} | named
    return Sample(metric=metric, value=value, time=at, **given)


def page() -> str:
    at = AppTest.from_file(str(MAIN), default_timeout=120)
    at.query_params["model"] = MODEL
    at.run()
    at.switch_page("views/model.py")
    at.query_params["model"], at.query_params["part"] = MODEL, "Traffic"
    at.run()
    assert not at.exception, at.exception
    kinds = ("subheader", "caption", "warning", "metric", "code")
    return "\n".join(str(each.value) for kind in kinds for each in getattr(at, kind)).replace("\\", "")


def test_where_nothing_is_known_the_page_says_what_to_do(watched: SimpleNamespace) -> None:
    said = page()
    assert "watch(module, client)" in said
    assert "metrics_url" in said
    assert "Not read yet." in said


def test_figures_of_a_server_and_the_state_of_the_gpus(watched: SimpleNamespace) -> None:
    url = "http://127.0.0.1:8002/metrics"
    watched.states.append(
        Scraped(model=MODEL, source="server", url=url, server="Triton", asked=watched.end, answered=watched.end)
    )
    watched.runtime.store.samples.add([sample(watched, "requests", 48.5, back) for back in range(1, 40)])
    watched.runtime.servers.gpus = Gpus(state="There is no NVIDIA driver on this machine.")
    said = page()
    assert "Recognised as Triton" in said
    assert "48.5 /s" in said
    assert "There is no NVIDIA driver on this machine." in said


def test_a_server_that_cannot_be_read_is_a_warning_with_the_reason(watched: SimpleNamespace) -> None:
    before = watched.end - timedelta(minutes=5)
    watched.states.append(
        Scraped(
            model=MODEL,
            source="version 2",
            url="http://127.0.0.1:9/m",
            asked=watched.end,
            answered=before,
            error="it <b>fell</b>",
        )
    )
    said = page()
    assert "it " in said
    assert "fell" in said
    assert "5 min" in said


def test_lines_are_grouped_by_unit_and_thinned_to_what_a_chart_holds(watched: SimpleNamespace) -> None:
    watched.states.append(Scraped(model=MODEL, source="server", url="u"))
    listed = [
        sample(watched, name, float(back % 7), back) for name in ("queue_ms", "requests") for back in range(1, 1200)
    ]
    listed.append(sample(watched, "gpu_utilisation", 0.5, 1, model=MACHINE, source="gpu", part="0 NVIDIA L4"))
    watched.runtime.store.samples.add(listed)
    (server,) = servers(MODEL, watched.window)
    assert [group.title for group in server.groups] == ["Traffic", "Time"]
    line = server.groups[0].lines["Requests"]
    assert len(line) <= POINTS
    assert sum(value for _, value in line) / len(line) == pytest.approx(3.0, abs=0.1)
    assert all(one[0] < other[0] for one, other in itertools.pairwise(line))
    assert server.now["Requests"] == (1.0, "/s")
    _, own = gpus(watched.window)
    assert list(own[0].lines) == ["GPU busy, 0 NVIDIA L4"]
    assert groups([], watched.window) == ()


def test_a_gpu_is_a_row_with_its_processes(watched: SimpleNamespace) -> None:
    watched.runtime.servers.gpus = Gpus((Gpu(index=0, name="NVIDIA L4", utilisation=0.37, trouble=""),))
    assert "How are the GPUs of this machine?" in page()
    assert thinned([(watched.end, 1.0)], watched.window) == [(watched.end, 1.0)]

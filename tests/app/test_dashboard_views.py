"""Every view runs through the router, says what it should, and is routed at all."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import streamlit
from parcels_seed import Seeded
from streamlit.testing.v1 import AppTest

import app
from app.data import records
from app.runtime import Runtime, set_runtime
from monitor.config import Config
from monitor.types import Alert, AlertState, Window

MAIN = Path(app.__file__).parent / "main.py"
VIEWS = sorted(path.stem for path in (MAIN.parent / "views").glob("*.py") if path.stem != "__init__")


def visit(view: str, **query: str) -> AppTest:
    """Run one view through the router, as an address opens it."""
    at = AppTest.from_file(str(MAIN), default_timeout=120)
    for key, value in query.items():
        at.query_params[key] = value
    at.run()
    if view != "fleet":
        at.switch_page(f"views/{view}.py")
        for key, value in query.items():
            at.query_params[key] = value
        at.run()
    assert not at.exception, at.exception
    return at


def texts(at: AppTest) -> str:
    """All that can be read on the page outside of tables and charts."""
    kinds = ("title", "subheader", "markdown", "caption", "text", "metric", "error", "warning", "success", "info")
    found = [str(element.value) for kind in kinds for element in getattr(at, kind)]
    found += [element.label for element in at.metric]
    return re.sub(r"\\(.)", r"\1", "\n".join(found))


def test_every_view_file_is_routed() -> None:
    routed = re.findall(r'"views/(\w+)\.py"', MAIN.read_text())
    assert sorted(routed) == VIEWS


def test_every_chart_and_table_has_a_name_for_those_who_cannot_see_it() -> None:
    for view in VIEWS:
        source = (MAIN.parent / "views" / f"{view}.py").read_text()
        drawn = len(re.findall(r"st\.(?:plotly_chart|dataframe)\(", source))
        assert drawn == len(re.findall(r"\balt=", source)), view


def test_views_use_no_raw_html_and_no_markdown_escape_hatch() -> None:
    for path in [MAIN, *(MAIN.parent / "views").glob("*.py")]:
        source = path.read_text()
        assert "unsafe_allow" not in source
        assert "st.html" not in source
        assert "plotly.express" not in source


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_runs_without_parameters(seeded: Seeded, view: str) -> None:
    assert visit(view).title


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_runs_on_a_model_that_was_never_asked(seeded: Seeded, view: str) -> None:
    at = visit(view, model="idle", id="nobody")
    assert at.title


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "query",
    [
        {"model": "../x", "window": "5y"},
        {"model": "parcels", "start": "x", "end": "y", "version": "9", "segment": "a=b"},
    ],
)
def test_every_view_survives_an_address_that_makes_no_sense(seeded: Seeded, view: str, query: dict[str, str]) -> None:
    visit(view, **query)


def test_fleet_says_state_accuracy_and_drift(seeded: Seeded) -> None:
    said = texts(visit("fleet"))
    assert "Parcel delays" in said
    assert "of values above anything seen in the reference" in said
    assert "1 of 6" in said
    assert "No traffic has been measured yet" in said


def test_model_shows_kpis_and_suspects(seeded: Seeded) -> None:
    at = visit("model", model="parcels")
    said = texts(at)
    assert "What to look at first" in said
    assert "of values are outside of anything seen in the reference" in said
    assert "**Temperature**" in [link.label for link in at.get("page_link")]
    assert {metric.label: metric.value for metric in at.metric}["Predictions"] == "5,000"
    assert len(at.get("plotly_chart")) == 2  # accuracy, columns


@pytest.mark.parametrize(
    ("part", "heading", "charts"),
    [
        ("Where it is wrong", "Where is it wrong?", 0),
        ("Scores", "Do scores come true?", 1),
        ("Traffic", "How fast were the answers?", 2),
        ("Alarms", "How often may it alarm for nothing?", 0),
    ],
)
def test_each_section_of_the_model_is_drawn_alone(seeded: Seeded, part: str, heading: str, charts: int) -> None:
    at = visit("model", model="parcels", part=part)
    assert heading in texts(at)
    assert "What to look at first" not in texts(at)
    assert len(at.get("plotly_chart")) == charts


def test_model_without_traffic_teaches_capture(seeded: Seeded) -> None:
    at = visit("model", model="idle")
    assert "client.watch" in at.code[0].value
    assert at.get("plotly_chart") == []


def test_feature_names_the_column_its_unit_and_why(seeded: Seeded) -> None:
    at = visit("feature", model="parcels", feature="temperature", start="2024-05-09", end="2024-05-10", version="2")
    said = texts(at)
    assert at.title[0].value == "Temperature"
    assert "unit: °C" in said
    assert "Why is it flagged?" in said
    assert {metric.label: metric.value for metric in at.metric}["Rows"] == "500"


@pytest.mark.parametrize(
    "feature", ["distance", "carrier", "express", "hour", "_score", "_prediction", "_latency_ms", "_new"]
)
def test_every_kind_of_column_is_drawn(seeded: Seeded, feature: str) -> None:
    at = visit("feature", model="parcels", feature=feature)
    assert not at.title[0].value.startswith("\\_")
    assert len(at.get("plotly_chart")) >= 1


def test_predictions_are_counted_and_paged(seeded: Seeded) -> None:
    at = visit("predictions", model="parcels", segment="carrier=Harbour", version="2")
    assert "segment Carrier: Harbour, version 2" in texts(at)
    table = at.dataframe[0].value
    assert len(table) <= 100
    assert "Temperature, °C" in table.columns


def test_most_wrong_shows_only_rows_with_a_label(seeded: Seeded) -> None:
    at = visit("predictions", model="parcels", order="Most wrong")
    table = at.dataframe[0].value
    assert set(table["Verdict"]) == {"wrong"}


def test_one_prediction_offers_both_explanations(seeded: Seeded) -> None:
    at = visit("prediction", model="parcels", id=seeded.faulty)
    offered = [button.label for button in at.button if "Explain" in button.label]
    assert offered[:2] == ["Explain with Shapley", "Explain with LIME"]
    others = at.selectbox(key="picked_method").options
    assert {"SHAP", "Permutation SHAP", "Occlusion", "Integrated gradients"} <= set(others)
    assert not {"Shapley", "LIME", "LIME on words"} & set(others)
    assert "LIME on words" in texts(at), "and why it is not for this model"
    assert "out of range" in set(at.dataframe[0].value["Remark"])


def test_an_unknown_prediction_says_so(seeded: Seeded) -> None:
    assert "There is no row nobody" in texts(visit("prediction", model="parcels", id="nobody"))


def test_alerts_say_what_happened_and_who_was_told(seeded: Seeded) -> None:
    said = texts(visit("alerts", alert=seeded.alert))
    assert "Values outside the reference range" in said
    assert "threshold 1.0 %" in said
    assert "log (firing) delivered" in said


def linked_to(seeded: Seeded) -> Alert:
    """The alert whose id the seed names."""
    return next(each for each in seeded.runtime.store.alerts.query(model="parcels") if each.id == seeded.alert)


def test_an_alert_that_a_link_names_shows_its_message_and_no_other_does(seeded: Seeded) -> None:
    """Sent addresses lead there: who follows one need not open anything."""

    def messages(at: AppTest) -> list[str]:
        return [each.label for each in at.expander if each.label == "The message as it was sent"]

    body = linked_to(seeded).body
    linked = visit("alerts", alert=seeded.alert)
    assert messages(linked) == ["The message as it was sent"]
    assert next(each for each in linked.expander if each.label in messages(linked)).text[0].value == body
    assert messages(visit("alerts")) == []


def test_a_column_of_an_open_incident_leads_to_its_alert(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    alert = linked_to(seeded)
    still = replace(alert, state=AlertState.FIRING)
    monkeypatch.setattr(type(seeded.runtime.store.alerts), "query", lambda *_, **__: [still])
    at = visit("feature", model="parcels", feature="temperature", version=alert.version)
    links = {link.label: link for link in at.get("page_link")}
    (label,) = [label for label in links if label.startswith("Alert open since")]
    assert f"alert={alert.id}" in links[label].proto.query_string
    other = visit("feature", model="parcels", feature="distance", version=alert.version)
    assert not [link.label for link in other.get("page_link") if link.label.startswith("Alert open")]


def test_reports_can_be_opened_at_the_address_the_page_is_seen_at_and_downloaded(seeded: Seeded) -> None:
    at = visit("reports")
    assert "week of 1 May" in texts(at)
    assert at.get("download_button")
    (link,) = at.get("link_button")
    assert link.proto.url.startswith("/v1/reports/"), "behind a proxy or a tunnel the server has another address"


def test_a_report_on_the_last_seven_full_days_is_written_at_a_press(
    seeded: Seeded, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, Window]] = []
    monkeypatch.setattr(records, "write_report", lambda _, model, window, __: asked.append((model.name, window)))
    at = visit("reports", model="parcels")
    at.button(key="write").click().run()
    assert not at.exception
    ((name, window),) = asked
    assert name == "parcels"
    assert window.end == seeded.runtime.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    assert window.end - window.start == timedelta(days=7)


def test_a_report_that_finds_no_room_says_so(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records, "write_report", full)
    at = visit("reports", model="parcels")
    at.button(key="write").click().run()
    assert not at.exception
    assert "No space left on device" in at.error[0].value


def test_operations_says_in_words_that_nothing_is_missing(seeded: Seeded) -> None:
    at = visit("operations")
    assert "9,275 rows received" in texts(at)
    assert at.success
    table = at.dataframe[0].value
    assert set(table["Source"]) == {"Predictions over HTTP", "Labels"}
    assert set(table["Adds up"]) == {"yes"}


def test_changing_the_model_forgets_the_other_models_choices(seeded: Seeded) -> None:
    at = visit("model", model="parcels", version="2", segment="carrier=Harbour")
    at.selectbox(key="pick_model").select("idle").run()
    assert not at.exception
    assert at.session_state["here"].model == "idle"
    assert at.session_state["here"].version is None


def test_choosing_a_window_leaves_an_exact_one(seeded: Seeded) -> None:
    at = visit("model", model="parcels", start="2024-05-08", end="2024-05-09")
    assert at.session_state["here"].span is None
    at.segmented_control(key="pick_window").set_value("7d").run()
    assert not at.exception
    assert at.session_state["here"].span == "7d"
    assert "start" not in at.query_params


def test_model_numbers_are_of_the_whole_window_and_say_so(seeded: Seeded) -> None:
    at = visit("model", model="parcels")
    shown = {metric.label: metric for metric in at.metric}
    assert shown["AUC"].delta == "4,275 labels"
    assert "taken together" in shown["AUC"].help
    assert "Drifted columns now" in shown
    assert shown["Drifted columns now"].delta == "Fri 10 May"


def test_a_window_without_traffic_leads_to_the_newest_day_that_had_some(seeded: Seeded) -> None:
    at = visit("model", model="parcels", start="2024-05-20", end="2024-05-21")
    assert "The newest came on Fri 10 May" in texts(at)
    assert [button.label for button in at.button] == ["Show that day"]
    assert at.get("plotly_chart") == []


def test_a_list_without_rows_says_why(seeded: Seeded) -> None:
    assert "No prediction came in this window" in texts(visit("predictions", model="idle"))
    filtered = texts(visit("predictions", model="parcels", prefix="nobody"))
    assert "No row passes these filters" in filtered
    assert "a page" not in filtered
    assert "**1** row." in texts(visit("predictions", model="parcels", prefix="parcel-00007"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[None]:
    """A server that has just been started on an empty folder."""
    runtime = Runtime.open(Config(data_dir=tmp_path), scheduling=False)
    set_runtime(runtime)
    streamlit.cache_data.clear()
    yield
    streamlit.cache_data.clear()
    runtime.close()


@pytest.mark.parametrize("view", VIEWS)
def test_a_fresh_server_teaches_what_to_do(fresh: None, view: str) -> None:
    """Registering comes before capture: rows of a model that is not registered are refused."""
    at = visit(view)
    if view == "operations":
        assert "Nothing has been received yet" in texts(at)
        return
    if view == "guide":
        assert at.radio[0].options
        return
    assert at.code[0].value.startswith("watchglass register my-model")
    assert "client.watch" in at.code[1].value

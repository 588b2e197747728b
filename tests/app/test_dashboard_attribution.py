"""The importance page tells in a sentence whether the model still goes by the same, or why nobody knows."""

import json
from dataclasses import replace

from parcels_seed import DAY, FAULT_DAY, FIRST, Seeded

from app.data.attribution import goes_by
from monitor.charts.compared import Beside, compared
from monitor.charts.style import LIGHT
from monitor.types import Window


def test_ordinary_days_go_by_the_same_and_the_day_of_the_fault_by_the_column_that_broke(seeded: Seeded) -> None:
    model = seeded.runtime.store.catalog.model("parcels")
    calm = goes_by(model, "1", Window(FIRST, FIRST + 3 * DAY))
    broken = goes_by(model, None, Window(FIRST, FIRST + (FAULT_DAY + 1) * DAY))
    assert calm is not None
    assert broken is not None
    assert calm.window == Window(FIRST + 2 * DAY, FIRST + 3 * DAY), "the newest of the span"
    assert calm.said.startswith("No input matters clearly more or less than in the reference, over 50 rows explained.")
    assert not any(each.clear for each in calm.inputs)
    assert broken.said.startswith("It goes by Temperature more ")
    more = [each.label for each in broken.inputs if each.clear and each.current > each.reference]
    assert more == ["Temperature"], "the others may well matter less beside it"
    assert goes_by(model, "1", Window(FIRST - 9 * DAY, FIRST)) is None


def test_a_difference_beyond_chance_that_windows_of_the_reference_may_have_is_told_as_that(seeded: Seeded) -> None:
    store = seeded.runtime.store
    model, window = store.catalog.model("parcels"), Window(FIRST - 4 * DAY, FIRST - 3 * DAY)
    ordinary = Window(FIRST + 2 * DAY, FIRST + 3 * DAY)
    for each in store.measurements.query(
        "parcels", metric="attribution.change", start=ordinary.start, end=ordinary.end
    ):
        apart = {"current_low": 1.0, "current": 1.5, "current_high": 2.0} if each.feature == "temperature" else {}
        store.measurements.put([replace(each, window=window, details=each.details | apart)])
    found = goes_by(model, "1", window)
    assert found is not None
    assert found.said == (
        "Temperature differs from the reference by more than chance, over 50 rows explained, "
        "but by no more than some of its windows may."
    )


def test_where_nothing_is_explained_the_reason_is_there(seeded: Seeded) -> None:
    store = seeded.runtime.store
    model, window = store.catalog.model("parcels"), Window(FIRST - 2 * DAY, FIRST - DAY)
    measured = store.measurements.query("parcels", metric="attribution.ndcg")[0]
    store.measurements.put(
        [replace(measured, window=window, value=None, details={"title": "x", "reason": "no model is registered"})]
    )
    found = goes_by(model, "1", window)
    assert found is not None
    assert (found.inputs, found.said) == ((), "no model is registered")


def test_the_chart_has_both_means_with_intervals_and_hostile_names_stay_text() -> None:
    given = [
        Beside("small", 0.1, (0.05, 0.15), 0.2, (0.1, 0.3)),
        Beside("<b>large</b>", 0.5, (0.4, 0.6), 0.1, (0.0, 0.2), clear=True),
    ]
    figure = json.loads(compared(given, LIGHT, unit="share").to_json())
    reference, current = figure["data"]
    assert (reference["x"], current["x"]) == ([0.5, 0.1], [0.1, 0.2]), "the largest first"
    assert reference["error_x"]["array"] == [0.6 - 0.5, 0.15 - 0.1]
    assert current["error_x"]["arrayminus"] == [0.1, 0.1]
    assert "<b>large</b>" not in figure["layout"]["yaxis"]["ticktext"]
    assert figure["layout"]["yaxis"]["ticktext"][0].startswith("<b>")

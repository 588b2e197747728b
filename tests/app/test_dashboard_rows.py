"""Captured rows as the dashboard lists and explains them agree with what was put in."""

from datetime import datetime, timedelta

import pytest
from parcels_seed import DAYS, FIRST, PER_DAY, Seeded

from app.data import rows
from app.data.trust import trust
from monitor.errors import NotFound
from monitor.types import Explanation, Window

DAY = timedelta(days=1)
ALL_DAYS = Window(FIRST, FIRST + DAYS * DAY)


def test_a_page_is_bounded_and_orders_and_filters_hold(seeded: Seeded) -> None:
    every = rows.Filters(ALL_DAYS)
    found, total = rows.page("parcels", every, "Newest", 1)
    assert (found.num_rows, total) == (rows.PAGE, DAYS * PER_DAY)
    near, _ = rows.page("parcels", every, "Near threshold", 1)
    assert max(abs(score - 0.5) for score in near["_score"].to_pylist()) < 0.1
    wrong, labelled = rows.page("parcels", every, "Most wrong", 1)
    assert labelled == (DAYS - 1) * PER_DAY * 0.95
    assert None not in wrong["_label"].to_pylist()
    own, count = rows.page("parcels", rows.Filters(ALL_DAYS, segment="carrier=Harbour", score=(0.5, 1.0)), "Newest", 1)
    assert count < total
    assert set(own["carrier"].to_pylist()) == {"Harbour"}
    assert min(own["_score"].to_pylist()) >= 0.5
    assert rows.page("parcels", rows.Filters(ALL_DAYS, id_prefix="parcel-0000"), "Newest", 1)[1] == 10


def test_no_more_than_the_newest_part_of_a_window_is_counted(seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "LISTED", PER_DAY)
    found, total = rows.page("parcels", rows.Filters(ALL_DAYS), "Newest", 1)
    assert 0 < total <= PER_DAY
    assert found["_time"].to_pylist() == sorted(found["_time"].to_pylist(), reverse=True)
    assert rows.part("parcels", ALL_DAYS, "Newest").start >= ALL_DAYS.end - DAY


def test_one_row_beside_the_reference(seeded: Seeded) -> None:
    given = rows.row("parcels", seeded.faulty)
    parcels = seeded.runtime.store.catalog.model("parcels")
    listed = rows.values(parcels, given, {"weight": 0.1, "temperature": -0.5})
    assert [value.feature for value in listed[:2]] == ["temperature", "weight"]
    temperature = listed[0]
    assert temperature.shown.endswith("°C")
    assert temperature.remark == "out of range"
    assert all(value.place is None or 0 <= value.place <= 100 for value in listed)
    with pytest.raises(NotFound):
        rows.row("parcels", "nobody")


def test_neighbours_are_before_and_after(seeded: Seeded) -> None:
    given = rows.row("parcels", "parcel-00100")
    assert rows.neighbours("parcels", given["_time"], "parcel-00100") == ("parcel-00099", "parcel-00101")
    first = rows.row("parcels", "parcel-00000")
    assert rows.neighbours("parcels", first["_time"], "parcel-00000")[0] is None


def explanation(name: str, attributions: dict[str, float], made: datetime, **changes: object) -> Explanation:
    """A stored SHAP explanation of row parcel-00007."""
    common: dict[str, object] = {
        "model": "parcels",
        "version": "1",
        "inference_id": "parcel-00007",
        "method": "shap",
        "output": "P(late)",
        "link": "identity",
        "base_value": 0.2,
        "prediction": 0.3,
        "values": {},
        "quality": {},
        "standard_errors": None,
        "seed": 0,
        "model_hash": "m",
        "background_hash": "b",
        "settings": {},
        "seconds": 0.1,
    }
    return Explanation(id=name, attributions=attributions, created=made, **(common | changes))


def test_the_newest_explanation_of_each_method_is_shown(seeded: Seeded) -> None:
    for number, made in enumerate((FIRST, FIRST + DAY)):
        seeded.runtime.store.explanations.put(explanation(f"e{number}", {"weight": 0.1}, made))
    assert {name: given.id for name, given in rows.explanations("parcels", "parcel-00007").items()} == {"shap": "e1"}


def test_the_quality_card_is_in_words_and_hides_what_is_not_known() -> None:
    quality = {
        "additivity_gap": 7e-18,
        "held": None,
        "target": "artifact",
        "seconds": 1.0,
        "rows_used": 6301,
        "odd_one": 0.5,
    }
    shown = trust(explanation("e", {"weight": 0.1}, FIRST, quality=quality))
    assert shown["Steps miss the answer by"] == "0"
    assert shown["Model asked"] == "the registered model file"
    assert shown["Odd one"] == "0.5"
    assert not {"Held", "Seconds", "seconds"} & set(shown)

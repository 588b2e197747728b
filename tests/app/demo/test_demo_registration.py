"""What the demo registers is what Watchglass takes: schema, rules and reference pass its own checks."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from app.demo import data, registration, train
from app.demo.story import Story
from monitor.schema import conform_reference, schema_from_dict, schema_to_dict, settings_from_dict, settings_to_dict
from monitor.types import Kind, Settings


@pytest.fixture(scope="module")
def table():
    return data.between(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 8, tzinfo=UTC))


def test_the_inferred_schema_has_titles_units_and_kinds_that_fit(table) -> None:
    schema = registration.schema(table)
    assert schema_from_dict(schema_to_dict(schema)) == schema
    assert schema.classes == ("on time", "late")
    assert [feature.name for feature in schema.features] == list(data.COLUMNS)
    assert all(feature.title for feature in schema.features)
    assert schema.feature("airport_delay").unit == "min"
    assert schema.feature("distance").kind is Kind.INTEGER
    assert schema.feature("dest").kind is Kind.CATEGORICAL


def test_the_owners_settings_leave_alarms_as_they_come() -> None:
    settings = registration.settings("http://127.0.0.1:9/owner", date(2013, 9, 1))
    assert settings_from_dict(settings_to_dict(settings)) == settings
    assert settings.rules is None, "no bound is set by hand"
    assert settings.dial == Settings().dial == 1.0
    assert [event.name for event in settings.calendar] == ["Memorial Day", "Independence Day", "End of the recording"]
    assert {channel.kind for channel in settings.channels} == {"webhook", "log"}


def test_the_reference_is_scored_labelled_and_conforms(table) -> None:
    model, _ = train.train(table, seed=1, epochs=1)
    window = Story().editions[0].reference_window
    end = window.start.replace(day=4)
    sent = registration.reference(window.start, end, model)
    batch = conform_reference(
        sent,
        registration.schema(table),
        version="1",
        now=datetime(2013, 5, 1, tzinfo=UTC),
        time="time",
        id="id",
        scores=("p_late",),
        label="outcome",
    )
    assert batch.num_rows == data.between(window.start, end).num_rows
    assert batch["_label"].null_count == data.between(window.start, end)["arr_delay"].null_count
    assert np.allclose(batch["_score"].to_numpy(), sent["p_late"].to_numpy())
    assert all(not flags or flags == [] for flags in batch["_flags"].to_pylist())

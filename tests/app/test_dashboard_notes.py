"""What capture noted about a row reads as words, and a value of another type is shown as it came."""

from datetime import UTC, datetime

from app.data.notes import aside, noted
from monitor.types import Feature, Kind, Model, ModelSchema, Settings, Task

MODEL = Model(
    name="m",
    schema=ModelSchema(
        model="m", task=Task.REGRESSION, features=(Feature(name="amount", kind=Kind.NUMERIC, title="Amount {paid}"),)
    ),
    settings=Settings(),
    created=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_flags_name_the_column_as_people_know_it() -> None:
    assert noted(MODEL, ["retyped:amount", "new:colour", "no_id", "odd:amount"]) == [
        "Amount {paid} came as another type",
        "colour is not a column of the schema",
        "no id was sent, so a retry cannot be recognised",
        "odd: Amount {paid}",
    ]


def test_only_values_of_another_type_are_told_as_they_came() -> None:
    row = {"_flags": ["retyped:amount", "new:colour"], "_extra": '{"amount": "12,50", "colour": "red"}'}
    assert aside(row) == {"amount": "12,50"}
    assert aside({"_flags": None, "_extra": None}) == {}

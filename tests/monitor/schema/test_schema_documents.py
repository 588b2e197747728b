"""Schemas: inferred from tables, read from documents, refused with the place and the reason."""

import pyarrow as pa
import pytest

from monitor.errors import InvalidInput
from monitor.schema import (
    check_features,
    check_name,
    infer_schema,
    schema_from_dict,
    schema_to_dict,
    settings_from_dict,
    settings_to_dict,
)
from monitor.types import Channel, Feature, Kind, ModelSchema, Rule, Settings, Severity, Task

DOCUMENT = {"model": "m", "task": "binary", "classes": ["no", "yes"], "features": [{"name": "x", "kind": "numeric"}]}


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([1.5, None]), Kind.NUMERIC),
        (pa.array([1, 2], pa.float16()), Kind.NUMERIC),
        (pa.array([1, 1]), Kind.INTEGER),
        (pa.array([1, 2], pa.uint8()), Kind.INTEGER),
        (pa.array([True, None]), Kind.BOOLEAN),
        (pa.array(["a", "b"]), Kind.CATEGORICAL),
        (pa.array(["a", "b"], pa.large_string()).dictionary_encode(), Kind.CATEGORICAL),
        (pa.array([0, 1], pa.date32()), Kind.TIMESTAMP),
        (pa.array([0, 1], pa.timestamp("ns")), Kind.TIMESTAMP),
        (pa.array([[1.0], [2.0]]), Kind.EMBEDDING),
        (pa.array([[1.0], [2.0]], pa.list_(pa.float32(), 1)), Kind.EMBEDDING),
        (pa.array([None, None]), Kind.NUMERIC),
    ],
)
def test_kinds_are_told_by_type(column, kind):
    """Integers stay integers however few their values."""
    schema = infer_schema(pa.table({"c": column}), model="m", task=Task.REGRESSION)
    assert schema.features == (Feature(name="c", kind=kind),)


@pytest.mark.parametrize(
    ("rows", "distinct", "kind"),
    [
        (1_000, 1_000, Kind.CATEGORICAL),
        (1_001, 1_001, Kind.TEXT),
        (40_000, 2_000, Kind.CATEGORICAL),
        (40_000, 2_001, Kind.TEXT),
    ],
)
def test_texts_are_categories_while_few(rows, distinct, kind):
    """At most a thousand, or one in twenty."""
    table = pa.table({"c": [f"value {place % distinct}" for place in range(rows)]})
    assert infer_schema(table, model="m", task=Task.REGRESSION).features[0].kind is kind


def test_what_people_know_better_wins():
    """Kind, unit, title; the target and excluded columns are no features."""
    table = pa.table({"id": ["a"], "temp": [1], "late": [True], "_score": [0.5]})
    given = {"temp": {"kind": "numeric", "unit": "°C", "title": "Temperature"}}
    schema = infer_schema(
        table, model="m", task=Task.BINARY, target="late", classes=("on time", "late"), features=given, exclude=("id",)
    )
    assert schema.features == (Feature(name="temp", kind=Kind.NUMERIC, unit="°C", title="Temperature"),)
    assert (schema.target, schema.classes) == ("late", ("on time", "late"))


@pytest.mark.parametrize(
    ("target", "task", "classes"),
    [
        ([True, False], Task.BINARY, ("False", "True")),
        ([1, 0, None], Task.BINARY, ("0", "1")),
        ([1.0, 0.0], Task.BINARY, ("0", "1")),
        (["yes", "no"], Task.BINARY, ("no", "yes")),
        (["b", "c", "a"], Task.MULTICLASS, ("a", "b", "c")),
        ([1.5, 2.5], Task.REGRESSION, ()),
    ],
)
def test_classes_are_found_in_the_target(target, task, classes):
    """In sorted order."""
    assert (
        infer_schema(pa.table({"x": [1.0] * len(target), "y": target}), model="m", task=task, target="y").classes
        == classes
    )


@pytest.mark.parametrize(
    ("columns", "options", "says"),
    [
        ({"x": [{"a": 1}]}, {}, "column 'x' holds struct"),
        ({"x": [b"a"]}, {}, "column 'x' holds binary"),
        ({"x": [1.0]}, {"features": {"z": {"unit": "m"}}}, "'z' is no feature of the table; its features are x"),
        ({"x": [1.0]}, {"features": {"x": {"units": "m"}}}, "unknown key 'units'; allowed: name, kind, unit"),
        ({"x": [1.0]}, {"task": Task.MULTICLASS}, "a multiclass task needs them named"),
        ({"x": [1.0], "y": ["a"]}, {"task": Task.BINARY, "target": "y"}, "holds 1 of them"),
    ],
)
def test_tables_no_schema_can_be_made_of_are_refused(columns, options, says):
    """With the column and what to do."""
    with pytest.raises(InvalidInput, match=says):
        infer_schema(pa.table(columns), **{"model": "m", "task": Task.REGRESSION, **options})


def test_schemas_and_settings_survive_writing_and_reading():
    """Through plain JSON values."""
    features = (Feature(name="x", kind=Kind.NUMERIC, unit="m", protected=True), Feature(name="y", kind=Kind.IMAGE))
    schema = ModelSchema(model="m", task=Task.BINARY, features=features, classes=("a", "b"), threshold=0.25)
    assert schema_from_dict(schema_to_dict(schema)) == schema
    assert isinstance(schema_to_dict(schema)["task"], str)
    settings = Settings(
        owner="ops@example.com", segments=("y",), channels=(Channel(kind="log", min_severity=Severity.INFO),),
        rules=(Rule(name="slow", metric="traffic.latency_p95", threshold=50.0, version="2"),),
    )  # fmt: skip
    assert settings_from_dict(settings_to_dict(settings)) == settings
    assert settings_from_dict({}) == Settings()
    assert schema_from_dict({"model": "m", "task": "binary", "features": []}).classes == ("0", "1")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"task": "sorting"}, r"schema: Invalid enum value 'sorting' - at `\$.task`"),
        ({"features": [{"name": "x", "kind": "number"}]}, r"\$.features\[0\].kind"),
        ({"features": [{"name": "x"}]}, "missing required field `kind`"),
        ({"features": [{"name": "x", "kind": "numeric", "units": "m"}]}, "unknown key 'units'"),
        ({"feature": []}, "schema: unknown key 'feature'; allowed: model, task"),
        ({"model": "../etc"}, "model name '../etc'"),
        ({"classes": ["no"]}, "a binary task has two"),
        ({"classes": ["no", "no"]}, "names a class twice"),
        ({"task": "regression"}, "a regression has none"),
        ({"task": "multiclass", "classes": []}, "at least two"),
        ({"threshold": 1.5}, "schema.threshold: got 1.5"),
        ({"features": [{"name": name, "kind": "numeric"} for name in ("Temp", "temp")]}, "differ only in case"),
        ({"features": [{"name": name, "kind": "numeric"} for name in ("\u00e9", "e\u0301")]}, "differ only in case"),
        ({"features": [{"name": "", "kind": "numeric"}]}, "1 to 200 characters"),
        ({"features": [{"name": "x" * 10_000, "kind": "numeric"}]}, "got 10,000"),
        ({"features": [{"name": "_id", "kind": "numeric"}]}, "kept for Watchglass"),
    ],
)
def test_documents_that_are_wrong_are_refused_with_the_place(change, says):
    """What was got and what is allowed."""
    with pytest.raises(InvalidInput, match=says):
        schema_from_dict({**DOCUMENT, **change})


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"ownr": "x"}, "settings: unknown key 'ownr'; allowed: owner"),
        ({"rules": [{"name": "Slow one", "metric": "m"}]}, "rule name 'Slow one'"),
        ({"rules": [{"name": "slow", "metric": "m", "op": "=="}]}, "op '=='; allowed: >, >=, <, <="),
        ({"rules": [{"name": "slow", "metric": "m", "treshold": 1}]}, "unknown key 'treshold'"),
        ({"channels": [{"kind": "log", "to": "x"}]}, "unknown key 'to'"),
        ({"window_hours": 0}, "settings.window_hours: got 0"),
        ({"window_hours": 10**15}, "1 to 8,784 are allowed"),
        ({"label_deadline_days": 10**9}, "1 to 3,660 are allowed"),
        ({"window_hours": "day"}, r"Expected `int`, got `str` - at `\$.window_hours`"),
    ],
)
def test_settings_that_are_wrong_are_refused_with_the_place(document, says):
    """A mistyped key is a mistake, not a wish."""
    with pytest.raises(InvalidInput, match=says):
        settings_from_dict(document)


@pytest.mark.parametrize("name", ["../../etc/passwd", 'a";drop table x;--', "", "A", "a" * 65, "a.b", "a\n"])
def test_names_that_are_not_safe_everywhere_are_refused(name):
    """In paths, URLs and SQL."""
    with pytest.raises(InvalidInput, match="a-z, 0-9, _ and -"):
        check_name("model", name)


def test_hostile_but_harmless_column_names_are_taken():
    """They are data; whoever shows them escapes them."""
    check_features(["</script><script>", "=cmd|x", 'a";drop table x;--', "id", "time", "\u202e"])

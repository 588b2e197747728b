"""Numbers as people read them; what is missing is never 0."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.charts import format as fmt

NUMBER_FORMATS = [fmt.count, fmt.rate, fmt.points, fmt.figure, fmt.signed, fmt.duration, fmt.size]


@pytest.mark.parametrize("show", NUMBER_FORMATS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("missing", [None, math.nan, math.inf, -math.inf])
def test_what_is_missing_or_not_finite_is_a_dash(show, missing) -> None:
    assert show(missing) == fmt.MISSING


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0"), (999, "999"), (99_999, "99,999"), (123_456, "123 k"), (1_234_567, "1.2 M"), (2.5e9, "2.5 G")],
)
def test_counts(value: float, shown: str) -> None:
    assert fmt.count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0 %"), (1.0, "100.0 %"), (0.00001, "<0.01 %"), (0.0005, "0.05 %"), (0.0123, "1.2 %")],
)
def test_rates(value: float, shown: str) -> None:
    assert fmt.rate(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.000012, "1.20e−05"), (0.834999, "0.835"), (-2.4, "−2.40"), (999.6, "1,000"), (2e12, "2.00e+12")],
)
def test_three_significant_figures(value: float, shown: str) -> None:
    assert fmt.figure(value) == shown


@given(st.floats(min_value=-1e8, max_value=1e8).filter(lambda x: abs(x) > 1e-4))
def test_a_figure_is_within_half_a_unit_of_its_third_digit(value: float) -> None:
    shown = float(fmt.figure(value).replace("−", "-").replace(",", ""))
    assert abs(shown - value) <= 0.5 * 10 ** (math.floor(math.log10(abs(value))) - 2) * 1.0001


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [(0.25, "share", "25.0 %"), (1500.0, "ms", "1.5 s"), (12.0, "°F", "12.0 °F"), (None, "°F", "–"), (3.0, "", "3.00")],
)
def test_values_carry_their_unit(value: float | None, unit: str, shown: str) -> None:
    assert fmt.with_unit(value, unit) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (math.nan, "–"),
        (12345, "12,345"),
        (1545, "1545"),
        (7.0, "7"),
        (7.25, "7.25"),
        (False, "no"),
        ("", ""),
    ],
)
def test_captured_values(value: object, shown: str) -> None:
    assert fmt.value(value) == shown


def test_spans_name_the_days_they_hold() -> None:
    start = datetime(2013, 12, 31, tzinfo=UTC)
    assert fmt.span(start, start + timedelta(days=1)) == "Tue 31 Dec 2013"
    assert fmt.span(start, start + timedelta(days=2)) == "Tue 31 Dec – Wed 1 Jan 2014"
    assert fmt.span(start, start + timedelta(hours=6)) == "Tue 31 Dec 00:00 – Tue 31 Dec 06:00 2013"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(2, "just now"), (59, "59 s ago"), (61, "1 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")],
)
def test_ago(seconds: int, shown: str) -> None:
    now = datetime(2013, 1, 10, tzinfo=UTC)
    assert fmt.ago(now - timedelta(seconds=seconds), now) == shown
    assert fmt.ago(None, now) == "never"

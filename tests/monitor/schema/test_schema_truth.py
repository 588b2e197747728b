"""Grades and rankings that nobody means, as a sender may send them all the same."""

import pytest

from monitor.schema.truth import grades_of, ranking_of

ODD = ["[" * 100_000, '{"a":' * 50_000, "1" * 5_000, f"[{'1' * 5_000}]", "null", "", b"[1]", [[1]], [None, {}]]


@pytest.mark.parametrize("given", ODD, ids=range(len(ODD)))
def test_what_is_no_ranking_and_no_grades_is_told_so_and_raises_nothing(given: object) -> None:
    assert ranking_of(given) is None
    assert grades_of(given) is None


def test_a_name_of_thousands_of_digits_is_none() -> None:
    assert ranking_of([10**5_000]) is None
    assert grades_of([10**5_000]) is None

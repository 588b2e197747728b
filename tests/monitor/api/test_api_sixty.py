"""Sixty bad inputs against a real server: the answer and the effect of each, and the ledger is exact at the end."""

from collections.abc import Iterator

import pytest

from tests.benchmarks.fuzz_cases import CASES, try_case
from tests.benchmarks.fuzz_server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("sixty"), {"BODY_TIMEOUT_S": "3"}) as running:
        yield running


def test_all_sixty_are_here() -> None:
    assert sorted(CASES) == list(range(1, 61))


@pytest.mark.parametrize("number", sorted(CASES), ids=lambda number: f"{number} {CASES[number].behaviour}")
def test_bad_input(server: Server, number: int) -> None:
    try_case(server, number)


def test_after_all_of_them_every_row_has_one_fate(server: Server) -> None:
    told = server.ask("GET", "/v1/verify")
    assert [check for check in told["checks"] if not check["ok"]] == []

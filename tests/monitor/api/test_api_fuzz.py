"""A few hundred mutations of good requests against a real server; ``make bench BENCH=fuzz`` sends twenty thousand."""

import random
from collections import Counter
from pathlib import Path

from tests.benchmarks.fuzz import SETTINGS, Outcome, mutate, settle
from tests.benchmarks.fuzz_mutations import mutated
from tests.benchmarks.fuzz_seeds import own, recorded
from tests.benchmarks.fuzz_server import Answer, Server

MUTATIONS = 400


def test_no_mutation_is_answered_by_a_5xx_or_lost(tmp_path: Path) -> None:
    outcome = Outcome()
    with Server(tmp_path / "server", SETTINGS) as server:
        mutate(server, outcome, own(), MUTATIONS, seed=7)
        settle(server, outcome)
        planted = Outcome(fates=outcome.fates + Counter(stored=1))
        settle(server, planted)
        assert planted.unexpected == 1
    assert (outcome.notes, outcome.unexpected, outcome.errors, outcome.exits) == ([], 0, 0, 0)
    assert outcome.mutations == MUTATIONS
    assert outcome.statuses.keys() >= {200, 400, 415}
    assert min(outcome.fates["stored"], outcome.fates["rejected"]) > 0


def test_every_good_request_is_one_that_the_server_takes(tmp_path: Path) -> None:
    """Otherwise its mutations would test nothing but the first check."""
    with Server(tmp_path / "server", SETTINGS) as server:
        for number, seed in enumerate(own()):
            server.register(f"m{number}")
            answer = server.ask("POST", f"/v1/models/m{number}/{seed.path}", seed.body, seed.headers)
            assert (answer.status, answer["rejected"]) == (200, 0), (seed, answer)


def test_what_should_not_be_is_counted() -> None:
    outcome = Outcome()
    for status in (500, 404, 0):
        outcome.add("m", Answer(status, "no"))
    assert (outcome.errors, outcome.unexpected, outcome.mutations) == (1, 3, 3)


def test_a_number_gives_the_same_mutation_every_time() -> None:
    seeds = own()
    once, again = (mutated(seeds[3], seeds, random.Random("3 14")) for _ in range(2))
    assert once == again


def test_recordings_become_seeds(tmp_path: Path) -> None:
    (tmp_path / "x.meta.json").write_text('{"url": "http://h/v1/models/m:predict", "request_headers": {"A": "b"}}')
    (tmp_path / "x.request.json").write_bytes(b'{"instances": [[1]]}')
    found = recorded(tmp_path)
    assert {seed.body for seed in found} == {b'{"instances": [[1]]}'}
    assert found[0].headers["a"] == "b"
    assert found[0].headers["watchglass-path"] == "/v1/models/m:predict"

"""Two senders, a server killed between the halves: every pair once, none false, exactly the orphans there are."""

from pathlib import Path

from tests.benchmarks.pairing import MISSING, plan, run

PAIRS = 300


def test_pairs_are_exact_under_two_senders_and_a_kill(tmp_path: Path) -> None:
    figures = run(tmp_path, PAIRS, kills=1)
    wrong = ("false_pairs", "doubled", "lost", "orphans_wrong", "verify_failed")
    assert {name: figures[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert figures["orphans"] == len(plan(PAIRS).missing) == round(MISSING * PAIRS)
    assert figures["stored"] == PAIRS - figures["orphans"]

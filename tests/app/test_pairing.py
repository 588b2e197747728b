"""Two senders, a server killed between the halves: every pair once, none false, exactly the orphans there are."""

from pathlib import Path

from tests.benchmarks.pairing import MISSING, plan, run
from tests.benchmarks.pairing_rate import rate

PAIRS = 300


def test_pairs_are_exact_under_two_senders_and_a_kill(tmp_path: Path) -> None:
    figures = run(tmp_path, PAIRS, kills=1)
    wrong = ("false_pairs", "doubled", "lost", "orphans_wrong", "verify_failed")
    assert {name: figures[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert figures["orphans"] == len(plan(PAIRS).missing) == round(MISSING * PAIRS)
    assert figures["stored"] == PAIRS - figures["orphans"]


def test_events_of_many_senders_are_all_answered_and_paired(tmp_path: Path) -> None:
    figures = rate(tmp_path, 400, connections=16)
    assert (figures["kserve_unanswered"], figures["kserve_wrong"]) == (0, 0)
    assert figures["kserve_events_per_s"] > 0

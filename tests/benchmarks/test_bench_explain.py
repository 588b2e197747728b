"""The explanation benchmark in small: it runs, and prints the figures that are asked of it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.benchmarks import explain, explain_games, explain_models, explain_speed
from tests.benchmarks.explain_models import network, recurrent, wheel_table
from tests.benchmarks.explain_peers import amounts, kernel, ours

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::DeprecationWarning")


@pytest.fixture
def small(monkeypatch):
    """Few rounds, and one thread: others run beside."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(explain_models, "ROWS", 5_000)
    monkeypatch.setattr(explain_speed, "ROUNDS", 1)
    monkeypatch.setattr(explain_speed, "COALITIONS", (50, 100))
    monkeypatch.setattr(explain_speed, "MODEL_ROWS", (1_000, 30_000))
    yield
    torch.set_num_threads(before)


def test_it_prints_the_figures_of_a_model_and_we_err_less_than_the_kernel_explainer(small):
    made = network(8)
    figures = explain.run([replace(made, rows=made.rows[:4])], cases=1, seeds=1, published=0)
    for figure in ("error_ratio_kernel", "error_ratio_best_peer_lower", "speedup_equal_error", "engine_over_model"):
        assert set(figures[figure]) == {"network_8"}, figure
    assert 0 < figures["error_ratio_kernel_median"] < 1
    assert figures["error_ratio_best_peer_lower"]["network_8"] <= 1
    assert figures["speedup_median"] > 0
    assert figures["speedup_kernel_default_median"] > 0
    assert all(0.5 < share <= 1 for share in figures["coverage"].values())


def test_steps_of_a_sequence_are_the_same_players_for_the_peers(small):
    made = recurrent(5)
    np.testing.assert_allclose(kernel(made, 0, 1_000), amounts(ours(made, 0)), atol=1e-7)


def test_eight_model_rows_a_feature_suffice_for_less_than_the_published_error():
    """On a linear model with one product, which the regression finds."""
    rng = np.random.default_rng(0)
    slopes, row = rng.normal(size=10), rng.normal(size=10)
    found = explain_games.at_eight(lambda m: m @ slopes + m[:, 0] * m[:, 1], row, np.zeros((1, 10)), 0)
    truth = slopes * row + row[0] * row[1] / 2 * (np.arange(10) < 2)
    assert explain_games.error(found, truth) < min(explain_games.PUBLISHED.values())


def test_the_tables_are_those_that_ship_in_wheels():
    shapes = {name: wheel_table(name)[0].shape for name in ("diabetes", "corrgroups60", "independentlinear60")}
    assert shapes == {"diabetes": (442, 10), "corrgroups60": (1_000, 60), "independentlinear60": (1_000, 60)}

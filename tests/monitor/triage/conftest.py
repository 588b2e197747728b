"""Explanations as triage reads them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from monitor.types import Explanation


@pytest.fixture
def explained() -> Callable[[dict[str, float], dict[str, float]], Explanation]:
    """Make an explanation of some values."""

    def make(values: dict[str, float], attributions: dict[str, float]) -> Explanation:
        return Explanation(
            id="e",
            model="m",
            version="1",
            inference_id="i",
            method="shap_kernel",
            output="yes",
            link="identity",
            base_value=0.0,
            prediction=0.0,
            attributions=attributions,
            values=values,
            quality={},
            standard_errors=None,
            seed=0,
            model_hash="",
            background_hash="",
            settings={},
            seconds=0.0,
            created=datetime(2024, 1, 1, tzinfo=UTC),
        )

    return make

"""A small schema, and registered models on disk. Tests and the worker import the zoo's modules by name."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from explain.models import Allowed
from explain.worker import Limits, Worker
from monitor.types import Feature, Kind, ModelSchema, Task

sys.path.insert(0, str(Path(__file__).parent / "zoo"))

NUMBERS = ["delay", "seats", "spare"]
CLASSES = ("Linear", "Network", "Classes", "Dies", "Hangs", "Hungry", "Broken", "NotFinite", "NoModule", "Absent")


@pytest.fixture(scope="session")
def allowed() -> Allowed:
    """Every class of the zoo."""
    return Allowed(classes=tuple(f"zoo_models:{name}" for name in CLASSES))


@pytest.fixture
def schema() -> ModelSchema:
    """Three numbers and a carrier."""
    return ModelSchema(
        model="flights",
        task=Task.BINARY,
        features=(
            Feature(name="carrier", kind=Kind.CATEGORICAL),
            Feature(name="delay", kind=Kind.NUMERIC),
            Feature(name="seats", kind=Kind.INTEGER),
            Feature(name="spare", kind=Kind.BOOLEAN),
        ),
        classes=("on time", "late"),
    )


@pytest.fixture
def artifact(tmp_path: Path) -> Callable[..., dict[str, object]]:
    """Return a function that saves a zoo model with seeded weights and returns its specification."""

    def save(name: str, seed: int = 0) -> dict[str, object]:
        import torch
        import zoo_models
        from safetensors.torch import save_file

        model = getattr(zoo_models, name).from_config({"numbers": NUMBERS})
        draw = torch.Generator().manual_seed(seed)
        state = {
            key: (torch.randn(value.shape, generator=draw, dtype=torch.float64) / 10).to(value.dtype)
            for key, value in model.state_dict().items()
        }
        weights, config = tmp_path / f"{name}-{seed}.safetensors", tmp_path / f"{name}-{seed}.json"
        save_file(state, weights)
        config.write_text(json.dumps({"numbers": NUMBERS}))
        return {"adapter": "torch", "class": f"zoo_models:{name}", "weights": str(weights), "config": str(config)}

    return save


@pytest.fixture(scope="session")
def worker(allowed: Allowed) -> Iterator[Worker]:
    """One warm worker for all tests that leave it as it was."""
    started = Worker(allowed, Limits(seconds=60, memory_mb=2_048, threads=1))
    started.warm()
    yield started
    started.close()


@pytest.fixture
def v2_server() -> Iterator[Any]:
    """A served model that is a black box."""
    from zoo_server import V2Server

    server = V2Server()
    yield server
    server.close()

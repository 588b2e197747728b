"""Train the demo's model on some months of flights and save it as safetensors with a JSON configuration: no pickle."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from app.demo import data
from app.demo.model import FlightModel

THREADS = 1  # steps are small: a second thread gains little on an idle machine and loses much on a busy one
EPOCHS = 6
BATCH = 1024
WIDTH = 64
PEAK_RATE = 4e-3
WEIGHT_DECAY = 0.2


def fixed_threads() -> None:
    """Make torch give the same numbers on every run: a fixed number of threads, deterministic kernels."""
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(mode=True)


def configure(table: pa.Table, width: int = WIDTH) -> dict[str, Any]:
    """Return the model's configuration from its training data: known categories, and each number's mean and sd."""
    columns = data.columns(table)
    numbers = {}
    for name in data.NUMBERS:
        scale = float(np.nanstd(columns[name]))
        numbers[name] = [float(np.nanmean(columns[name])), scale if scale > 0 else 1.0]
    categories = {name: sorted({value for value in columns[name] if value is not None}) for name in data.CATEGORIES}
    return {"categories": categories, "numbers": numbers, "width": width}


def train(
    table: pa.Table, *, seed: int, epochs: int = EPOCHS, advance: Callable[[int], None] | None = None
) -> tuple[FlightModel, dict[str, Any]]:
    """Fit a model to the labelled flights in ``table``; the same seed and data give the same weights.

    Args:
        table: flights as `data.flights` gives them; those that never arrived are left out.
        seed: of the initial weights and the order of the rows.
        epochs: how often every row is seen.
        advance: called with the number of rows after each step, for a progress bar.

    Returns:
        The model in evaluation mode, and its configuration.
    """
    fixed_threads()
    torch.manual_seed(seed)
    table = table.filter(pc.is_valid(table["arr_delay"]))
    config = configure(table)
    model = FlightModel.from_config(config)
    codes, numbers = model.encode(data.columns(table))
    target = torch.from_numpy(data.late(table)).float()
    optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * -(-len(target) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=PEAK_RATE, total_steps=steps)
    loss_of = nn.BCEWithLogitsLoss()
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(target)), BATCH):
            optimiser.zero_grad()
            loss_of(model(codes[rows], numbers[rows]), target[rows]).backward()
            optimiser.step()
            schedule.step()
            if advance is not None:
                advance(len(rows))
    return model.eval(), config


def save(model: FlightModel, config: dict[str, Any], weights: Path) -> None:
    """Write the weights as safetensors, and the configuration beside them as JSON."""
    weights.parent.mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), weights)
    weights.with_suffix(".json").write_text(json.dumps(config, indent=1))


def load(weights: Path) -> FlightModel:
    """Return the model that `save` wrote, in evaluation mode."""
    model = FlightModel.from_config(json.loads(weights.with_suffix(".json").read_text()))
    model.load_state_dict(load_file(weights))
    return model.eval()

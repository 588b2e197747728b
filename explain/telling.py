"""What is stored and shown of an explanation, made of what was asked and what the method found."""

from datetime import datetime

import numpy as np

from explain.columns import scalars
from explain.explainers import Attribution
from explain.reasons import called
from explain.request import Request
from monitor.types import Explanation


def told(asked: Request, found: Attribution, seconds: float, now: datetime) -> Explanation:
    """Return the explanation.

    Args:
        asked: the question.
        found: what the method found.
        seconds: how long it took, waiting and all.
        now: when it was made.
    """
    captured = asked.row.get("_score")
    quality = {
        **found.quality,
        "target": asked.target,
        "chosen_because": asked.why,
        "background_rows": found.quality.get("background_rows", asked.background.rows),
        "background_source": asked.background.source,
        # How far the model explained is from what was served: not about 0 means it is not the same model.
        "served_gap": abs(found.prediction - float(captured)) if isinstance(captured, float | int) else None,
        "seconds": seconds,
    }
    return Explanation(
        id=asked.fingerprint,
        model=asked.model.name,
        version=asked.version.version,
        inference_id=asked.inference_id,
        method=asked.job.method,
        output=called(asked.output, found.prediction, asked.model.schema),
        link="identity",
        base_value=found.base_value,
        prediction=found.prediction,
        attributions=dict(found.attributions),
        values=scalars(asked.row, asked.model.schema),
        quality={
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in quality.items()
        },
        standard_errors=found.standard_errors,
        seed=asked.job.seed,
        model_hash=asked.job.model_hash,
        background_hash=asked.background.hash,
        settings={**asked.job.settings, "target": asked.target},
        seconds=seconds,
        created=now,
        parts=found.parts,
        outputs=found.outputs,
    )

"""One metrics page as numbers by name and labels, of one model where the server has several."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from monitor.errors import InvalidInput
from monitor.servers.figures import WANTED

MOST = 20_000
"""Most series that are read of one page."""

_MODEL = ("model", "model_name", "ModelName")
"""The labels under which servers name the model: Triton; KServe, TF Serving and TorchServe; older TorchServe."""


@dataclass(frozen=True, slots=True)
class Series:
    """One number of a page. ``name`` is without the ``_total`` of counters."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float

    def label(self, name: str) -> str:
        """Return the value of a label, or nothing."""
        return dict(self.labels).get(name, "")


def read(text: str) -> list[Series]:
    """Return the finite numbers of a page in Prometheus' text format.

    >>> read('nv_gpu_utilization{gpu_uuid="GPU-1"} 0.5')
    [Series(name='nv_gpu_utilization', labels=(('gpu_uuid', 'GPU-1'),), value=0.5)]

    Only series that are known are looked at: a page may hold many thousands, and parsing holds up the whole process.

    Raises:
        InvalidInput: it is not in that format, or too much of it is known.
    """
    lines = [line for line in text.splitlines() if WANTED.match(line)]
    if len(lines) > MOST:
        raise InvalidInput(f"its answer has {len(lines):,} series of requests and GPUs; at most {MOST:,} are read")
    try:
        return [
            Series(sample.name.removesuffix("_total"), tuple(sorted(sample.labels.items())), float(sample.value))
            for family in text_string_to_metric_families("\n".join(lines) + "\n")
            for sample in family.samples
            if math.isfinite(sample.value)
        ]
    except (ValueError, KeyError, IndexError, AttributeError) as error:
        raise InvalidInput(f"its answer is not in Prometheus' text format: {error}") from None


def of_model(found: Iterable[Series], model: str) -> list[Series]:
    """Return what is of ``model``, and what is of none; all where the server has no model of that name.

    A server that calls its models otherwise than they are registered here and has one says what is of that one.
    """
    listed = list(found)
    if not any(_model(series) == model for series in listed):
        return listed
    return [series for series in listed if _model(series) in ("", model)]


def _model(series: Series) -> str:
    labels: Mapping[str, str] = dict(series.labels)
    return next((labels[name] for name in _MODEL if name in labels), "")


def names(found: Sequence[Series]) -> set[str]:
    """Return the names of all series."""
    return {series.name for series in found}

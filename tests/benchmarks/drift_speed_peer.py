"""Evidently's DataDriftPreset over two Arrow files: ``python -m tests.benchmarks.drift_speed_peer REFERENCE CURRENT``.

Prints the seconds that making its datasets and running the report took, imports and reading apart, and its values.
"""

import json
import sys
import time
import warnings

import pyarrow as pa
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset

from tests.benchmarks.drift_speed_rows import CATEGORIES, NUMBERS


def main(reference: str, current: str) -> None:
    """Run the preset as its documentation does, with what it chooses by itself."""
    warnings.simplefilter("ignore")
    frames = []
    for file in (reference, current):
        with pa.memory_map(file) as source:
            frames.append(pa.ipc.open_file(source).read_all().to_pandas())
    began = time.perf_counter()
    definition = DataDefinition(numerical_columns=list(NUMBERS), categorical_columns=list(CATEGORIES))
    before, after = (Dataset.from_pandas(frame, data_definition=definition) for frame in frames)
    result = Report([DataDriftPreset()]).run(after, before).dict()
    seconds = time.perf_counter() - began
    values = {
        metric["config"]["column"]: [metric["config"]["method"], float(metric["value"])]
        for metric in result["metrics"]
        if "column" in metric["config"]
    }
    print(json.dumps({"seconds": seconds, "values": values}))  # noqa: T201 - it is read by the benchmark


if __name__ == "__main__":
    main(*sys.argv[1:])

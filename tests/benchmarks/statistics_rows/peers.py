"""What others do on the same rows, with ``PEERS=1``: Evidently 0.7.23 by default, PSI in ten bins, NannyML 0.13.1.

On a subsample: 60 stationary chunks a control. NannyML runs in an environment of its own (see
`tests.benchmarks.peers_place`); where it cannot be had its rows are empty, and the table says so.
"""

import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monitor.detection.evidence import PERIOD
from monitor.types import Kind
from tests.benchmarks.peers_place import nannyml_python, peer_environment
from tests.benchmarks.statistics_rows import Options, Row
from tests.benchmarks.streams.stream import Floats, Ints, Stream

CHUNKS, ROWS, REFERENCE = 60, 1_000, 30
PSI_ALARMS = 0.1


def measure(options: Options) -> Iterator[Row]:
    """Measure each peer's alarms on rows drawn at random: chunks with at least one column alarmed, per 90."""
    if not options.peers:
        return
    chunks = max(2, round(CHUNKS * options.scale))
    for stream in options.streams():
        rng = np.random.default_rng(options.seeds[0])
        drawn = rng.integers(0, stream.table.num_rows, (REFERENCE + chunks, ROWS))
        reference, current = drawn[:REFERENCE].ravel(), drawn[REFERENCE:]
        for name, alarmed in (("evidently", _evidently), ("psi", _psi)):
            hits = sum(alarmed(stream, reference, rows) for rows in current)
            yield Row(f"peers_per_90d.{name}.{stream.name}_iid_1k", round(hits / chunks * PERIOD, 2), "", None)
        yield from _nannyml(stream, drawn, chunks)


def _evidently(stream: Stream, reference: Ints, current: Ints) -> bool:
    """Return whether Evidently's default preset finds drift in any column."""
    from evidently import Report
    from evidently.presets import DataDriftPreset

    names = [feature.name for feature in stream.schema.features]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own deprecations, and empty bins
        found = Report([DataDriftPreset()]).run(
            stream.table.take(pa.array(current)).select(names).to_pandas(),
            stream.table.take(pa.array(reference)).select(names).to_pandas(),
        )
    for metric in found.dict()["metrics"]:
        if metric["metric_name"].startswith("DriftedColumnsCount"):
            return bool(metric["value"]["count"] > 0)
    raise LookupError("Evidently's report has no count of drifted columns; another version than 0.7.23?")


def _psi(stream: Stream, reference: Ints, current: Ints) -> bool:
    """Return whether any column's PSI, in ten bins of the reference, is over 0.1."""
    for feature in stream.schema.features:
        column = stream.table[feature.name]
        if feature.kind is Kind.CATEGORICAL:
            codes = column.combine_chunks().dictionary_encode().indices.fill_null(-1).to_numpy() + 1
            size = int(codes.max()) + 1
        else:
            values = column.cast(pa.float64()).to_numpy()
            codes = np.searchsorted(np.nanquantile(values[reference], np.arange(1, 10) / 10), values)
            size = 10
        before = np.bincount(codes[reference], minlength=size) / len(reference)
        after = np.bincount(codes[current], minlength=size) / len(current)
        if _index(before, after) > PSI_ALARMS:
            return True
    return False


def _index(before: Floats, after: Floats) -> float:
    before, after = np.maximum(before, 1e-4), np.maximum(after, 1e-4)
    return float(np.sum((after - before) * np.log(after / before)))


_SCRIPT = """
import json, sys, warnings
import pandas as pd
warnings.simplefilter("ignore")
import nannyml as nml
folder, names, rows = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
drift = nml.UnivariateDriftCalculator(column_names=names, chunk_size=rows)
drift.fit(pd.read_parquet(folder + "/reference.parquet"))
found = drift.calculate(pd.read_parquet(folder + "/current.parquet")).filter(period="analysis").to_df()
alerts = found[[column for column in found.columns if column[-1] == "alert"]]
print(int(alerts.any(axis=1).sum()))
"""


def _nannyml(stream: Stream, drawn: Ints, chunks: int) -> Iterator[Row]:
    """Measure NannyML's default drift (Jensen-Shannon, reference mean and three deviations) in its own environment."""
    python, figure = nannyml_python(), f"peers_per_90d.nannyml.{stream.name}_iid_1k"
    if python is None:
        yield Row(figure, None, "left out: NannyML could not be installed")
        return
    names = [feature.name for feature in stream.schema.features]
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in (("reference", drawn[:REFERENCE]), ("current", drawn[REFERENCE:])):
            pq.write_table(stream.table.take(pa.array(rows.ravel())).select(names), Path(folder) / f"{name}.parquet")
        command = [python, "-c", _SCRIPT, folder, json.dumps(names), str(ROWS)]
        said = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, env=peer_environment()
        )
    hits = int(said.stdout.strip().splitlines()[-1])
    yield Row(figure, round(hits / chunks * PERIOD, 2), "", None)

"""Car loans: made data with a known drift half-way, as shipped in the wheel of nannyml 0.13.1 (Apache-2.0)."""

import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc

from monitor.types import Kind
from tests.benchmarks.streams.stream import HOUR, Stream, schema_of

WHEEL = "nannyml==0.13.1"
FOLDER = "nannyml/datasets/data"
KINDS = {
    "car_value": Kind.NUMERIC,
    "salary_range": Kind.CATEGORICAL,
    "debt_to_income_ratio": Kind.NUMERIC,
    "loan_length": Kind.NUMERIC,
    "repaid_loan_on_prev_car": Kind.CATEGORICAL,
    "size_of_downpayment": Kind.CATEGORICAL,
    "driver_tenure": Kind.NUMERIC,
}
CHUNK = 1_000


def carloan() -> Stream:
    """Return 50,000 loans of reference and 50,000 after it, in chunks of 1,000."""
    with zipfile.ZipFile(wheel()) as archive:

        def read(name: str) -> pa.Table:
            return pc.read_csv(BytesIO(archive.read(f"{FOLDER}/{name}.csv")))

        reference, analysis = read("synthetic_car_loan_reference"), read("synthetic_car_loan_analysis")
        truth = read("synthetic_car_loan_analysis_target")["repaid"]
    label = np.concatenate([reference["repaid"].to_numpy(), truth.to_numpy()]).astype(np.float64)
    columns = [*KINDS, "y_pred_proba"]
    table = pa.concat_tables([reference.select(columns), analysis.select(columns)]).combine_chunks()
    for name, kind in KINDS.items():
        if kind is Kind.CATEGORICAL:
            at = table.schema.get_field_index(name)
            table = table.set_column(at, name, table[name].cast(pa.string()))
    table = table.rename_columns([*KINDS, "_score"])
    times = np.arange(len(label), dtype=np.int64) * HOUR
    return Stream("carloan", table, schema_of("carloan", KINDS), times, label, len(reference), CHUNK)


def wheel() -> Path:
    """Return the wheel, fetched by pip into the user's cache if it is not there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "watchglass-bench"
    found = sorted(cache.glob("nannyml-0.13.1-*.whl"))
    if not found:
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(cache), WHEEL], check=True
        )
        found = sorted(cache.glob("nannyml-0.13.1-*.whl"))
    return found[0]

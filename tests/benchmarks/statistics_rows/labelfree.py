"""Accuracy before labels: how near the estimate is to what labels say later, and whether nine in ten are in the band.

On real streams and on made ones, with labels two chunks late; ours beside CBPE. Whether a stream is benign is measured:
there the realised values are about as far from CBPE as drawing labels by chance alone puts them. NannyML's CBPE is
run in its own environment with ``PEERS=1`` (see `tests.benchmarks.peers_place`); without it the comparison is with a
plain CBPE of ours, which is what the scores promise by isotonic calibration, without anchor, and the table says so.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import binomtest

from monitor.estimation.anchor import Past
from monitor.estimation.band import estimate
from monitor.jobs.promise import ByScore, past_of, promise_of
from monitor.performance.accuracy import Accuracy
from monitor.performance.auc import RocAuc
from monitor.profile.build import profile_outcomes, read
from monitor.profile.freeze import make_binning
from monitor.profile.outcome import Outcome
from tests.benchmarks.peers_place import nannyml_python, peer_environment
from tests.benchmarks.statistics_rows import Options, Row
from tests.benchmarks.streams.concepts import KINDS, concept_stream
from tests.benchmarks.streams.stream import DAY, Floats, Ints, Stream

LATE = 2
FEWEST = 100
DAILY = 1_000
BENIGN = 2.0
"""Up to this many times the scatter of chance, root mean square, CBPE's error is chance: the stream is benign."""
MEASURES = (RocAuc(), Accuracy())


@dataclass(frozen=True)
class Found:
    """One measure of one stream, chunk by chunk after the reference: [T] each; ``chunk`` counts these from 0."""

    chunk: Ints
    realised: Floats
    cbpe: Floats
    ours: Floats
    low: Floats
    high: Floats
    chance: Floats

    @property
    def surprise(self) -> float:
        """The mean square of CBPE's error in units of what chance alone does."""
        return float(np.mean(((self.realised - self.cbpe) / self.chance) ** 2))

    @property
    def held(self) -> Floats:
        """Whether the interval held the realised value, [T]."""
        return ((self.low <= self.realised) & (self.realised <= self.high)).astype(np.float64)

    def error(self, of: Floats) -> float:
        """Return the mean absolute error of an estimate."""
        return float(np.mean(np.abs(of - self.realised)))


def chunks_of(stream: Stream) -> tuple[Ints, Ints]:
    """Return the chunk of each row, and which rows are used: labelled and scored ones of whole reference chunks.

    Days with few rows are taken by the week.
    """
    chunk = stream.chunks
    if stream.chunk is None and np.median(np.unique(chunk, return_counts=True)[1]) < DAILY:
        chunk = stream.times // (7 * DAY)
    score = stream.table["_score"].to_numpy()
    assert stream.label is not None
    good = np.isfinite(stream.label) & np.isfinite(score)
    edge = chunk[stream.reference] if stream.reference < len(chunk) else chunk[-1] + 1
    rows = np.flatnonzero(good & ((chunk != edge) | (np.arange(len(chunk)) >= stream.reference)))
    return chunk, rows


def outcomes(stream: Stream) -> tuple[list[Outcome], list[Outcome]]:
    """Return the outcome of each chunk of the reference, and of each after it; small chunks are left out."""
    chunk, rows = chunks_of(stream)
    assert stream.label is not None
    score = stream.table["_score"].to_numpy()
    classes = np.array(stream.schema.classes)
    table = pa.table(
        {
            "_version": pa.array(["1"] * len(rows)),
            "_time": pa.array(stream.times[rows], pa.timestamp("us", tz="UTC")),
            "_score": score[rows],
            "_prediction": classes[(score[rows] >= stream.schema.threshold).astype(int)],
            "_label": classes[stream.label[rows].astype(int)],
            "_sign": np.ones(len(rows), dtype=np.int8),
        }
    )
    binning = make_binning(table.slice(0, 0), stream.schema)
    sides: tuple[list[Outcome], list[Outcome]] = ([], [])
    for number in np.unique(chunk[rows]):
        held = np.flatnonzero(chunk[rows] == number)
        if len(held) < FEWEST:
            continue
        pieces = profile_outcomes(table.take(pa.array(held)), stream.schema, binning)
        outcome = read(pieces, binning, stream.schema)["_outcome"]
        assert isinstance(outcome, Outcome)
        sides[int(rows[held[0]] >= stream.reference)].append(outcome)
    return sides


def follow(stream: Stream, late: int = LATE) -> dict[str, Found]:
    """Estimate every chunk after the reference from the labels that are there by then."""
    reference, later = outcomes(stream)
    promise = promise_of(reference, MEASURES)
    if promise is None:
        return {}
    assert isinstance(promise.foresight, ByScore)
    foreseen: dict[str, list[tuple[float, float, float]]] = {measure.name: [] for measure in MEASURES}
    places: dict[str, list[int]] = {measure.name: [] for measure in MEASURES}
    for place, outcome in enumerate(later):
        scores = outcome.score_counts[0].sum(axis=0).astype(np.float64)
        for measure, given in zip(MEASURES, promise.foresight.foresee_rows(scores, MEASURES), strict=True):
            truth = measure.value(outcome)
            if truth is not None and given is not None:
                foreseen[measure.name].append((given[0], truth, given[1]))
                places[measure.name].append(place)
    return {
        name: _walk(np.array(places[name]), promise.past[name], past_of(rows), late)
        for name, rows in foreseen.items()
        if rows
    }


def _walk(places: Ints, before: Past, live: Past, late: int) -> Found:
    whole = Past(
        np.concatenate([before.promised, live.promised]),
        np.concatenate([before.realised, live.realised]),
        np.concatenate([before.chance, live.chance]),
    )
    start = len(before)
    given = [
        estimate(whole.promised[at], whole.chance[at], whole.before(max(start, at - late + 1)), _ahead(start, at, late))
        for at in range(start, len(whole))
    ]
    return Found(
        places,
        live.realised,
        live.promised,
        np.array([each.value for each in given]),
        np.array([each.low for each in given]),
        np.array([each.high for each in given]),
        live.chance,
    )


def _ahead(start: int, at: int, late: int) -> int:
    """Return how many chunks after the last labelled one a chunk is; the reference is labelled from the start."""
    return at - max(start, at - late + 1) + 1


def measure(options: Options) -> Iterator[Row]:
    """Measure error and coverage on every stream."""
    found: dict[str, list[tuple[str, Found]]] = {}
    cbpe: dict[tuple[str, str], list[float]] = {}
    for stream in _streams(options):
        peer = nannyml(stream) if options.peers else None
        kind = stream.name.partition("#")[0]
        for name, given in follow(stream).items():
            found.setdefault(kind, []).append((name, given))
            theirs = given.error(given.cbpe)
            if peer is not None:
                theirs = float(np.mean(np.abs(np.array(peer[name])[given.chunk] - given.realised)))
            cbpe.setdefault((kind, name), []).append(theirs)
    yield from _errors(
        found, cbpe, "NannyML's CBPE" if options.peers and nannyml_python() else "our plain CBPE (no NannyML)"
    )
    yield from _coverage(found)


def _streams(options: Options) -> list[Stream]:
    """Return the real streams, then the made ones; only a folder's where one is given."""
    real = [
        stream for stream in options.streams() if stream.label is not None and "_score" in stream.table.column_names
    ]
    if options.data is not None:
        return real
    chunks = max(10, round(60 * min(1.0, options.scale)))
    return real + [concept_stream(kind, seed, chunks=chunks) for kind in KINDS for seed in options.seeds]


def _errors(
    found: dict[str, list[tuple[str, Found]]], cbpe: dict[tuple[str, str], list[float]], peer: str
) -> Iterator[Row]:
    ratios = []
    for kind, parts in found.items():
        names = list(dict.fromkeys(name for name, _ in parts))
        surprises = [np.mean([given.surprise for of, given in parts if of == name]) for name in names]
        benign = max(surprises) <= BENIGN**2
        for name in names:
            these = [given for of, given in parts if of == name]
            ours = float(np.mean([given.error(given.ours) for given in these]))
            theirs = float(np.mean(cbpe[kind, name]))
            said = f"{peer} {theirs:.4f}"
            if benign:
                ratios.append(ours / theirs)
                yield Row(f"labelfree_mae_benign.{kind}.{name}", round(ours, 4), "", None, said)
            else:
                bar = {"flights.accuracy": 0.045}.get(f"{kind}.{name}")
                held = None if bar is None else ours <= bar
                yield Row(
                    f"labelfree_mae_concept.{kind}.{name}",
                    round(ours, 4),
                    "" if bar is None else f"≤ {bar}",
                    held,
                    said,
                )
    worst = max(ratios, default=None)
    yield Row(
        "labelfree_ratio_benign",
        None if worst is None else round(worst, 3),
        "≤ 1.1 on the worst benign stream and measure",
        None if worst is None else worst <= 1.1,
        f"against {peer}",
    )


def _coverage(found: dict[str, list[tuple[str, Found]]]) -> Iterator[Row]:
    pooled = np.concatenate([given.held for parts in found.values() for _, given in parts])
    share = float(pooled.mean())
    yield Row("band_coverage_pooled", round(share, 4), "0.87–0.95", 0.87 <= share <= 0.95)
    for kind, parts in found.items():
        held = np.concatenate([given.held for _, given in parts])
        interval = binomtest(int(held.sum()), len(held)).proportion_ci(0.99)
        meets = interval.low <= 0.97 and interval.high >= 0.85
        yield Row(
            f"band_coverage.{kind}",
            round(float(held.mean()), 4),
            f"0.85–0.97 meets its 99 % interval {interval.low:.2f}–{interval.high:.2f}",
            meets,
        )
        for name in dict.fromkeys(name for name, _ in parts):
            half = np.mean([np.mean(given.high - given.low) / 2 for of, given in parts if of == name])
            yield Row(f"band_half_width.{kind}.{name}", round(float(half), 4))


_SCRIPT = """
import json, sys, warnings
import pandas as pd
warnings.simplefilter("ignore")
import nannyml as nml
folder = sys.argv[1]
cbpe = nml.CBPE(
    metrics=["roc_auc", "accuracy"], y_pred_proba="score", y_pred="prediction", y_true="label",
    timestamp_column_name="at", chunk_period="D", problem_type="classification_binary",
)
cbpe.fit(pd.read_parquet(folder + "/reference.parquet"))
found = cbpe.estimate(pd.read_parquet(folder + "/current.parquet")).filter(period="analysis").to_df()
print(json.dumps({"auc": found["roc_auc"]["value"].tolist(), "accuracy": found["accuracy"]["value"].tolist()}))
"""


def nannyml(stream: Stream) -> dict[str, Sequence[float]] | None:
    """Return NannyML's CBPE of each chunk after the reference; None without an environment that has it.

    A chunk is given as a day of its own, so that its chunks are ours.
    """
    python = nannyml_python()
    if python is None:
        return None
    chunk, rows = chunks_of(stream)
    assert stream.label is not None
    order, sizes = np.unique(chunk[rows], return_counts=True)
    rows = rows[np.isin(chunk[rows], order[sizes >= FEWEST])]
    score, label = stream.table["_score"].to_numpy()[rows], stream.label[rows].astype(int)
    table = pa.table(
        {
            "at": pa.array((chunk[rows] - chunk[0]) * DAY + 946_684_800_000_000, pa.timestamp("us")),
            "score": score,
            "prediction": (score >= stream.schema.threshold).astype(int),
            "label": label,
        }
    )
    split = int(np.searchsorted(rows, stream.reference))
    with tempfile.TemporaryDirectory() as folder:
        pq.write_table(table.slice(0, split), Path(folder) / "reference.parquet")
        pq.write_table(table.slice(split).drop(["label"]), Path(folder) / "current.parquet")
        said = subprocess.run(
            [python, "-c", _SCRIPT, folder],
            check=True, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, env=peer_environment(),
        )  # fmt: skip
    found: dict[str, Sequence[float]] = json.loads(said.stdout.strip().splitlines()[-1])
    return found

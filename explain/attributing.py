"""Explaining a small sample of every window, and of the reference, to see whether what a model goes by has changed.

Rows are chosen by chance and explained by an additive method from the version's registered model file, in the worker:
nothing that serves is asked, and nothing is captured. What it may cost is bounded, in model rows a day and version.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import TimeoutError as TooLate
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from explain.background import CANDIDATES, Background, stratified
from explain.choosing import AUTO, FALLBACK, choose
from explain.columns import NUMBERS, from_row
from explain.engine import Job
from explain.explainers import Attribution, explainer, resolve
from explain.files import digest
from explain.models import adapter, model_hash
from explain.queue import Queue
from explain.request import FORMAT, Requests, explained_output, specification, whole
from monitor.clock import EPOCH
from monitor.errors import InvalidInput, NotFound, Unavailable
from monitor.types import Model, ModelSchema, Version, Window

if TYPE_CHECKING:  # explaining needs no database driver of its own
    from monitor.store import Store
    from monitor.store.attributions import Attributed

MOST = 50
"""Rows of a window that are explained."""

OF_REFERENCE = 200
"""Rows of the reference that are explained, once."""

WINDOWS = 20
"""From so many of the reference's windows, so that it is known how windows vary."""

AT_ONCE = 10
"""Rows of one job: whoever asks for an explanation of the same model meanwhile waits for no more of them."""

LEAST_ROWS = 2_000
"""Model rows of one explanation, at least; with many inputs more."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the rows of a version are explained: what all of its samples share."""

    version: Version
    spec: Mapping[str, object]
    method: str
    settings: Mapping[str, int]
    model_hash: str
    background: Background
    source: Version
    basis: str


class Attributing:
    """Explains samples; called by the job ``attribution``, see `monitor.jobs.attribution`.

    Args:
        store: where rows and models are, and samples are kept.
        requests: whose backgrounds are used.
        queue: of the workers.
        budget: model rows a day and version; 0: none.
        seconds: how long `AT_ONCE` rows may take, waiting for other explanations and all.
    """

    def __init__(self, store: "Store", requests: Requests, queue: Queue, budget: int, seconds: float) -> None:
        self._store, self._requests, self._queue = store, requests, queue
        self._budget, self._seconds = budget, seconds
        self._refused: set[tuple[str, str]] = set()

    def __call__(self, model: Model, version: str, window: Window) -> str:
        """Explain a sample of a version's window, and of its reference, unless they are stored; return their basis.

        Raises:
            InvalidInput: it cannot be done; the message says why.
            Unavailable: it could not be done now.
        """
        each, rows = self._share(model)
        served = self._served(model, version)
        plan = self._plan(model, served, window, each)
        try:
            self._make(model, plan, window, rows)
        except InvalidInput:
            if plan.method == FALLBACK:
                raise
            self._refused.add((plan.model_hash, plan.method))
            plan = self._plan(model, served, window, each)
            self._make(model, plan, window, rows)
        return plan.basis

    def _share(self, model: Model) -> tuple[int, int]:
        """Return how many model rows one explanation may ask, and how many rows of a window are explained."""
        if not self._budget:
            raise InvalidInput("explain.attribution_rows is 0, so no rows are explained unasked")
        inputs = len(model.schema.features)
        if inputs < 2:
            raise InvalidInput("the model has one input, so nothing can change places")
        each = max(LEAST_ROWS, 100 + 40 * inputs)
        rows = min(MOST, self._budget * model.settings.window_hours // 24 // each)
        if rows < 10:
            raise InvalidInput(
                f"explain.attribution_rows allows {self._budget:,} model rows a day, {rows} explanations of "
                f"{each:,} rows in a window of {model.settings.window_hours} h, and 10 are needed; raise it"
            )
        return each, rows

    def _served(self, model: Model, version: str) -> Version:
        try:
            served = self._store.catalog.version(model.name, version)
        except NotFound:
            served = None
        if served is None or not served.artifact:
            raise InvalidInput(
                f"no model that can be explained is registered for version {version!r}: register the version with its "
                "artifact. Served endpoints are not asked unasked"
            )
        return served

    def _plan(self, model: Model, served: Version, window: Window, each: int) -> _Plan:
        spec = specification(served, "artifact")[1]
        kind = adapter(spec)
        method = choose(AUTO, model.schema, kind)[0]
        known_by = model_hash(spec)
        if (known_by, method) in self._refused or not explainer(method).additive:
            method = FALLBACK
        chosen = resolve(explainer(method), {"rows": each} if method == FALLBACK else {})
        references = [known for known in self._store.catalog.versions(model.name) if known.reference_rows]
        if not references:
            raise InvalidInput("there is no reference to compare with; register one")
        source = min(references, key=lambda known: (known.version != served.version, known.created, known.version))
        background = self._requests.background(model, served, window.start)
        features = [(known.name, known.kind, known.group, known.absent) for known in model.schema.features]
        basis = (FORMAT, known_by, method, chosen, background.hash, source.version, features)
        return _Plan(
            served, spec, method, chosen, known_by, background, source, digest(msgspec.json.encode(basis))[:32]
        )

    def _make(self, model: Model, plan: _Plan, window: Window, rows: int) -> None:
        samples = self._store.attributions
        name, version = model.name, plan.version.version
        if not samples.has(name, version, plan.basis, None):
            found = self._store.catalog.reference(name, plan.source.version, limit=CANDIDATES)
            samples.put(name, version, plan.basis, None, self._explain(model, plan, _of_windows(found, model)))
        if samples.has(name, version, plan.basis, window.start):
            return
        table = self._store.rows.sample(name, window, version, limit=CANDIDATES, seed=0)
        chosen = table.take(stratified(table, rows, 0)).to_pylist()
        if not chosen:
            raise InvalidInput("of this window no row is kept")
        samples.put(name, version, plan.basis, window.start, self._explain(model, plan, chosen))
        if model.settings.keep_rows_days is not None:
            samples.forget(name, window.end - timedelta(days=model.settings.keep_rows_days))

    def _explain(self, model: Model, plan: _Plan, rows: Sequence[Mapping[str, Any]]) -> "list[Attributed]":
        """Explain some rows, a few in a job."""
        by_output: defaultdict[int | None, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            complete = whole(row, model.schema)
            by_output[explained_output(model.schema, complete)[0]].append(complete)
        found: list[Attributed] = []
        for output, given in by_output.items():
            for at in range(0, len(given), AT_ONCE):
                part = given[at : at + AT_ONCE]
                answers = self._ask(model, plan, part, output)
                found += [_attributed(row, each, model.schema) for row, each in zip(part, answers, strict=True)]
        return found

    def _ask(
        self, model: Model, plan: _Plan, rows: Sequence[Mapping[str, Any]], output: int | None
    ) -> list[Attribution]:
        parts = [from_row(row, model.schema) for row in rows]
        job = Job(
            spec=dict(plan.spec),
            schema=model.schema,
            model_hash=plan.model_hash,
            method=plan.method,
            row={name: [value for part in parts for value in part[name].tolist()] for name in parts[0]},
            background={name: column.tolist() for name, column in plan.background.columns.items()},
            seed=0,
            settings=dict(plan.settings),
            output=output,
            seconds=self._seconds,
            many=True,
        )
        ticket = self._queue.put(model.name, job)
        try:
            found: list[Attribution] = ticket.found.result(self._seconds)
        except TooLate as error:
            self._queue.cancel(ticket)
            raise Unavailable(
                f"{len(rows)} rows could not be explained within {self._seconds:g} s; other explanations may wait, or "
                "the model is slow: lower explain.attribution_rows"
            ) from error
        return found


def _of_windows(table: Any, model: Model) -> list[Mapping[str, Any]]:
    """Return rows of the reference: as many from each of some windows, or any where there are too few windows."""
    hours = timedelta(hours=model.settings.window_hours)
    windows = [(time - EPOCH) // hours for time in table["_time"].to_pylist()]
    each = OF_REFERENCE // WINDOWS
    full = sorted(window for window, count in Counter(windows).items() if count >= each)
    if len(full) < WINDOWS:
        rows: list[Mapping[str, Any]] = table.take(stratified(table, OF_REFERENCE, 0)).to_pylist()
        return rows
    chosen = [full[math.floor((at + 0.5) * len(full) / WINDOWS)] for at in range(WINDOWS)]
    found: list[Mapping[str, Any]] = []
    for window in chosen:
        own = table.take([at for at, of in enumerate(windows) if of == window])
        found += own.take(stratified(own, each, 0)).to_pylist()
    return found


def _attributed(row: Mapping[str, Any], found: Attribution, schema: ModelSchema) -> "Attributed":
    """Return one explained row; values as the bins of columns hold them."""
    from monitor.store.attributions import Attributed

    own = from_row(row, schema)
    values: dict[str, float | str | None] = {}
    for name in found.attributions:
        feature = schema.feature(name)
        if feature is not None and feature.kind in NUMBERS:
            number = float(own[name][0])
            values[name] = None if math.isnan(number) else number
        else:
            given = row.get(name)
            values[name] = given if isinstance(given, str) else None
    return Attributed(str(row["_id"]), row["_time"], values, dict(found.attributions))

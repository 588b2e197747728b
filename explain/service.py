"""Explanations of captured predictions, on demand: the cache first, then the worker."""

import json
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from explain.background import Background, background
from explain.columns import from_row, scalars
from explain.engine import Job
from explain.explainers import Attribution, Explainer, explainer, explainers, resolve
from explain.models import Allowed, Specification, adapter, digest
from explain.worker import Limits, Worker
from monitor.clock import Clock, SystemClock
from monitor.errors import InvalidInput
from monitor.schema.held import restored, summarised
from monitor.types import Explanation, Model, ModelSchema, Task, Version

if TYPE_CHECKING:  # explaining needs no database driver of its own
    from monitor.config import Config
    from monitor.store import Store

FORMAT = "1"
"""Part of every fingerprint: raise it when explanations made earlier must not be served again."""


class ExplainService:
    """Explains captured rows with the model version that served them.

    The same row, model, method, settings, seed and background give the same stored explanation; a change in any of
    them makes a new one. Thread-safe; one explanation is computed at a time.
    """

    def __init__(self, store: "Store", config: "Config", clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._running: dict[str, Future[Explanation]] = {}
        settings = config.explain
        self._worker = Worker(
            Allowed(classes=tuple(settings.classes), endpoints=tuple(settings.endpoints)),
            Limits(seconds=settings.timeout_s, memory_mb=settings.memory_mb, threads=settings.threads),
        )

    def warm(self) -> None:
        """Start the worker in the background, so that the first explanation does not wait for imports."""
        self._worker.warm()

    def close(self) -> None:
        """End the worker; explanations are refused from here on."""
        self._worker.close()

    def methods(self) -> dict[str, type[Explainer]]:
        """Return the methods that may be asked for, by name."""
        return explainers()

    def explain(
        self,
        model: str,
        inference_id: str,
        method: str = "shap",
        *,
        version: str | None = None,
        seed: int = 0,
        target: str | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> Explanation:
        """Explain one captured prediction.

        Args:
            model: the model's name.
            inference_id: the captured row.
            method: an explainer's name, "shap" or "lime".
            version: which version's row, where several versions were asked under the same id.
            seed: every random choice follows from it.
            target: "artifact" (the registered model file) or "endpoint" (the served model as a black box); by default
                the artifact where the version has one.
            settings: the method's own, such as ``{"rows": 20_000}``.

        Raises:
            NotFound: no such model, version or captured row.
            InvalidInput: an unknown method, target or setting, or a version with neither artifact nor endpoint.
            Unavailable: the worker or the model did not answer in time.
        """
        asked = self._request(model, inference_id, method, version, seed, target, settings or {})
        with self._lock:
            running = self._running.get(asked.fingerprint)
            mine = running is None
            if running is None:
                # Looked up under the lock: one that has just been finished is stored by now.
                stored = self._store.explanations.find(model, inference_id, fingerprint=asked.fingerprint)
                if stored is not None:
                    return stored
                running = self._running[asked.fingerprint] = Future()
        if mine:
            self._compute(asked, running)
        return running.result()

    def _compute(self, asked: "_Request", into: "Future[Explanation]") -> None:
        """Make and store one explanation, for everybody who asks for the same at the same time."""
        try:
            started = time.perf_counter()
            found = self._worker.run(asked.job)
            explanation = self._explanation(asked, found, time.perf_counter() - started)
            self._store.explanations.put(explanation, asked.fingerprint)
            into.set_result(explanation)
        except BaseException as error:  # noqa: BLE001 - raised in every thread that waits, this one included
            into.set_exception(error)
        finally:
            with self._lock:
                del self._running[asked.fingerprint]

    def _request(
        self,
        name: str,
        inference_id: str,
        method: str,
        version: str | None,
        seed: int,
        target: str | None,
        settings: Mapping[str, object],
    ) -> "_Request":
        _check_seed(seed)
        how = explainer(method)
        model = self._store.catalog.model(name)
        row = whole(self._store.rows.inference(name, inference_id, version), model.schema)
        served = self._store.catalog.version(name, str(row["_version"]))
        target, spec = specification(served, target)
        kind = adapter(spec)
        chosen = resolve(how, settings, probes=not kind.cheap)
        usual = background(self._store, model, served, cast("datetime", row["_time"]))
        own = {column: values.tolist() for column, values in from_row(row, model.schema).items()}
        output, label = explained_output(model.schema, row)
        job = Job(
            spec=dict(spec),
            schema=model.schema,
            model_hash=kind.fingerprint(spec),
            method=method,
            row=own,
            background={column: values.tolist() for column, values in usual.columns.items()},
            seed=seed,
            settings=chosen,
            output=output,
            seconds=self._worker.limits.seconds,
        )
        fingerprint = _fingerprint(name, inference_id, served.version, target, label, usual.hash, job)
        return _Request(fingerprint, model, served, inference_id, row, target, label, usual, job)

    def _explanation(self, asked: "_Request", found: Attribution, seconds: float) -> Explanation:
        captured = asked.row.get("_score")
        quality = {
            **found.quality,
            "target": asked.target,
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
            output=asked.output,
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
            created=self._clock.now(),
        )


@dataclass(frozen=True, slots=True)
class _Request:
    """Everything one explanation follows from, and the fingerprint of it."""

    fingerprint: str
    model: Model
    version: Version
    inference_id: str
    row: Mapping[str, Any]
    target: str
    output: str
    background: Background
    job: Job


def whole(row: Mapping[str, Any], schema: ModelSchema) -> dict[str, Any]:
    """Return a captured row with its images and sequences as they were sent.

    Raises:
        InvalidInput: of a feature only the summary was kept, so that the model cannot be asked again.
    """
    missing = summarised(row, schema)
    if missing:
        raise InvalidInput(
            f"the inference {row['_id']!r} cannot be explained: of {', '.join(missing)} only a summary was kept (hash, "
            'shape, statistics). Set "store" of the feature to "full" in the schema; it applies to rows from then on'
        )
    return restored(row, schema)


def specification(version: Version, target: str | None) -> tuple[str, Specification]:
    """Return what to ask, "artifact" or "endpoint", and its specification with the adapter's name in it.

    Raises:
        InvalidInput: an unknown target, or one that the version does not have.
    """
    given = {"artifact": version.artifact, "endpoint": version.endpoint}
    if target is not None and target not in given:
        raise InvalidInput(f'no target {target!r}; use "artifact" or "endpoint", or leave it out')
    chosen = target or ("artifact" if version.artifact else "endpoint")
    spec = given[chosen]
    if not spec:
        has = ", ".join(name for name, value in given.items() if value) or "neither artifact nor endpoint"
        raise InvalidInput(
            f"version {version.version!r} of {version.model!r} cannot be asked through its {chosen}: it has {has}; "
            "register the version with one of them"
        )
    return chosen, spec if chosen == "artifact" else {"adapter": "endpoint", **spec}


def explained_output(schema: ModelSchema, row: Mapping[str, object]) -> tuple[int | None, str]:
    """Return which of the model's outputs is explained, and what people call it.

    Binary: the positive class. Multiclass: the class that was predicted (its index in the schema). Regression: the
    value.
    """
    if schema.task is Task.REGRESSION:
        return None, schema.target
    if schema.task is Task.BINARY:
        return None, f"probability of {schema.classes[-1] if schema.classes else 'the positive class'}"
    predicted = row.get("_prediction")
    if predicted not in schema.classes:
        raise InvalidInput(f"the captured prediction {predicted!r} is none of the classes {', '.join(schema.classes)}")
    return schema.classes.index(str(predicted)), f"probability of {predicted}"


def _fingerprint(
    model: str, inference_id: str, version: str, target: str, label: str, background_hash: str, job: Job
) -> str:
    """Return the sha256 (32 hex digits) of everything the explanation follows from."""
    features = [(feature.name, feature.kind) for feature in job.schema.features]
    basis = (FORMAT, model, inference_id, version, target, label, job.method, job.settings, job.seed, job.row, features)
    return digest(json.dumps((*basis, job.model_hash, background_hash), sort_keys=True).encode())[:32]


def _check_seed(seed: object) -> None:
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InvalidInput(f"seed must be a whole number from 0 to {2**32 - 1:,}, got {seed!r}")

"""What one explanation follows from: the captured row, the model that served it, the background, the settings."""

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from explain.background import NONE_YET, Background, Cohort, background, cohort
from explain.choosing import AUTO, FALLBACK, choose
from explain.columns import from_row
from explain.engine import Job
from explain.explainers import explainer, resolve
from explain.files import Specification, digest
from explain.models import adapter, model_hash
from monitor.clock import Clock, SystemClock
from monitor.errors import InvalidInput
from monitor.schema.held import restored, summarised
from monitor.types import Model, ModelSchema, Task, Version

if TYPE_CHECKING:  # explaining needs no database driver of its own
    from monitor.store import Store

FORMAT = "4"
"""Part of every fingerprint, and of the basis of samples: raise it when the same question gets other numbers, so that
explanations and samples made before are not served, or compared with new ones."""

REMEMBERED = 16
"""How many backgrounds are kept in memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question as somebody put it: see `explain.service.ExplainService.explain`."""

    model: str
    inference_id: str
    method: str = AUTO
    version: str | None = None
    seed: int = 0
    target: str | None = None
    settings: Mapping[str, object] | None = None
    cohort: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Everything one explanation follows from, and the fingerprint of it. ``why`` says how the method was chosen."""

    fingerprint: str
    model: Model
    version: Version
    inference_id: str
    row: Mapping[str, Any]
    target: str
    output: str
    background: Background
    job: Job
    why: str


class Requests:
    """Turns questions into requests; remembers backgrounds, which are the dear part of it."""

    def __init__(self, store: "Store", seconds: float, clock: Clock | None = None) -> None:
        self._store = store
        self._seconds = seconds
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._backgrounds: OrderedDict[tuple[object, ...], Background] = OrderedDict()
        self._refused: dict[tuple[str, str], str] = {}

    def refuse(self, request: "Request", reason: str) -> bool:
        """Have a method not chosen again for a model that it cannot explain; False where no other would be."""
        if request.job.method == FALLBACK:
            return False
        self._refused[request.job.model_hash, request.job.method] = reason
        return True

    def make(self, asked: Asked) -> Request:
        """Look up what a question is about.

        Raises:
            NotFound: no such model, version or captured row.
            InvalidInput: an unknown method, target or setting, or a version with neither artifact nor endpoint.
        """
        check_seed(asked.seed)
        if asked.method != AUTO:
            explainer(asked.method)
        model = self._store.catalog.model(asked.model)
        row = whole(self._store.rows.inference(asked.model, asked.inference_id, asked.version), model.schema)
        served = self._store.catalog.version(asked.model, str(row["_version"]))
        target, spec = specification(served, asked.target)
        kind = adapter(spec)
        known_by = model_hash(spec)
        method, why = choose(asked.method, model.schema, kind)
        alike = None if asked.cohort is None else cohort(asked.cohort, row, model.schema)
        usual = self.background(model, served, cast("datetime", row["_time"]), alike)
        lonely = without_others(method, usual)
        refused = lonely or self._refused.get((known_by, method))
        if asked.method == AUTO and refused:
            method, why = FALLBACK, f"{method} cannot: {refused}"
        elif lonely:
            raise InvalidInput(
                f"{method} cannot explain the inference {asked.inference_id!r}: {lonely}. Register a reference, or use "
                f"{FALLBACK}"
            )
        chosen = resolve(explainer(method), asked.settings or {}, probes=not kind.cheap)
        own = {column: values.tolist() for column, values in from_row(row, model.schema).items()}
        output, label = explained_output(model.schema, row)
        job = Job(
            spec=dict(spec),
            schema=model.schema,
            model_hash=known_by,
            method=method,
            row=own,
            background={column: values.tolist() for column, values in usual.columns.items()},
            seed=asked.seed,
            settings=chosen,
            output=output,
            seconds=self._seconds,
        )
        fingerprint = _fingerprint(asked, served.version, target, label, usual.hash, job)
        return Request(fingerprint, model, served, asked.inference_id, row, target, label, usual, job, why)

    def background(self, model: Model, served: Version, until: datetime, alike: Cohort | None = None) -> Background:
        """Return the background for a row of a version; one made of a reference is remembered until that changes."""
        of_reference = any(each.reference_rows for each in self._store.catalog.versions(model.name))
        mark = self._store.catalog.reference_mark(model.name)
        key = (model, served.version, mark, None if of_reference else until, alike)
        with self._lock:
            found = self._backgrounds.get(key)
        if found is None:
            found = background(self._store, model, served, until, cohort=alike)
            if of_reference:
                self._keep(model.name, found)
            with self._lock:
                self._backgrounds[key] = found
                while len(self._backgrounds) > REMEMBERED:
                    self._backgrounds.popitem(last=False)
        return found

    def _keep(self, model: str, made: Background) -> None:
        """Keep the rows, so that what was compared with can be seen when the reference is another one."""
        from monitor.store.backgrounds import KeptBackground

        kept = KeptBackground(
            model=model,
            hash=made.hash,
            source=made.source,
            rows=made.rows,
            columns={name: column.tolist() for name, column in made.columns.items()},
            created=self._clock.now(),
        )
        self._store.backgrounds.put(kept)


def without_others(method: str, usual: Background) -> str:
    """Return why a method cannot explain a row that there is nothing to compare with; nothing where it can."""
    return "" if usual.rows or explainer(method).alone else f"it compares with other rows, and there are {NONE_YET}"


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


def _fingerprint(asked: Asked, version: str, target: str, label: str, background_hash: str, job: Job) -> str:
    """Return the sha256 (32 hex digits) of everything the explanation follows from."""
    features = [(each.name, each.kind, each.group, each.absent) for each in job.schema.features]
    about = (FORMAT, asked.model, asked.inference_id, version, target, label, job.method, job.settings, job.seed)
    basis = (*about, job.row, features, job.model_hash, background_hash)
    return digest(json.dumps(basis, sort_keys=True).encode())[:32]


def check_seed(seed: object) -> None:
    """Refuse what is no seed.

    Raises:
        InvalidInput: it is no whole number of 32 bits.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InvalidInput(f"seed must be a whole number from 0 to {2**32 - 1:,}, got {seed!r}")

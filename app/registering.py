"""Register a model from what a person has at hand: a schema file, or rows to compare with, or both."""

import io
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from app.files import RowFile, types_of
from app.link import Link
from monitor.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a file hold what is not a feature; ``scores`` may be several, separated by commas."""

    time: str | None = None
    id: str | None = None
    prediction: str | None = None
    scores: str | None = None
    label: str | None = None

    def named(self) -> dict[str, str]:
        """Return the single columns that are named, by what they hold."""
        return {what: name for what, name in asdict(self).items() if name is not None and what != "scores"}

    def score_names(self) -> list[str]:
        """Return the columns with scores, in order of the classes."""
        return self.scores.split(",") if self.scores else []

    def types(self, schema: Mapping[str, Any]) -> dict[str, pa.DataType]:
        """Return how the columns of a CSV are to be read, of a model whose schema is this document."""
        measured = [self.prediction, self.label] if schema["task"] == "regression" else []
        numbers = [*self.score_names(), *(name for name in measured if name is not None)]
        return types_of(schema["features"], texts=[self.id or "id", "_id"], numbers=numbers)

    def all(self) -> list[str]:
        """Return every column that is named."""
        return [*self.named().values(), *self.score_names()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Everything ``watchglass register`` was told."""

    model: str
    version: str
    schema: Path | None
    reference: Path | None
    task: str | None
    classes: tuple[str, ...]
    owner: str | None
    artifact: str | None
    endpoint: str | None
    columns: Columns


def register(link: Link, asked: Registration) -> dict[str, Any]:
    """Register the model, then its version, then its reference; return what each became.

    Raises:
        InvalidInput: a file cannot be read, or there is nothing to register.
        Refused: the server refused a part; the parts before it are registered.
    """
    if asked.schema is None and asked.task is None and asked.reference is None and asked.owner is None:
        raise InvalidInput("Nothing to register: give --schema, or --task and --reference.")
    _check_order(link, asked)
    version = f"/v1/models/{asked.model}/versions/{asked.version}"
    answer = link.ask("PUT", f"/v1/models/{asked.model}", json_body=_document(asked))
    told = {"model": answer["name"], "task": answer["schema"]["task"], "features": len(answer["schema"]["features"])}
    if asked.artifact is not None or asked.endpoint is not None:
        body = {
            "artifact": None if asked.artifact is None else _json(asked.artifact),
            "endpoint": None if asked.endpoint is None else {"url": asked.endpoint, "dialect": "v2"},
        }
        told["version"] = link.ask("PUT", version, json_body=body)["version"]
    if asked.reference is not None:
        reply = link.ask(
            "POST",
            f"{version}/reference",
            query=asked.columns.named() | {"scores": asked.columns.score_names() or None},
            body=_parquet(asked.reference, asked.columns.types(answer["schema"])),
            media="application/vnd.apache.parquet",
        )
        told |= {"version": reply["version"], "reference_rows": reply["rows"], "labelled": reply["labelled"]}
        told |= {"window": f"{reply['window']['start']} to {reply['window']['end']}"}
        told["features"] = told["features"] or len(reply["inferred"])
    classes = link.ask("GET", f"/v1/models/{asked.model}")["schema"]["classes"]
    return told | {"classes": classes} if classes else told


def words(told: Mapping[str, Any]) -> str:
    """Return what became of a registration as lines; of two classes the second is the positive one.

    >>> print(words({"model": "loans", "task": "binary", "classes": ["paid", "defaulted"]}))
    model: loans
    task: binary
    classes: paid, defaulted (positive)
    """
    said = {**told}
    if "classes" in told:
        said["classes"] = ", ".join(told["classes"]) + " (positive)" * (told["task"] == "binary")
    return "\n".join(f"{key}: {value}" for key, value in said.items())


def _check_order(link: Link, asked: Registration) -> None:
    """Refuse to guess which class is positive where the scores say the opposite of the alphabet.

    Raises:
        InvalidInput: rows of the later class in the alphabet have the lower scores.
    """
    score, label = asked.columns.scores, asked.columns.label
    if asked.task != "binary" or asked.classes or asked.schema or not (score and label and asked.reference):
        return
    if any(model["name"] == asked.model for model in link.ask("GET", "/v1/models")["models"]):
        return  # its classes are known
    table = RowFile(asked.reference).table()
    if not {score, label} <= set(table.column_names) or not pa.types.is_floating(table[score].type):
        return
    means = table.group_by(label).aggregate([(score, "mean")]).to_pylist()
    found = sorted((str(each[label]), each[f"{score}_mean"]) for each in means if each[label] is not None)
    if len(found) == 2 and found[1][1] < found[0][1]:
        first, second = found[0][0], found[1][0]
        raise InvalidInput(
            f"{score} is lower where {label} is {second!r} than where it is {first!r}: say which class it is the "
            f"probability of, the negative one first: --classes {second},{first}"
        )


def _document(asked: Registration) -> dict[str, Any]:
    document = _read(asked.schema) if asked.schema is not None else {}
    if "features" in document:  # a bare schema
        document = {"schema": document}
    classes = asked.classes or (_classes(asked) if asked.schema is None else ())
    if classes:
        document["schema"] = document.get("schema", {}) | {"classes": list(classes)}
    given = {"task": asked.task, "owner": asked.owner}
    return document | {key: value for key, value in given.items() if value is not None}


def _classes(asked: Registration) -> tuple[str, ...]:
    """Return the classes that the reference's labels name, for a task with many."""
    if asked.task != "multiclass" or asked.reference is None or asked.columns.label is None:
        return ()
    table = RowFile(asked.reference).table()
    if asked.columns.label not in table.column_names:
        return ()  # the server names the missing column
    return tuple(sorted({str(value) for value in table[asked.columns.label].to_pylist() if value is not None}))


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read as a schema: {error}.") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{path} must hold an object with schema, settings and owner.")
    return found


def _json(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"--artifact is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise InvalidInput("--artifact must be a JSON object with adapter, class, weights and config.")
    return found


def _parquet(path: Path, types: Mapping[str, pa.DataType]) -> bytes:
    file = RowFile(path, types)
    if path.suffix.lower() == ".parquet":
        return path.read_bytes()
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(file.table(), buffer, compression="zstd")
    return buffer.getvalue()

"""Registered models, their versions, binnings and reference rows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec
import pyarrow as pa

from monitor.config.address import names_user, without_user
from monitor.errors import InvalidInput, NotFound
from monitor.profile.binning import Binning
from monitor.schema import check_name
from monitor.store import sampling, tables
from monitor.store.database import Database
from monitor.store.remembered import Remembered
from monitor.store.sql import naive, names, quote
from monitor.types import Model, ModelSchema, Settings, Version, Window

T = TypeVar("T")


class Catalog:
    """What is registered. Models are remembered in memory, because every request asks for its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._models: Remembered[Model] = Remembered(database)
        self._binnings: Remembered[Binning] = Remembered(database)
        self._versions: Remembered[list[Version]] = Remembered(database)
        self._reference_marks: Counter[str] = Counter()

    def put_model(self, model: Model) -> None:
        """Register a model or change it; its tables are made, or widened by the features it has gained.

        Raises:
            InvalidInput: the model's name is not one, or a feature's name cannot be stored.
            Conflict: the task or the type of a stored column would change.
        """
        check_name("model", model.name)
        if model.schema.model != model.name:
            raise InvalidInput(
                f"The schema is of the model {model.schema.model!r}, not {model.name!r}; they must agree."
            )
        with self._database.transaction():
            self._models.change(model.name)
            before = self._read(model.name)
            tables.ensure(self._database, model.schema, None if before is None else before.schema)
            sampling.record(self._database, model.name, tables.last_seq(self._database, model.name), model.settings)
            self._database.query("DELETE FROM models WHERE name = ?", [model.name])
            self._database.query(
                "INSERT INTO models VALUES (?, ?, ?, ?)",
                [model.name, _json(model.schema), _json(model.settings), naive(model.created)],
            )

    def model(self, name: str) -> Model:
        """Return a model.

        Raises:
            NotFound: no model of that name is registered.
        """
        found = self._models.get(name, self._read)
        if found is None:
            known = ", ".join(model.name for model in self.models()) or "none"
            raise NotFound(f"There is no model {name!r}. Registered: {known}. Register it first.")
        return found

    def models(self) -> list[Model]:
        """Return every model, by name."""
        return [_model(row) for row in self._database.rows("SELECT * FROM models ORDER BY name")]

    def read_ahead(self) -> list[Model]:
        """Return every model, and remember them: for whoever opens the store, before anyone can change one."""
        found = {model.name: model for model in self.models()}
        for name in found:
            self._models.get(name, found.get)
        return list(found.values())

    def _read(self, name: str) -> Model | None:
        rows = self._database.rows("SELECT * FROM models WHERE name = ?", [name])
        return _model(rows[0]) if rows else None

    def put_version(self, version: Version) -> None:
        """Register a version or change it.

        Raises:
            NotFound: its model is not registered.
        """
        self.model(version.model)
        with self._database.transaction():
            self._versions.change(version.model)
            self._database.query(
                "DELETE FROM versions WHERE model = ? AND version = ?", [version.model, version.version]
            )
            self._database.query(
                "INSERT INTO versions VALUES (?, ?, ?)", [version.model, version.version, _json(version)]
            )

    def version(self, model: str, version: str) -> Version:
        """Return one version of a model.

        Raises:
            NotFound: it is not registered.
        """
        found = next((known for known in self.versions(model) if known.version == version), None)
        if found is None:
            raise NotFound(f"The model {model!r} has no registered version {version!r}.")
        return found

    def versions(self, model: str) -> list[Version]:
        """Return a model's registered versions, oldest first."""
        return list(self._versions.get(model, self._read_versions) or ())

    def _read_versions(self, model: str) -> list[Version] | None:
        found = self._database.rows("SELECT body FROM versions WHERE model = ?", [model])
        known = (_told(_read(row["body"], Version)) for row in found)
        return sorted(known, key=lambda version: (version.created, version.version)) or None

    def put_binning(self, model: str, binning: Binning) -> None:
        """Set the binning that every profile of a model uses from now on."""
        with self._database.transaction():
            self._binnings.change(model)
            self._database.query("DELETE FROM binnings WHERE model = ?", [model])
            self._database.query("INSERT INTO binnings VALUES (?, ?, ?)", [model, binning.id, binning.to_json()])

    def binning(self, model: str) -> Binning | None:
        """Return a model's binning, or None before one was made."""
        return self._binnings.get(model, self._read_binning)

    def _read_binning(self, model: str) -> Binning | None:
        body = self._database.scalar("SELECT body FROM binnings WHERE model = ?", [model])
        return None if body is None else Binning.from_json(str(body))

    def put_reference(self, model: str, version: str, batch: pa.Table, window: Window) -> None:
        """Keep the reference rows of a version (canonical columns and ``_label``), replacing earlier ones.

        A version not registered yet is registered with them.
        """
        table = tables.reference(model)
        kept = [*tables.columns(self.model(model).schema), "_label"]
        batch = batch.select([name for name in kept if name in batch.column_names])
        batch = batch.drop_columns(["_version"]).append_column("_version", pa.repeat(pa.scalar(version), len(batch)))
        with self._database.transaction():
            known = next((found for found in self.versions(model) if found.version == version), None)
            fresh = known or Version(model=model, version=version, created=window.end)
            self.put_version(replace(fresh, reference=window, reference_rows=len(batch)))
            self._database.query(f"DELETE FROM {table} WHERE _version = ?", [version])  # noqa: S608 - quoted
            self._database.insert(table, batch)
            self._database.on_end(lambda: self._reference_marks.update([model]))

    def reference_mark(self, model: str) -> int:
        """Return a number that is another one, in this process, once a reference of the model was registered."""
        return self._reference_marks[model]

    def reference(
        self, model: str, version: str, limit: int | None = None, seed: int = 0, columns: Sequence[str] | None = None
    ) -> pa.Table:
        """Return reference rows by time and id.

        Args:
            model: whose.
            version: of which version.
            limit: at most so many rows: a sample that depends only on ids and seed.
            seed: of the sample.
            columns: which columns; all canonical ones and ``_label`` if not given.

        Raises:
            NotFound: the model is not registered.
        """
        listed = names([*tables.columns(self.model(model).schema), "_label"] if columns is None else columns)
        statement = f"SELECT {listed} FROM {tables.reference(model)} WHERE _version = ?"  # noqa: S608 - quoted
        if limit is None:
            return self._database.query(f"{statement} ORDER BY _time, _id", [version])
        chosen = f"{statement} ORDER BY md5(concat(_id, ':', ?)), _id LIMIT ?"
        return self._database.query(
            f"SELECT * FROM ({chosen}) ORDER BY {quote('_time')}, _id",  # noqa: S608 - quoted
            [version, str(seed), limit],
        )


def _model(row: dict[str, Any]) -> Model:
    return Model(
        name=row["name"],
        schema=_read(row["schema"], ModelSchema),
        settings=_read(row["settings"], Settings),
        created=row["created"],
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _told(version: Version) -> Version:
    """Return a version without passwords in its addresses: some were registered before these were refused."""
    endpoint = {
        name: without_user(value) if isinstance(value, str) and "url" in name and names_user(value) else value
        for name, value in (version.endpoint or {}).items()
    }
    return replace(version, endpoint=endpoint) if endpoint != (version.endpoint or {}) else version


def _read(body: object, kind: type[T]) -> T:
    return msgspec.json.decode(str(body), type=kind)

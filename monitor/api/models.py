"""Register models and their versions; read them back."""

from threading import Lock

from monitor.api.evolve import evolved, kept
from monitor.api.operation import BodySpec, Call, Operation, Reply
from monitor.api.services import Services
from monitor.api.shapes import ModelDetail, ModelList, ModelRequest, ModelSummary, VersionRequest
from monitor.api.wishes import check_wishes
from monitor.config.address import check_address
from monitor.errors import InvalidInput, NotFound
from monitor.schema import schema_from_dict, schema_to_dict, settings_from_dict, settings_to_dict
from monitor.types import Model, ModelSchema, Version


class Models:
    """The handlers of models and versions."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._catalog = services.store.catalog
        self._changing = Lock()  # a change is read, merged and written: one at a time

    def put_model(self, call: Call) -> Reply:
        """Create a model (201), or add to one (200)."""
        asked = call.json(ModelRequest)
        with self._changing:
            return self._put_model(call.path["model"], asked)

    def _put_model(self, name: str, asked: ModelRequest) -> Reply:
        stored = self._find(name)
        schema = self._asked_schema(name, asked, stored)
        settings = dict(asked.settings) if asked.settings is not None else {}
        if asked.settings is None and stored is not None:
            settings = dict(settings_to_dict(stored.settings))
        if asked.owner is not None:
            settings["owner"] = asked.owner
        model = Model(
            name=name,
            schema=schema if stored is None else evolved(stored.schema, schema),
            settings=settings_from_dict(settings),
            created=self._services.clock.now() if stored is None else stored.created,
        )
        self._check_settings(model)
        self._catalog.put_model(model)
        before = {feature.name for feature in stored.schema.features} if stored else set()
        added = [feature.name for feature in model.schema.features if feature.name not in before]
        return Reply(self._detail(model, added), 200 if stored else 201)

    def _asked_schema(self, name: str, asked: ModelRequest, stored: Model | None) -> ModelSchema:
        if asked.schema is None and asked.task is None and stored is not None:
            return stored.schema
        given = dict(schema_to_dict(stored.schema)) if asked.schema is None and stored else dict(asked.schema or {})
        if asked.task is not None:
            given["task"] = asked.task
        # What is left out is not asked to change; of another task it would not fit, and that is the conflict.
        if (
            stored is not None
            and stored.schema.features
            and given.get("task", stored.schema.task) == stored.schema.task
        ):
            given = kept(stored.schema) | given
        if given.setdefault("model", name) != name:
            raise InvalidInput(f"schema.model is {given['model']!r} but the path says {name!r}; leave it out.")
        given.setdefault("features", [])
        return schema_from_dict(given)

    def _check_settings(self, model: Model) -> None:
        check_wishes(model)
        if model.settings.metrics_url:
            check_address(model.settings.metrics_url, self._services.config.explain.endpoints, "metrics_url")
        known = {feature.name for feature in model.schema.features}
        unknown = [name for name in model.settings.segments if name not in known]
        if known and unknown:
            raise InvalidInput(f"settings.segments names no feature: {', '.join(unknown)}; features: {sorted(known)}.")

    def _find(self, name: str) -> Model | None:
        try:
            return self._catalog.model(name)
        except NotFound:
            return None

    def _detail(self, model: Model, added: list[str]) -> ModelDetail:
        return ModelDetail(
            name=model.name,
            schema=model.schema,
            settings=model.settings,
            created=model.created,
            versions=self._catalog.versions(model.name),
            added=added,
        )

    def get_models(self, _call: Call) -> Reply:
        """List every model."""
        return Reply(
            ModelList(
                [
                    ModelSummary(
                        name=model.name,
                        title=model.title,
                        task=model.schema.task,
                        owner=model.settings.owner,
                        created=model.created,
                        features=len(model.schema.features),
                        versions=[version.version for version in self._catalog.versions(model.name)],
                    )
                    for model in self._catalog.models()
                ]
            )
        )

    def get_model(self, call: Call) -> Reply:
        """Show one model."""
        return Reply(self._detail(self._catalog.model(call.path["model"]), []))

    def put_version(self, call: Call) -> Reply:
        """Create a version (201), or replace its artifact and endpoint (200)."""
        model, name = call.path["model"], call.path["version"]
        self._catalog.model(model)
        asked = call.json(VersionRequest)
        with self._changing:
            return self._put_version(model, name, asked)

    def _put_version(self, model: str, name: str, asked: VersionRequest) -> Reply:
        for key, what in (("url", "endpoint"), ("metrics_url", "metrics_url")):
            address = (asked.endpoint or {}).get(key)
            if address is not None:
                check_address(str(address), self._services.config.explain.endpoints, what)
        stored = next((known for known in self._catalog.versions(model) if known.version == name), None)
        version = Version(
            model=model,
            version=name,
            created=stored.created if stored else self._services.clock.now(),
            artifact=asked.artifact,
            endpoint=asked.endpoint,
            reference=stored.reference if stored else None,
            reference_rows=stored.reference_rows if stored else 0,
        )
        self._catalog.put_version(version)
        return Reply(version, 200 if stored else 201)


def operations(services: Services) -> list[Operation]:
    """Return the operations on models and versions."""
    models = Models(services)
    version = "/v1/models/{model}/versions/{version}"
    return [
        Operation(
            method="GET",
            path="/v1/models",
            name="list_models",
            summary="List the registered models.",
            tag="models",
            handler=models.get_models,
            replies={200: ModelList},
        ),
        Operation(
            method="GET",
            path="/v1/models/{model}",
            name="get_model",
            summary="Show one model: schema, settings, versions.",
            tag="models",
            handler=models.get_model,
            replies={200: ModelDetail},
            errors=(404, 422),
        ),
        Operation(
            method="PUT",
            path="/v1/models/{model}",
            name="put_model",
            summary="Register a model, add features to its schema, or change its settings.",
            tag="models",
            handler=models.put_model,
            replies={200: ModelDetail, 201: ModelDetail},
            errors=(400, 409, 413, 415, 422, 429),
            body=BodySpec(type=ModelRequest),
        ),
        *(
            Operation(
                method=method,
                path=version,
                name=f"{method.lower()}_version",
                summary="Register a version, or replace how it can be asked again.",
                tag="models",
                handler=models.put_version,
                replies={200: Version, 201: Version},
                errors=(400, 404, 413, 415, 422, 429),
                body=BodySpec(type=VersionRequest),
            )
            for method in ("PUT", "POST")
        ),
    ]

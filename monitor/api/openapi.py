"""The OpenAPI 3.1 document, made from the same table as the routes."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from inspect import cleandoc
from typing import Any

import msgspec

from monitor.api.operation import JSON, Operation, Parameter
from monitor.api.problem import MEDIA, ProblemBody
from monitor.schema import NAME, VERSION

Document = dict[str, Any]

_TEMPLATE = "#/components/schemas/{name}"
_PATH_TEXT = {
    "model": "The model's name.",
    "version": "The version's name.",
    "id": "The id.",
    "number": "The dead letter's number.",
    "hash": "The sha256, as an explanation's `background_hash` says.",
    "task": "The id of what is under way, as the answer of asking without waiting says.",
    "collector": "The format: kserve, v1, v2, torchserve, sagemaker, bentoml, kserve_blob, triton_trace ….",
    "file": "The file's name within the report.",
}


def document(operations: Sequence[Operation]) -> Document:
    """Describe ``operations`` as an OpenAPI 3.1 document."""
    shapes = [shape for operation in operations for shape in _shapes(operation)]
    schemas, components = msgspec.json.schema_components(
        [*shapes, ProblemBody], schema_hook=_any_json, ref_template=_TEMPLATE
    )
    by_shape = {repr(shape): schema for shape, schema in zip([*shapes, ProblemBody], schemas, strict=True)}
    for component in components.values():
        component["description"] = cleandoc(component.get("description", "")).replace("``", "`")
    paths: Document = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, by_shape)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Watchglass",
            "version": "1",
            "summary": "Capture what served models are asked and answer; read what was measured, and why.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {"schemas": components},
    }


def _shapes(operation: Operation) -> list[object]:
    shapes = [shape for shape in operation.replies.values() if shape is not None]
    if operation.body is not None and operation.body.type is not None:
        shapes.append(operation.body.type)
    return shapes


def _any_json(shape: type) -> dict[str, object]:
    """``object`` stands for any JSON value."""
    if shape is object:
        return {"description": "Any JSON value."}
    raise NotImplementedError(shape)


def _operation(operation: Operation, by_shape: Mapping[str, object]) -> Document:
    path_parameters = [
        {"name": name, "in": "path", "required": True, "description": _PATH_TEXT[name], "schema": _path_schema(name)}
        for name in operation.path_names
    ]
    described: Document = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": path_parameters + [_parameter(parameter) for parameter in operation.parameters],
        "responses": _responses(operation, by_shape),
    }
    if operation.body is not None:
        spec = operation.body
        schema = {} if spec.type is None else by_shape[repr(spec.type)]
        content = {media: {"schema": schema if media == JSON else {}} for media in spec.media}
        described["requestBody"] = {"required": spec.required, "content": content}
    return described


def _path_schema(name: str) -> Document:
    patterns = {"model": NAME.pattern, "version": VERSION.pattern}
    return {"type": "string", "pattern": f"^{patterns[name]}$"} if name in patterns else {"type": "string"}


def _parameter(parameter: Parameter) -> Document:
    schema: Document = {"type": parameter.type}
    if parameter.type == "date-time":
        schema = {"type": "string", "description": "ISO 8601; without an offset it is UTC."}
    optional = {
        "default": parameter.default,
        "enum": list(parameter.choices) or None,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
    }
    schema |= {key: value for key, value in optional.items() if value is not None}
    return {
        "name": parameter.name,
        "in": parameter.where,
        "required": parameter.required,
        "description": parameter.description,
        "schema": {"type": "array", "items": schema} if parameter.repeated else schema,
    }


def _responses(operation: Operation, by_shape: Mapping[str, object]) -> Document:
    responses: Document = {}
    for status, shape in operation.replies.items():
        schema = {} if shape is None else by_shape[repr(shape)]
        content = {media: {"schema": schema} for media in operation.media}
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": content}
    problem = {MEDIA: {"schema": by_shape[repr(ProblemBody)]}}
    for status in sorted(operation.errors):
        responses[str(status)] = {"description": HTTPStatus(status).phrase, "content": problem}
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            after = {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}}
            responses[str(status)]["headers"] = {"Retry-After": after}
    responses["default"] = {"description": "Any other error, such as a refused Host header.", "content": problem}
    return responses

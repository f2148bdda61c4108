"""Common pieces of the OpenAPI documents: schemas of models, contents, parameters, responses with problem documents.

The webhooks, the sandbox and the callback contract of the HTTP adapter describe themselves with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from pydantic.json_schema import models_json_schema

from webhook_kit.gett.models.base import Wire

__all__ = ["Json", "document", "json_content", "list_of", "parameter", "problem_responses", "reference", "schemas"]

Json: TypeAlias = dict[str, Any]
"""A JSON object, as Python data."""

_REFERENCE = "#/components/schemas/{model}"


def document(
    title: str,
    version: str,
    *,
    paths: Json,
    components: Json,
    description: str | None = None,
    security: list[Json] | None = None,
    webhooks: Json | None = None,
) -> Json:
    """Return an OpenAPI 3.1 document.

    :param components: by kind: ``schemas``, ``parameters``, ``securitySchemes``.
    """
    info = {"title": title, "version": version}
    return {
        "openapi": "3.1.0",
        "info": info if description is None else info | {"description": description},
        **({} if security is None else {"security": security}),
        "paths": paths,
        **({} if webhooks is None else {"webhooks": webhooks}),
        "components": components,
    }


def schemas(models: Iterable[type[Wire]]) -> Json:
    """Return the schemas of models and of everything that they contain, by name."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in models], by_alias=True, ref_template=_REFERENCE
    )
    result: Json = definitions["$defs"]
    return result


def reference(model: type[Wire] | str) -> Json:
    """Return the schema that refers to a model, by its class or name."""
    return {"$ref": _REFERENCE.format(model=model if isinstance(model, str) else model.__name__)}


def list_of(schema: Json) -> Json:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def json_content(schema: Json) -> Json:
    """Return the content of a request or response that is JSON."""
    return {"application/json": {"schema": schema}}


def parameter(
    place: Literal["header", "path", "query"],
    name: str,
    schema: Json,
    description: str | None = None,
    *,
    required: bool = True,
) -> Json:
    """Return a parameter of an operation."""
    described = {} if description is None else {"description": description}
    return {"name": name, "in": place, "required": required, **described, "schema": schema}


def problem_responses(descriptions: Mapping[str, str]) -> Json:
    """Return a response with a problem document for each status."""
    content = {
        "application/problem+json": {"schema": reference("ProblemDetail")},
        "text/markdown": {"schema": {"type": "string"}},
    }
    return {status: {"description": description, "content": content} for status, description in descriptions.items()}

"""Common pieces of the OpenAPI documents."""

from __future__ import annotations

from webhook_kit.gett import openapi
from webhook_kit.gett.models.order import ExternalOrder
from webhook_kit.gett.models.problem import ProblemDetail


def test_document_has_only_the_given_members_in_the_usual_order() -> None:
    plain = openapi.document("Title", "1", paths={}, components={})
    assert plain == {"openapi": "3.1.0", "info": {"title": "Title", "version": "1"}, "paths": {}, "components": {}}
    full = openapi.document("T", "1", paths={}, components={}, description="D", security=[], webhooks={})
    assert list(full) == ["openapi", "info", "security", "paths", "webhooks", "components"]
    assert full["info"]["description"] == "D"


def test_schemas_contain_the_models_and_what_they_refer_to() -> None:
    schemas = openapi.schemas([ExternalOrder])
    assert {"ExternalOrder", "Cart", "LineItem"} <= schemas.keys()
    assert schemas["ExternalOrder"]["properties"]["cart"]["$ref"] == openapi.reference("Cart")["$ref"]


def test_reference_takes_a_model_or_its_name() -> None:
    assert openapi.reference(ExternalOrder) == openapi.reference("ExternalOrder")


def test_parameter_is_required_unless_stated_otherwise() -> None:
    schema = {"type": "string"}
    assert openapi.parameter("path", "id", schema) == {"name": "id", "in": "path", "required": True, "schema": schema}
    optional = openapi.parameter("header", "Signature", schema, "hex", required=False)
    assert (optional["required"], optional["description"]) == (False, "hex")


def test_problem_responses_offer_json_and_markdown() -> None:
    responses = openapi.problem_responses({"404": "unknown"})
    assert responses["404"]["description"] == "unknown"
    assert list(responses["404"]["content"]) == ["application/problem+json", "text/markdown"]
    assert responses["404"]["content"]["application/problem+json"]["schema"] == openapi.reference(ProblemDetail)

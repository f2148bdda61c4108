"""The OpenAPI document of the webhooks: valid, complete and correct."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jsonschema_rs
import pytest
import schemathesis

from tests.webhooks.gett_client import STORE_ID, Partner, order, problem
from webhook_kit.gett.models.problem import ErrorCode

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def openapi_document(partner: Partner) -> dict[str, Any]:
    document: dict[str, Any] = partner.get("/openapi.json").json
    return document


@pytest.mark.parametrize("prefix", ["", "/gett"])
def test_document_describes_exactly_the_existing_routes(prefix: str, make_partner: Callable[..., Partner]) -> None:
    partner = make_partner(webhook_prefix=prefix)
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method)
        for rule in partner.client.application.url_map.iter_rules()
        for method in (rule.methods or set()) & METHODS
        if rule.endpoint != "static"
    }
    paths = openapi_document(partner)["paths"]
    assert {(path, method.upper()) for path, operations in paths.items() for method in operations} == routes


def test_document_is_valid_openapi(partner: Partner) -> None:
    schema = schemathesis.openapi.from_dict(openapi_document(partner))
    schema.validate()
    names = [
        operation["operationId"] for path in openapi_document(partner)["paths"].values() for operation in path.values()
    ]
    assert len(set(names)) == len(names)


def test_every_schema_is_valid_and_resolves(partner: Partner) -> None:
    document = openapi_document(partner)
    components = document["components"]["schemas"]
    for name in components:
        resolved = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.validator_for(resolved)
    text = json.dumps(document)
    assert all(f"#/components/schemas/{name}" in text for name in components if name != "PlaceOrderRequest")


def schema_of(partner: Partner, path: str, status: str, media: str) -> jsonschema_rs.Validator:
    document = openapi_document(partner)
    schema = document["paths"][path]["post"]["responses"][status]["content"][media]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": document["components"]})


def test_responses_match_their_schemas(partner: Partner) -> None:
    validated = partner.validate(order("cola"))
    assert schema_of(partner, "/validateOrder", "200", "application/json").is_valid(validated.json)
    placed = partner.place(partner.placing(order("cola")))
    assert schema_of(partner, "/placeOrder", "200", "application/json").is_valid(placed.json)
    error = problem(partner.place({}), 422, ErrorCode.VALIDATION_FAILED)
    assert schema_of(partner, "/placeOrder", "422", "application/problem+json").is_valid(error)


ERRORS: dict[str, tuple[bytes, dict[str, str]]] = {
    "400": (b"", {}),
    "401": (b"{}", {"Signature": "0" * 64}),
    "404": (json.dumps(order()).replace(STORE_ID, "unknown").encode(), {}),
    "413": (b" " * (1024 * 1024 + 1), {}),
    "415": (b"{}", {"Content-Encoding": "gzip"}),
    "422": (b"{}", {}),
}


@pytest.mark.parametrize("path", ["/validateOrder", "/placeOrder"])
@pytest.mark.parametrize("status", ERRORS)
def test_every_error_response_is_described(status: str, path: str, partner: Partner) -> None:
    body, headers = ERRORS[status]
    response = partner.deliver(path.strip("/"), body, headers, key=str(uuid4()))
    assert str(response.status_code) == status
    assert schema_of(partner, path, status, response.mimetype or "").is_valid(response.json)


@pytest.mark.parametrize("required", [True, False])
def test_idempotency_key_is_required_when_the_setting_requires_it(
    required: bool, make_partner: Callable[..., Partner]
) -> None:
    document = openapi_document(make_partner(require_idempotency_key=required))
    for path, parameters in {"/placeOrder": 1, "/place": 1, "/validateOrder": 0, "/validate": 0}.items():
        keys = [p for p in document["paths"][path]["post"]["parameters"] if p["name"] == "Idempotency-Key"]
        assert [key["required"] for key in keys] == [required] * parameters


def test_document_contains_no_secret(partner: Partner) -> None:
    assert "whsec" not in partner.get("/openapi.json").text

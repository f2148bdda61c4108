"""The OpenAPI document of the webhooks: valid, complete and correct."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jsonschema_rs
import pytest
import schemathesis

from tests.webhooks.webhook_client import STORE_ID, WebhookClient, expect_problem, order
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.webhooks.orders import OrderRoutes

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


def openapi_document(client: WebhookClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/openapi.json").json
    return document


@pytest.mark.parametrize("prefix", ["", "/gett"])
def test_document_describes_exactly_the_existing_routes(prefix: str, make_client: Callable[..., WebhookClient]) -> None:
    client = make_client(webhook_prefix=prefix)
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method)
        for rule in client.flask.application.url_map.iter_rules()
        for method in (rule.methods or set()) & METHODS
        if rule.endpoint != "static" and rule.rule != "/metrics"  # no webhook
    }
    orders = client.flask.application.wsgi_app
    assert isinstance(orders, OrderRoutes)
    routes |= {(path, "POST") for path in orders.paths}
    paths = openapi_document(client)["paths"]
    assert {(path, method.upper()) for path, operations in paths.items() for method in operations} == routes


def test_document_is_valid_openapi(client: WebhookClient) -> None:
    schema = schemathesis.openapi.from_dict(openapi_document(client))
    schema.validate()
    names = [
        operation["operationId"] for path in openapi_document(client)["paths"].values() for operation in path.values()
    ]
    assert len(set(names)) == len(names)


def test_every_schema_is_valid_and_resolves(client: WebhookClient) -> None:
    document = openapi_document(client)
    components = document["components"]["schemas"]
    for name in components:
        resolved = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        jsonschema_rs.validator_for(resolved)
    text = json.dumps(document)
    assert all(f"#/components/schemas/{name}" in text for name in components if name != "PlaceOrderRequest")


def schema_of(client: WebhookClient, path: str, status: str, media: str) -> jsonschema_rs.Validator:
    document = openapi_document(client)
    schema = document["paths"][path]["post"]["responses"][status]["content"][media]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": document["components"]})


def test_responses_match_their_schemas(client: WebhookClient) -> None:
    validated = client.validate(order("cola"))
    assert schema_of(client, "/validateOrder", "200", "application/json").is_valid(validated.json)
    placed = client.place(client.validated(order("cola")))
    assert schema_of(client, "/placeOrder", "200", "application/json").is_valid(placed.json)
    error = expect_problem(client.place({}), 422, ErrorCode.VALIDATION_FAILED)
    assert schema_of(client, "/placeOrder", "422", "application/problem+json").is_valid(error)


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
def test_every_error_response_is_described(status: str, path: str, client: WebhookClient) -> None:
    body, headers = ERRORS[status]
    response = client.deliver(path.strip("/"), body, headers, key=str(uuid4()))
    assert str(response.status_code) == status
    assert schema_of(client, path, status, response.mimetype or "").is_valid(response.json)


@pytest.mark.parametrize("required", [True, False])
def test_idempotency_key_is_required_when_the_setting_requires_it(
    required: bool, make_client: Callable[..., WebhookClient]
) -> None:
    document = openapi_document(make_client(require_idempotency_key=required))
    for path, parameters in {"/placeOrder": 1, "/place": 1, "/validateOrder": 0, "/validate": 0}.items():
        keys = [p for p in document["paths"][path]["post"]["parameters"] if p["name"] == "Idempotency-Key"]
        assert [key["required"] for key in keys] == [required] * parameters


def test_document_contains_no_secret(client: WebhookClient) -> None:
    assert "whsec" not in client.get("/openapi.json").text

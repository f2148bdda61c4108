"""Generated requests, valid and invalid ones, get responses that the OpenAPI document describes."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.webhooks.webhook_client import SECRET, STORE_ID, WebhookClient
from webhook_kit.gett.signing import sign

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 12

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def with_signatures(app: Wsgi) -> Wsgi:
    """Wrap the application so that every body is signed."""

    def signed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        signature_headers = {"HTTP_SIGNATURE": sign(body, SECRET), "HTTP_TIMESTAMP": str(int(time.time()))}
        return app({**environ, **signature_headers, "wsgi.input": io.BytesIO(body)}, start_response)

    return signed


def make_plausible(case: Case[Any]) -> None:
    """Change a generated order to colas at this store with the right price, so that most orders can be placed."""
    body = case.body
    if not isinstance(body, dict) or not isinstance(body.get("cart"), dict):
        return
    cart: Any = body["cart"]
    cart["storeId"] = STORE_ID
    lines = [line for line in cart["lineItems"] if isinstance(line, dict)] or [{}]
    cart["lineItems"] = [{**line, "itemId": "cola", "quantity": 1, "modifierGroups": []} for line in lines]
    body.update(fulfillmentType="Pickup", validatedOrderToken=None, gettOrderId=None)
    body["amounts"] = {"total": round(2.75 * len(lines), 2)}
    case.headers["Idempotency-Key"] = str(uuid4())


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/validateOrder", "/placeOrder"])
@pytest.mark.parametrize("kind", ["plausible", "allowed", "forbidden", "unsigned"])
def test_every_response_is_described(path: str, kind: str, client: WebhookClient) -> None:
    app = client.flask.application
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app=app if kind == "unsigned" else with_signatures(app))
    mode = GenerationMode.NEGATIVE if kind == "forbidden" else GenerationMode.POSITIVE
    statuses: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=schema[path]["POST"].as_strategy(generation_mode=mode))
    def deliver(case: Case[Any]) -> None:
        if kind == "plausible":
            make_plausible(case)
        response = case.call()
        statuses.append(response.status_code)
        # 503 is documented, but here POS, catalog and Redis are reachable.
        case.validate_response(response, checks=[not_a_server_error, *CHECKS])

    deliver()
    assert {"plausible": 200, "unsigned": 401}.get(kind, statuses[0]) in statuses


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
def test_response_to_a_request_without_body_is_described(path: str, client: WebhookClient) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app=client.flask.application)
    case = schema[path]["GET"].Case()
    response = case.call()
    assert response.status_code == 200
    case.validate_response(response, checks=CHECKS)

"""Whatever the description allows, and whatever it does not, is answered as the description says."""

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

from tests.webhooks.gett_client import SECRET, STORE_ID, Partner
from webhook_kit.gett.signing import sign

CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 12

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def signing(app: Wsgi) -> Wsgi:
    """The application behind somebody who signs every body."""

    def signed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        proof = {"HTTP_SIGNATURE": sign(body, SECRET), "HTTP_TIMESTAMP": str(int(time.time()))}
        return app({**environ, **proof, "wsgi.input": io.BytesIO(body)}, start_response)

    return signed


def plausible(case: Case[Any]) -> None:
    """Let what was generated be an order of colas at this store, at its price, so that most of it can be placed."""
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


@pytest.mark.parametrize("path", ["/validateOrder", "/placeOrder"])
@pytest.mark.parametrize("what", ["plausible", "allowed", "forbidden", "unsigned"])
def test_every_answer_is_one_that_is_described(path: str, what: str, partner: Partner) -> None:
    app = partner.client.application
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app=app if what == "unsigned" else signing(app))
    mode = GenerationMode.NEGATIVE if what == "forbidden" else GenerationMode.POSITIVE
    seen: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=schema[path]["POST"].as_strategy(generation_mode=mode))
    def deliver(case: Case[Any]) -> None:
        if what == "plausible":
            plausible(case)
        response = case.call()
        seen.append(response.status_code)
        # 503 is documented: it is for a POS, menu or Redis out of reach, which here are none of them.
        case.validate_response(response, checks=[not_a_server_error, *CHECKS])

    deliver()
    assert {"plausible": 200, "unsigned": 401}.get(what, seen[0]) in seen


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/openapi.json"])
def test_what_takes_no_body_is_answered_as_described(path: str, partner: Partner) -> None:
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app=partner.client.application)
    case = schema[path]["GET"].Case()
    response = case.call()
    assert response.status_code == 200
    case.validate_response(response, checks=CHECKS)

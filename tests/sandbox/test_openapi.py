"""Tests of the sandbox's OpenAPI document against its routes and responses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.sandbox.sandbox_env import CATALOG, KEY, NOON, ORDER, STORE, Consumer, FakePartner
from webhook_kit.gett.models.order import Location
from webhook_kit.gett.models.store import OnboardingRequest, OnboardingStatus
from webhook_kit.sandbox.calls import CALLS, CallDescription, table
from webhook_kit.sandbox.context import SandboxContext
from webhook_kit.sandbox.state import OnboardingRecord, OrderRecord

DOCS = Path(__file__).parents[2] / "docs" / "sandbox.md"
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 4
# Existing ids, so that most generated calls find something.
EXISTING_IDS = {
    "store_id": STORE,
    "order_id": "o-1",
    "onboarding_id": "on-1",
    "catalog_set_id": str(CATALOG.catalog_set_id),
}


def test_table_has_every_route(client: FlaskClient) -> None:
    served = {
        (
            f"{method} {re.sub('[<>]', lambda match: '{}'['<>'.index(match[0])], rule.rule)}",
            rule.endpoint.rpartition(".")[2],
        )
        for rule in client.application.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1/")
    }
    assert served == {(call.route, call.name) for call in CALLS}


def test_docs_have_the_table() -> None:
    assert table() in DOCS.read_text(), "run: python scripts/make_sandbox.py"


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_every_response_conforms_to_the_document(
    call: CallDescription,
    mode: GenerationMode,
    client: FlaskClient,
    consumer: Consumer,
    partner: FakePartner,
    context: SandboxContext,
) -> None:
    context.options.pull_timeout = 0.000_001  # generated URLs have real hosts, which must not be called
    context.state.stores[STORE].listing.location = Location(latitude=40, longitude=-74)
    context.state.orders["o-1"] = OrderRecord(order_id="o-1", store_id=STORE, created_at=NOON)
    request = OnboardingRequest.model_validate(
        {"partnerStoreId": "p", "name": "P", "catalogCallbackUrl": "http://127.0.0.1:9/", "webhookUrl": "http://x/"}
    )
    context.state.onboardings["on-1"] = OnboardingRecord(
        onboarding_id="on-1", request=request, created_at=NOON, status=OnboardingStatus.READY_TO_ACTIVATE
    )
    consumer.session(email="a@b.co", firstName="A", lastName="B")
    in_session = "/checkout/" in call.route or ("/session/" in call.route and call.name != "createSession")
    method, _, path = call.route.partition(" ")
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app=client.application)
    if mode is GenerationMode.NEGATIVE and not (call.request or "{" in path or call.query):
        return  # no part of the call can be invalid

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=schema[path][method].as_strategy(generation_mode=mode))
    def check_case(case: Case[Any]) -> None:
        if mode is GenerationMode.POSITIVE:
            use_known_ids(case)
        case.headers.update(consumer.headers if in_session else KEY)
        response = case.call()
        expected = [502] if call.name in ("validate", "place") else []  # the fake store's response was not an order
        checks = CHECKS if response.status_code in expected else [not_a_server_error, *CHECKS]
        case.validate_response(response, checks=checks)

    check_case()


def use_known_ids(case: Case[Any]) -> None:
    """Replace generated ids by existing ones, and URLs by ones that cannot be called."""
    case.path_parameters = {name: EXISTING_IDS.get(name, value) for name, value in (case.path_parameters or {}).items()}
    body: Any = case.body
    if not isinstance(body, dict):
        return
    for name in ("callbackUrl", "catalogCallbackUrl"):
        if name in body:
            body[name] = "http://127.0.0.1:9/"
    if isinstance(body.get("cart"), dict) and "fulfillmentType" in body:
        body["cart"] = ORDER["cart"]
        case.headers["Idempotency-Key"] = str(uuid4())

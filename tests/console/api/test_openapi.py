"""The OpenAPI document of the API, and generated requests."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema_rs import validator_for
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.console.api.conftest import ApiClient
from webhook_kit.console.api.endpoints import ACTIONS, READS
from webhook_kit.console.api.openapi import describe

CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
EXISTING = {"store_id": "main", "ref": None, "name": None}
EXAMPLES = 6


def test_the_document_is_valid(api: ApiClient) -> None:
    document = api.http.get("/console/api/openapi.json", headers=api.authorization).json
    assert document == describe()
    schemathesis.openapi.from_dict(document).validate()
    for schema in document["components"]["schemas"].values():
        validator_for(schema | {"components": document["components"]})


@pytest.mark.slow
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["allowed", "forbidden"])
@pytest.mark.parametrize(
    ("method", "path"),
    [*(("GET", each.path) for each in READS), *(("POST", each.path) for each in ACTIONS)],
)
def test_every_answer_is_described(method: str, path: str, mode: GenerationMode, api: ApiClient, ref: str) -> None:
    schema = schemathesis.openapi.from_dict(describe())
    operation = schema[path][method]
    if mode is GenerationMode.NEGATIVE and not any(
        each.arguments.model.model_fields for each in (*READS, *ACTIONS) if each.path == path
    ):
        return

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Case[Any]) -> None:
        if mode is GenerationMode.POSITIVE:
            use_existing(case, ref)
        case.headers.update(api.authorization)
        case.headers.pop("Idempotency-Key", None)
        response = case.call(app=api.http.application, base_url="http://localhost/console/api/v1")
        case.validate_response(
            response, checks=CHECKS if response.status_code == 502 else [not_a_server_error, *CHECKS]
        )

    send()


def use_existing(case: Case[Any], ref: str) -> None:
    for given_names in (case.query, case.body if isinstance(case.body, dict) else {}):
        for name in set(given_names) & {"store_id", "ref"}:
            given_names[name] = {"store_id": "main", "ref": ref}[name]

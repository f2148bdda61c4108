from __future__ import annotations

import json

import pytest

from webhook_kit.gett.models.problem import ERROR_TYPE_BASE, ErrorCode, ProblemDetail

TABLE: list[tuple[str, int, str, bool]] = [
    *[
        (code, 400, "validation", False)
        for code in (
            "INVALID_REQUEST",
            "CART_EMPTY",
            "CATALOGSET_REQUIRED",
            "MODIFIER_REQUIRED",
            "ORDER_BELOW_MINIMUM",
            "ORDER_TOTAL_DIFFERENT",
            "ADDRESS_INVALID",
            "ADDRESS_OUT_OF_RANGE",
            "MISSING_IDEMPOTENCY_KEY",
            "LEVEL_1_INCOMPLETE",
            "OTHER",
        )
    ],
    ("STORE_CLOSED", 400, "availability", False),
    ("ITEM_UNAVAILABLE", 400, "availability", False),
    ("PAYMENT_DECLINED", 400, "payment", False),
    ("PAYMENT_METHOD_INVALID", 400, "payment", False),
    ("PAYMENT_FAILED", 400, "payment", True),
    ("UNAUTHENTICATED", 401, "authentication", False),
    ("SESSION_USER_REQUIRED", 401, "authentication", False),
    ("FORBIDDEN", 403, "authorization", False),
    ("NOT_FOUND", 404, "not_found", False),
    ("STORE_NOT_FOUND", 404, "not_found", False),
    ("CATALOGSET_NOT_FOUND", 404, "not_found", False),
    ("CONFLICT", 409, "conflict", False),
    ("ORDER_ALREADY_PLACED", 409, "conflict", False),
    ("VALIDATION_FAILED", 422, "validation", False),
    ("RATE_LIMITED", 429, "rate_limit", True),
    ("INTERNAL_ERROR", 500, "server_error", True),
    ("BAD_GATEWAY", 502, "server_error", True),
    ("SERVICE_UNAVAILABLE", 503, "availability", True),
]


@pytest.mark.parametrize(("code", "status", "category", "retryable"), TABLE)
def test_every_code_has_the_kind_of_the_protocol(code: str, status: int, category: str, retryable: bool) -> None:
    assert ErrorCode(code).kind == (status, category, retryable)


def test_only_codes_of_the_protocol_exist() -> None:
    assert {code.value for code in ErrorCode} == {code for code, *_ in TABLE}


def test_published_example_is_written_as_it_was_read() -> None:
    document = {
        "type": ERROR_TYPE_BASE + "SESSION_USER_REQUIRED",
        "title": "Bad request",
        "status": 401,
        "detail": (
            "This endpoint requires a session JWT minted with an email. "
            "Create one via POST /v1/marketplace/session/create."
        ),
        "instance": "/v1/marketplace/checkout/payments",
        "requestId": "req_abc123",
        "timestamp": "2026-04-27T14:30:00.000Z",
        "errorCode": "SESSION_USER_REQUIRED",
        "errorCategory": "authentication",
        "retryable": False,
        "errors": [{"code": "OTHER", "message": "m", "jsonPath": "$.cart.lineItems[0]", "new": 1}],
    }
    assert ProblemDetail.from_json(json.dumps(document)).to_wire() == document

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from webhook_kit.gett.models.session import (
    HoistSessionRequest,
    SessionCreateRequest,
    SessionCreateResponse,
    SessionErrorCode,
    SessionMeResponse,
    SetFulfillmentContextRequest,
    UpdateProfileRequest,
)


def test_empty_body_is_valid() -> None:
    assert SessionCreateRequest.from_json(b"{}").to_json() == b"{}"


def test_partial_identity_is_not_rejected_by_the_model() -> None:
    assert SessionCreateRequest.from_json(b'{"email": "jane@example.com"}').first_name is None


@pytest.mark.parametrize("missing", ["address1", "city", "state", "postalCode"])
def test_incomplete_address_is_rejected(missing: str) -> None:
    address = {"address1": "1 Main St", "city": "Austin", "state": "TX", "postalCode": "78701"}
    assert SessionCreateRequest.from_json(json.dumps({"address": address})).address is not None
    del address[missing]
    with pytest.raises(ValidationError, match=missing):
        SessionCreateRequest.from_json(json.dumps({"address": address}))


def created(**members: Any) -> bytes:
    return json.dumps(
        {
            "token": "t0ken",
            "expiresAt": "2026-02-06T10:00:00Z",
            "partnerUserId": "gen_1",
            "sessionId": "j",
            "isAnonymous": True,
            "level": 0,
            **members,
        }
    ).encode()


def test_new_session_is_read() -> None:
    session = SessionCreateResponse.from_json(created())
    assert session.token == "t0ken"
    assert "t0ken" not in repr(session)


@pytest.mark.parametrize("level", [3, -1, "1", True])
def test_level_of_a_new_session_is_two_at_most(level: object) -> None:
    with pytest.raises(ValidationError):
        SessionCreateResponse.from_json(created(level=level))


def test_session_with_user_is_read() -> None:
    document = {
        "expiresAt": "2026-02-06T10:00:00Z",
        "sessionId": "j",
        "isAnonymous": False,
        "level": 3,
        "levelMissing": [],
        "fulfillmentContext": {"mode": "Pickup", "addressId": None},
        "user": {"userId": "u", "email": "jane@example.com", "phone": "+15551234567", "lastPaymentId": "p"},
    }
    session = SessionMeResponse.from_json(json.dumps(document))
    assert session.to_wire() == document
    assert not any(private in repr(session) for private in ("jane", "555"))


def test_level_missing_has_three_names() -> None:
    document = {"expiresAt": "2026-02-06T10:00:00Z", "sessionId": "j", "isAnonymous": True, "level": 0}
    with pytest.raises(ValidationError):
        SessionMeResponse.from_json(json.dumps({**document, "levelMissing": ["email"]}))
    names = ["address", "phone", "payment"]
    assert SessionMeResponse.from_json(json.dumps({**document, "levelMissing": names})).level_missing == names


def test_small_requests() -> None:
    assert "g0ogle" not in repr(HoistSessionRequest.from_json(b'{"googleIdToken": "g0ogle"}'))
    assert "555" not in repr(UpdateProfileRequest.from_json(b'{"phone": "+15551234567"}'))
    assert SetFulfillmentContextRequest.from_json(b'{"mode": "Pickup"}').address_id is None
    for model in (HoistSessionRequest, UpdateProfileRequest, SetFulfillmentContextRequest):
        with pytest.raises(ValidationError):
            model.from_json(b"{}")


def test_every_session_error_has_its_status() -> None:
    assert {code.value: code.kind.status for code in SessionErrorCode} == {
        "invalid_api_key": 401,
        "invalid_email": 400,
        "invalid_phone": 400,
        "invalid_address": 400,
        "rate_limited": 429,
        "session_expired": 401,
        "session_invalid": 401,
        "session_not_found": 404,
    }


def test_long_token_is_valid() -> None:
    # A JSON Web Token with an identity in it is longer than an id may be.
    token = "x" * 8_192
    assert HoistSessionRequest.from_json(json.dumps({"googleIdToken": token})).google_id_token == token
    with pytest.raises(ValidationError):
        HoistSessionRequest.from_json(json.dumps({"googleIdToken": token + "x"}))

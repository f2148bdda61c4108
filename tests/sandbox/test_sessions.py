"""Tests of sessions, tokens, saved cards and addresses."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import jwt
import pytest

from tests.sandbox.sandbox_env import KEY, NOON, Consumer, check_problem
from webhook_kit.sandbox.context import SandboxContext

ADDRESS = {"address1": "1 Main St", "city": "New York", "state": "NY", "postalCode": "10001"}
ADA = {"email": "ada@x.co", "firstName": "Ada", "lastName": "L"}
CARD = {
    "billingAddress": ADDRESS,
    **{name: f"{name}-cipher" for name in ("bin", "cardNumber", "cvc", "expiration")},
    "cardType": "visa",
    "lastFour": "4242",
}
DEEP = f"{base64.urlsafe_b64encode(b'[' * 3_000).decode()}.e30.AA"
"""A token whose header is JSON that nests too deeply to be parsed."""


def test_empty_body_creates_an_anonymous_session(consumer: Consumer) -> None:
    created = consumer.client.post("/v1/marketplace/session/create", headers=KEY).get_json()
    assert created["expiresAt"] == "2026-03-11T12:00:00Z"
    assert created["partnerUserId"].startswith("gen_")
    assert (created["isAnonymous"], created["level"]) == (True, 0)
    consumer.headers = {"Authorization": f"Bearer {created['token']}"}
    assert consumer.call("GET", "session/me").get_json() == {
        "expiresAt": "2026-03-11T12:00:00Z",
        "sessionId": created["sessionId"],
        "isAnonymous": True,
        "level": 0,
        "levelMissing": ["address", "phone", "payment"],
        "fulfillmentContext": None,
        "user": None,
    }


def test_token_has_the_session_id(consumer: Consumer) -> None:
    created = consumer.session(**ADA)
    assert jwt.get_unverified_header(created["token"]) == {"alg": "HS256", "typ": "JWT"}
    assert jwt.decode(created["token"], options={"verify_signature": False}) == {
        "jti": created["sessionId"],
        "sub": created["partnerUserId"],
        "exp": int(datetime.fromisoformat(created["expiresAt"]).timestamp()),
        "Id": consumer.call("GET", "session/me").get_json()["user"]["userId"],
    }


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"email": "a@b.co"}, "LEVEL_1_INCOMPLETE"),
        ({"firstName": "A", "lastName": "B"}, "LEVEL_1_INCOMPLETE"),
        (ADA | {"email": "ada"}, "invalid_email"),
        ({"phone": "555-1234"}, "invalid_phone"),
        ({"address": {"address1": "1 Main St"}}, "invalid_address"),
        ({"address": ADDRESS | {"city": ""}}, "invalid_address"),
        ({"address": ADDRESS | {"postalCode": " \u3000"}}, "invalid_address"),
        (ADA | {"firstName": " "}, "LEVEL_1_INCOMPLETE"),
    ],
)
def test_invalid_creation_is_rejected(body: Any, code: str, consumer: Consumer, context: SandboxContext) -> None:
    response = consumer.client.post("/v1/marketplace/session/create", json=body, headers=KEY)
    check_problem(response, 400, code)
    assert context.state.sessions == {}


def test_only_the_api_key_creates_sessions(consumer: Consumer) -> None:
    url = "/v1/marketplace/session/create"
    check_problem(consumer.client.post(url), 401, "invalid_api_key")
    token = consumer.session()["token"]
    response = consumer.client.post(url, headers={"Authorization": f"Bearer {token}"})
    check_problem(response, 401, "invalid_api_key")


def test_levels_and_missing_data(consumer: Consumer) -> None:
    def level() -> tuple[int, list[str]]:
        me = consumer.call("GET", "session/me").get_json()
        return me["level"], me["levelMissing"]

    assert consumer.session(**ADA)["level"] == 1
    assert level() == (1, ["address", "phone", "payment"])
    assert consumer.call("PATCH", "session/profile", {"phone": "+15551234567"}).get_json()["level"] == 1
    assert level() == (1, ["address", "payment"])
    assert consumer.call("POST", "checkout/addresses", ADDRESS).status_code == 201
    assert level() == (2, ["payment"])
    assert consumer.call("POST", "checkout/payments", CARD).status_code == 201
    assert level() == (3, [])
    assert consumer.session(**ADA)["level"] == 2, "at most 2 at creation"
    assert level() == (3, []), "the same user"
    other = consumer.session(email="b@x.co", firstName="B", lastName="C", phone="+15551234567", address=ADDRESS)
    assert other["level"] == 2


def test_session_expires_after_seven_days(consumer: Consumer, context: SandboxContext) -> None:
    consumer.session()
    context.clock.advance(7 * 86_400 - 1)
    assert consumer.call("GET", "session/me").status_code == 200
    context.clock.advance(1)
    check_problem(consumer.call("GET", "session/me"), 401, "session_expired")


def test_invalid_tokens_are_rejected(consumer: Consumer, context: SandboxContext, client: Any) -> None:
    token = consumer.session()["token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    forged = [jwt.encode(claims, "another key of thirty-two bytes and more"), jwt.encode(claims, "", "none"), DEEP]
    for wrong in ("x", token[:-4] + "AAAA", f"{token}x", "a.b.c", "é", *forged):
        consumer.headers = {"Authorization": f"Bearer {wrong}"}
        check_problem(consumer.call("GET", "session/me"), 401, "session_invalid")
    consumer.headers = {}
    check_problem(consumer.call("GET", "session/me"), 401, "UNAUTHENTICATED")
    consumer.headers = dict(KEY)
    check_problem(consumer.call("GET", "session/me"), 401, "session_invalid")
    consumer.headers = {"Authorization": f"Bearer {token}"}
    client.post("/__sandbox/faults", json={"kind": "expired_token", "times": 1})
    check_problem(consumer.call("GET", "session/me"), 401, "session_expired")
    assert consumer.call("GET", "session/me").status_code == 200
    context.reset()
    check_problem(consumer.call("GET", "session/me"), 404, "session_not_found")


def test_anonymous_session_is_hoisted(consumer: Consumer) -> None:
    created = consumer.session()
    me = consumer.call("POST", "session/hoist", {"googleIdToken": google_token()}).get_json()
    assert (me["isAnonymous"], me["sessionId"], me["user"]["email"]) == (False, created["sessionId"], "g@x.co")


def google_token(**changes: Any) -> str:
    claims = {
        "email": "g@x.co",
        "given_name": "G",
        "family_name": "H",
        "aud": "gett.co",
        "exp": NOON.timestamp() + 1,
        **changes,
    }
    return jwt.encode(claims, "a key of Google's, not the sandbox's")


@pytest.mark.parametrize(
    "wrong",
    [
        "h.x.s",
        "é",
        DEEP,
        google_token(given_name=" "),
        google_token(exp=NOON.timestamp()),
        google_token(exp=None),
        google_token(exp="9999999999"),
        google_token(aud="another.example"),
        google_token(aud=None),
        google_token(aud=[]),
    ],
)
def test_invalid_google_token_is_rejected(wrong: str, consumer: Consumer) -> None:
    consumer.session()
    problem = check_problem(consumer.call("POST", "session/hoist", {"googleIdToken": wrong}), 400, "INVALID_REQUEST")
    assert [error["jsonPath"] for error in problem["errors"]] == ["$.googleIdToken"]
    assert consumer.call("GET", "session/me").get_json()["isAnonymous"] is True


def test_audience_of_google_tokens_is_an_option(consumer: Consumer, context: SandboxContext) -> None:
    context.options.google_client_ids = ["one", "two"]
    consumer.session()
    token = google_token(aud=["other", "two"])
    assert consumer.call("POST", "session/hoist", {"googleIdToken": token}).status_code == 200


def test_hoisted_user_gets_what_the_session_has(consumer: Consumer) -> None:
    consumer.session(phone="+15551234567", address=ADDRESS)
    me = consumer.call("POST", "session/hoist", {"googleIdToken": google_token()}).get_json()
    assert (me["level"], me["user"]["phone"]) == (2, "+15551234567")
    assert consumer.call("GET", "checkout/addresses").get_json()["totalCount"] == 1


def test_session_of_another_user_has_no_fulfillment_context(consumer: Consumer) -> None:
    consumer.session(**ADA, address=ADDRESS)
    address_id = consumer.call("GET", "session/me").get_json()["user"]["lastUserAddressId"]
    consumer.call("PUT", "session/fulfillment-context", {"mode": "DeliveryByMerchant", "addressId": address_id})
    me = consumer.call("POST", "session/hoist", {"googleIdToken": google_token()}).get_json()
    assert (me["user"]["email"], me["fulfillmentContext"]) == ("g@x.co", None)


def test_fulfillment_context(consumer: Consumer) -> None:
    consumer.session()
    put = consumer.call("PUT", "session/fulfillment-context", {"mode": "Pickup"})
    assert put.get_json() == {"mode": "Pickup", "addressId": None}
    assert consumer.call("GET", "session/me").get_json()["fulfillmentContext"] is None
    consumer.session(**ADA)
    address = consumer.call("POST", "checkout/addresses", ADDRESS).get_json()["userAddressId"]
    fulfillment = {"mode": "DeliveryByMerchant", "addressId": address}
    assert consumer.call("PUT", "session/fulfillment-context", fulfillment).get_json() == fulfillment
    me = consumer.call("GET", "session/me").get_json()
    assert (me["fulfillmentContext"], me["user"]["lastUserAddressId"]) == (fulfillment, address)
    other = consumer.call("PUT", "session/fulfillment-context", {"mode": "Pickup", "addressId": "x"})
    check_problem(other, 404, "NOT_FOUND")
    for wrong, path in (
        ({"mode": "Teleport"}, "$.mode"),
        ({"mode": "Teleport", "addressId": address}, "$.mode"),
        ({"mode": "DeliveryByMerchant"}, "$.addressId"),
        ({"mode": "DeliveryByMerchant", "addressId": None}, "$.addressId"),
    ):
        problem = check_problem(consumer.call("PUT", "session/fulfillment-context", wrong), 422, "VALIDATION_FAILED")
        assert [error["jsonPath"] for error in problem["errors"]] == [path]
    assert consumer.call("GET", "session/me").get_json()["fulfillmentContext"] == fulfillment


@pytest.mark.parametrize("part", ["address1", "city", "state", "postalCode"])
def test_blank_part_of_an_address_is_invalid(part: str, consumer: Consumer) -> None:
    consumer.session(**ADA)
    blank = ADDRESS | {part: " "}
    for path, body, where in (
        ("addresses", blank, f"$.{part}"),
        ("payments", CARD | {"billingAddress": blank}, f"$.billingAddress.{part}"),
    ):
        problem = check_problem(consumer.call("POST", f"checkout/{path}", body), 422, "VALIDATION_FAILED")
        assert [error["jsonPath"] for error in problem["errors"]] == [where]


@pytest.mark.parametrize("path", ["checkout/payments", "checkout/addresses"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_checkout_needs_a_user(path: str, method: str, consumer: Consumer) -> None:
    body: Any = None if method == "GET" else {}
    problem = check_problem(consumer.call(method, path, body), 401, "SESSION_USER_REQUIRED")
    published = {
        "type": "https://developer.gett-tech.com/errors/SESSION_USER_REQUIRED",
        "title": "Bad request",
        "status": 401,
        "detail": (
            "This endpoint requires a session JWT minted with an email. "
            "Create one via POST /v1/marketplace/session/create."
        ),
        "instance": f"/v1/marketplace/{path}",
        "timestamp": "2026-03-04T12:00:00.000Z",
        "errorCode": "SESSION_USER_REQUIRED",
        "errorCategory": "authentication",
        "retryable": False,
    }
    assert problem | published == problem
    consumer.session()
    check_problem(consumer.call(method, path, body), 401, "SESSION_USER_REQUIRED")


def test_cards_are_paged_and_have_no_secrets(consumer: Consumer, context: SandboxContext) -> None:
    consumer.session(**ADA)
    saved = [consumer.call("POST", "checkout/payments", CARD).get_json() for _ in range(3)]
    assert saved[0].keys() == {"paymentId", "cardType", "lastFour", "expirationDate"}
    page = consumer.call("GET", "checkout/payments?limit=2").get_json()
    assert page == {"items": saved[:2], "limit": 2, "offset": 0, "totalCount": 3, "hasMore": True}
    page = consumer.call("GET", "checkout/payments?limit=2&offset=2").get_json()
    assert (page["items"], page["hasMore"]) == (saved[2:], False)
    page = consumer.call("GET", "checkout/payments?limit=1000&offset=-5").get_json()
    assert (page["limit"], page["offset"], len(page["items"])) == (100, 0, 3)
    assert "cardNumber-cipher" not in repr(context.save().to_data()) + repr(context.log.after(0))


def test_billing_address_is_bound_to_its_card(consumer: Consumer, context: SandboxContext) -> None:
    consumer.session(**ADA, phone="+15551234567")
    card = consumer.call("POST", "checkout/payments", CARD).get_json()
    assert consumer.call("GET", "checkout/addresses").get_json()["totalCount"] == 0
    me = consumer.call("GET", "session/me").get_json()
    assert (me["level"], me["levelMissing"], me["user"]["lastUserAddressId"]) == (1, ["address"], None)
    (user,) = context.state.users.values()
    billing = user.billing_addresses[card["paymentId"]].to_wire()
    assert billing | ADDRESS == billing


def test_address_is_saved_once_and_keeps_its_instructions(consumer: Consumer) -> None:
    consumer.session(**ADA)

    def save(**more: Any) -> dict[str, Any]:
        saved: dict[str, Any] = consumer.call("POST", "checkout/addresses", ADDRESS | more).get_json()
        assert consumer.call("GET", "checkout/addresses").get_json()["items"] == [saved]
        return saved

    first = save(instructions="Ring twice", unknown="x")
    assert first["instructions"] == "Ring twice"
    assert first["address"].keys() == ADDRESS.keys() | {"address2", "location"}
    assert first["address"] | ADDRESS == first["address"]
    assert set(first["address"]["location"]) == {"latitude", "longitude"}
    assert save() == save(instructions=None) == first
    consumer.session(**ADA, address=ADDRESS | {"city": "NEW YORK "})
    assert save() == first
    assert save(instructions="")["instructions"] == ""

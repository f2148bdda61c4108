from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest

from tests.gett.fake_gett import KEY, FakeGett
from webhook_kit import errors
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.gett.models.store import (
    CommerceStore,
    Onboarding,
    OnboardingRequest,
    OrderStatusUpdate,
    StoreStatus,
    StoreStatusUpdate,
    StoreUpdate,
)

STORE = {"storeId": "s-1", "name": "Ramen", "status": "online"}
STATUS = {"status": "paused", "reason": "too_busy"}
ONBOARDING = {"onboardingId": "o-1", "status": "active", "storeId": "s-1"}
REQUEST = {
    "partnerStoreId": "p-1",
    "name": "Ramen",
    "catalogCallbackUrl": "https://x.example/catalog",
    "webhookUrl": "https://x.example/hook",
}

CALLS: list[tuple[Callable[[GettClient], Any], str, str, Any, Any, Any]] = [
    (
        lambda c: c.notify_catalog("p 1&x", "https://x.example/catalog"),
        "POST",
        "/v1/commerce/catalogset-notification?storeId=p%201%26x",
        {"callbackUrl": "https://x.example/catalog"},
        None,
        None,
    ),
    (lambda c: c.stores(), "GET", "/v1/commerce/stores", None, [STORE], [CommerceStore.model_validate(STORE)]),
    (lambda c: c.store("s-1"), "GET", "/v1/commerce/stores/s-1", None, STORE, CommerceStore.model_validate(STORE)),
    (
        lambda c: c.update_store("s-1", StoreUpdate(name="Ramen")),
        "PUT",
        "/v1/commerce/stores/s-1",
        {"name": "Ramen"},
        STORE,
        CommerceStore.model_validate(STORE),
    ),
    (
        lambda c: c.store_status("s-1"),
        "GET",
        "/v1/commerce/stores/s-1/status",
        None,
        STATUS,
        StoreStatus.model_validate(STATUS),
    ),
    (
        lambda c: c.set_store_status("s-1", StoreStatusUpdate.model_validate(STATUS)),
        "POST",
        "/v1/commerce/stores/s-1/status",
        STATUS,
        STATUS,
        StoreStatus.model_validate(STATUS),
    ),
    (
        lambda c: c.set_order_status("g-1", OrderStatusUpdate.model_validate({"status": "ready"})),
        "POST",
        "/v1/commerce/orders/g-1/status",
        {"status": "ready"},
        None,
        None,
    ),
    (
        lambda c: c.register_store(OnboardingRequest.model_validate(REQUEST)),
        "POST",
        "/v1/commerce/onboarding/stores",
        REQUEST,
        ONBOARDING,
        Onboarding.model_validate(ONBOARDING),
    ),
    (
        lambda c: c.onboarding("o-1"),
        "GET",
        "/v1/commerce/onboarding/stores/o-1",
        None,
        ONBOARDING,
        Onboarding.model_validate(ONBOARDING),
    ),
    (lambda c: c.cancel_onboarding("o-1"), "DELETE", "/v1/commerce/onboarding/stores/o-1", None, None, None),
    (
        lambda c: c.activate_store("o-1"),
        "POST",
        "/v1/commerce/onboarding/stores/o-1/activate",
        None,
        ONBOARDING,
        Onboarding.model_validate(ONBOARDING),
    ),
]


@pytest.mark.parametrize(("call", "method", "path", "sent", "answered", "read"), CALLS)
def test_each_call_sends_method_path_and_body(
    gett: FakeGett,
    client: GettClient,
    call: Callable[[GettClient], Any],
    method: str,
    path: str,
    sent: Any,
    answered: Any,
    read: Any,
) -> None:
    gett.body = json.dumps(answered).encode() if answered is not None else b""
    assert call(client) == read
    (received,) = gett.received
    assert (received.method, received.path) == (method, path)
    assert received.headers["Authorization"] == f"Bearer {KEY}"
    assert (json.loads(received.body) if received.body else None) == sent
    assert received.headers["Content-Type"] == ("application/json" if sent is not None else None)


def test_id_is_encoded_as_one_segment(gett: FakeGett, client: GettClient) -> None:
    gett.body = json.dumps(STORE).encode()
    client.store("a/../b?c#d é%2F")
    assert gett.received[0].path == "/v1/commerce/stores/a%2F..%2Fb%3Fc%23d%20%C3%A9%252F"


@pytest.mark.parametrize("identifier", ["", ".", ".."])
def test_id_that_would_change_the_path_is_not_sent(gett: FakeGett, client: GettClient, identifier: str) -> None:
    with pytest.raises(errors.GettPermanent, match="is not a valid id"):
        client.set_order_status(identifier, OrderStatusUpdate.model_validate({"status": "ready"}))
    assert gett.received == []


def test_invalid_callback_url_is_not_sent(gett: FakeGett, client: GettClient) -> None:
    with pytest.raises(errors.GettPermanent, match="callback"):
        client.notify_catalog("p", "catalog.json")
    assert gett.received == []


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "error", "retriable"),
        [
            (301, errors.GettRejected, False),
            (304, errors.GettRejected, False),
            (400, errors.GettRejected, False),
            (401, errors.GettUnauthorized, False),
            (403, errors.GettUnauthorized, False),
            (404, errors.GettNotFound, False),
            (408, errors.GettUnavailable, True),
            (409, errors.GettConflict, False),
            (418, errors.GettRejected, False),
            (422, errors.GettRejected, False),
            (425, errors.GettUnavailable, True),
            (429, errors.GettRateLimited, True),
            (500, errors.GettUnavailable, True),
            (502, errors.GettUnavailable, True),
            (503, errors.GettUnavailable, True),
            (599, errors.GettUnavailable, True),
        ],
    )
    def test_status_decides_the_exception(self, status: int, error: type[errors.GettError], retriable: bool) -> None:
        client = client_receiving(ApiResponse(status, {"Location": "https://evil.example/"}))
        with pytest.raises(errors.GettError) as caught:
            client.stores()
        assert type(caught.value) is error
        assert isinstance(caught.value, errors.GettRetriable) is retriable
        assert caught.value.status == status
        assert caught.value.code is None
        assert caught.value.problem == {}

    def test_message_has_call_status_and_detail(self, gett: FakeGett, client: GettClient) -> None:
        gett.problem(422, errorCode="VALIDATION_FAILED", detail="two\nlines", errors=[{"code": "X", "message": "m"}])
        with pytest.raises(errors.GettRejected) as caught:
            client.set_order_status("g-1", OrderStatusUpdate.model_validate({"status": "ready"}))
        assert str(caught.value) == "POST orders/g-1/status: 422 VALIDATION_FAILED: two lines"
        assert caught.value.code == "VALIDATION_FAILED"
        assert caught.value.problem["errors"] == [{"code": "X", "message": "m"}]

    def test_code_and_detail_are_one_short_line_whatever_gett_writes(self, gett: FakeGett, client: GettClient) -> None:
        gett.problem(422, errorCode="A\nB" * 10_000, detail="two\nlines" * 10_000)
        with pytest.raises(errors.GettRejected) as caught:
            client.stores()
        assert len(str(caught.value)) < 500
        assert "\n" not in str(caught.value)
        assert caught.value.code == ("A B" * 100)[:100]

    @pytest.mark.parametrize(
        "body",
        [
            *(b"", b"<html>", b"[1]", b"null", b"\xff", b"[" * 100_000, b'{"errorCode": 5}'),
            b'{"a":' * 600 + b"1" + b"}" * 600,  # deeper than Python calls functions, not than it reads JSON
        ],
        ids=lambda body: repr(body[:12]),
    )
    def test_error_without_problem_document_raises(self, body: bytes) -> None:
        with pytest.raises(errors.GettUnavailable) as caught:
            client_receiving(ApiResponse(503, {}, body)).stores()
        assert (caught.value.code, caught.value.retry_after) == (None, None)

    def test_key_is_not_in_the_message_even_if_gett_repeats_it(self, gett: FakeGett, client: GettClient) -> None:
        gett.problem(401, errorCode="UNAUTHENTICATED", detail=f"unknown key {KEY}")
        with pytest.raises(errors.GettUnauthorized) as caught:
            client.stores()
        for shown in (str(caught.value), repr(caught.value), repr(caught.value.problem), repr(client)):
            assert KEY not in shown
        assert "unknown key (the API key)" in str(caught.value)

    @pytest.mark.parametrize(
        ("problem", "header", "seconds"),
        [
            ({"retryAfter": 7}, None, 7.0),
            ({"retryAfter": 1.5}, "30", 1.5),
            ({"retryAfter": 0}, "30", 0.0),
            ({}, "30", 30.0),
            ({"retryAfter": "soon"}, " 30 ", 30.0),
            ({"retryAfter": True}, "30", 30.0),
            ({"retryAfter": -1}, None, None),
            ({"retryAfter": None}, None, None),
            ({"retryAfter": 10**400}, None, None),
            ({"retryAfter": float("nan")}, None, None),
            ({}, "soon", None),
            ({}, "-5", None),
            ({}, "1.5", None),
            ({}, "³", None),
            ({}, "9" * 400, None),
            ({}, "315360000", None),
            ({"retryAfter": 1e9}, None, None),
            ({}, "Fri, 01 Jan 2100 00:00:00 GMT", None),
            ({}, f"Fri, 01 Jan {'9' * 20} 00:00:00 GMT", None),
            ({}, "Mon, 99 Jan 2024 00:00:00 GMT", None),
            ({}, "Mon, 01 Jan 2024 00:00:00 GMT", 0.0),
            ({}, "Mon, 01 Jan 2024 00:00:00 -0000", 0.0),
        ],
    )
    def test_retry_after_of_problem_and_header(
        self, problem: dict[str, Any], header: str | None, seconds: float | None
    ) -> None:
        headers = {} if header is None else {"retry-after": header}
        with pytest.raises(errors.GettRateLimited) as caught:
            client_receiving(ApiResponse(429, headers, json.dumps(problem).encode())).stores()
        assert caught.value.retry_after == seconds

    @pytest.mark.parametrize("zone", ["GMT", "-0000"])
    def test_retry_after_as_a_date(self, zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
        now = 1_769_767_200.0
        monkeypatch.setattr(time, "time", lambda: now)
        header = formatdate(now + 90, usegmt=True).replace("GMT", zone)
        with pytest.raises(errors.GettUnavailable) as caught:
            client_receiving(ApiResponse(503, {"Retry-After": header})).stores()
        assert caught.value.retry_after == 90.0

    @pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"storeId": 5}'])
    def test_unreadable_success_raises_with_its_status(self, body: bytes) -> None:
        with pytest.raises(errors.GettUnavailable, match="cannot be read") as caught:
            client_receiving(ApiResponse(200, {}, body)).store("s-1")
        assert caught.value.status == 200

    def test_unreadable_list_raises(self) -> None:
        with pytest.raises(errors.GettUnavailable, match=r"1\.storeId"):
            client_receiving(ApiResponse(200, {}, b'[{"storeId": "s"}, {}]')).stores()


class FakeTransport:
    """A transport that returns one response, or raises."""

    def __init__(self, response: ApiResponse | OSError) -> None:
        self.response = response
        self.calls: list[ApiCall] = []

    def send(self, call: ApiCall) -> ApiResponse:
        self.calls.append(call)
        if isinstance(self.response, OSError):
            raise self.response
        return self.response


def client_receiving(response: ApiResponse | OSError) -> GettClient:
    return GettClient("https://gett.example", KEY, transport=FakeTransport(response))


def test_transport_can_be_replaced() -> None:
    fake = FakeTransport(ApiResponse(200, {}, b"[]"))
    assert GettClient("https://gett.example/", KEY, transport=fake).stores() == []
    (call,) = fake.calls
    assert call.url == "https://gett.example/v1/commerce/stores"
    assert KEY not in repr(call)
    with pytest.raises(errors.GettUnreachable, match="TimeoutError"):
        client_receiving(TimeoutError(KEY)).stores()


@pytest.mark.parametrize("status", [200, 429, 503])
def test_on_response_gets_every_response(gett: FakeGett, status: int) -> None:
    responses: list[tuple[int, str | None]] = []
    gett.status, gett.body, gett.headers = status, b"[]", {"X-RateLimit-Remaining": "3"}
    client = GettClient(
        gett.url, KEY, on_response=lambda s, headers: responses.append((s, headers.get("x-ratelimit-remaining")))
    )
    if status == 200:
        client.stores()
    else:
        with pytest.raises(errors.GettRetriable):
            client.stores()
    assert responses == [(status, "3")]


@pytest.mark.parametrize("url", ["", "gett.example", "ftp://gett.example", "https://", "https://x?y=1", "https://[x"])
def test_invalid_url_is_rejected(url: str) -> None:
    with pytest.raises(errors.ConfigurationError, match="http or https URL"):
        GettClient(url, KEY)


@pytest.mark.parametrize("key", ["", "two words", "line\n", "schlüssel"])
def test_invalid_key_is_rejected(key: str) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        GettClient("https://gett.example", key)
    assert not key or key not in str(caught.value)

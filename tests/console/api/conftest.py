"""A client of the console's API, at an installation with one order, whose Gett cannot be reached."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import Client

from tests.console.console_client import ConsoleClient
from tests.webhooks.webhook_client import JsonResponse, WebhookClient, order
from webhook_kit.console.api_tokens import ApiTokens
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Role


class ApiClient:
    """A program with a token."""

    def __init__(self, kit: Kit, role: Role = Role.OPERATOR) -> None:
        self.kit = kit
        self.http: Client = ConsoleClient(kit).http
        self.http.response_wrapper = JsonResponse
        self.token = ApiTokens(kit.redis, kit.keys).add(role.value, role)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        return self.http.get(f"/console/api/v1{path}", query_string=query, headers=self.authorization | (headers or {}))

    def post(self, action: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
        return self.http.post(
            f"/console/api/v1/actions/{action}", json=body, headers=self.authorization | (headers or {})
        )

    @property
    def authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@pytest.fixture
def kit(make_kit: Callable[..., Kit]) -> Kit:
    return make_kit(console_passwords=True, gett_api_url="http://127.0.0.1:9")


@pytest.fixture
def ref(kit: Kit) -> str:
    """Return the orderRef of an order that was placed."""
    client = WebhookClient(kit)
    body = client.validated(order(customer={"firstName": "Ada", "email": "ada@example.com", "phone": "+15550100"}))
    assert client.place(body).status_code == 200
    return str(body["gettOrderId"])


@pytest.fixture
def api(kit: Kit, ref: str) -> ApiClient:
    return ApiClient(kit)

"""Several API keys: the next one is tried when Gett refuses one, and a refused one comes last for a minute."""

from __future__ import annotations

import pytest

from webhook_kit.errors import ConfigurationError, GettRejected, GettUnauthorized
from webhook_kit.gett import http
from webhook_kit.gett.client import GettClient
from webhook_kit.gett.http import ApiCall, ApiResponse
from webhook_kit.gett.models.store import OrderStatus, OrderStatusUpdate

UPDATE = OrderStatusUpdate(status=OrderStatus.READY)


class Gett:
    """A Gett that accepts some keys; ``used`` are the keys of all calls."""

    def __init__(self, *accepted: str, refusal: int = 401) -> None:
        self.accepted = set(accepted)
        self.refusal = refusal
        self.status = 200
        self.used: list[str] = []

    def send(self, call: ApiCall) -> ApiResponse:
        key = call.headers["Authorization"].removeprefix("Bearer ")
        self.used.append(key)
        if key in self.accepted:
            return ApiResponse(self.status, {}, b"{}")
        return ApiResponse(self.refusal, {}, b'{"detail": "key ' + key.encode() + b' is expired"}')


@pytest.mark.parametrize("refusal", [401, 403])
def test_the_next_key_is_tried_and_a_refused_one_comes_last(refusal: int) -> None:
    gett = Gett("old", refusal=refusal)
    reported: list[tuple[int, int, str]] = []
    client = GettClient(
        "https://gett.test", ["new", "old"], transport=gett, on_key_refused=lambda *facts: reported.append(facts)
    )
    for _ in range(3):
        client.set_order_status("1", UPDATE)
    assert gett.used == ["new", "old", "old", "old"]
    ((number, keys, why),) = reported
    assert (number, keys) == (1, 2)
    assert "key (the API key) is expired" in why
    gett.accepted = {"new"}  # Gett has activated the new one, and ended the old one
    client.set_order_status("1", UPDATE)
    client.set_order_status("1", UPDATE)
    assert gett.used[4:] == ["old", "new", "new"]


def test_the_newest_key_is_tried_again_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    gett = Gett("old")
    client = GettClient("https://gett.test", ["new", "old"], transport=gett)
    monkeypatch.setattr(http, "_REFUSED_KEY_SECONDS", 0.0)
    gett.accepted = {"new", "old"}
    client.set_order_status("1", UPDATE)
    assert gett.used == ["new"]
    gett.accepted = {"old"}
    client.set_order_status("1", UPDATE)
    client.set_order_status("1", UPDATE)
    assert gett.used == ["new", "new", "old", "new", "old"]


def test_all_keys_are_tried_when_all_were_refused() -> None:
    gett = Gett()
    client = GettClient("https://gett.test", ["new", "old"], transport=gett)
    for _ in range(2):
        with pytest.raises(GettUnauthorized) as caught:
            client.set_order_status("1", UPDATE)
        assert "old" not in str(caught.value)
    assert gett.used == ["new", "old"] * 2
    gett.accepted = {"old"}
    client.set_order_status("1", UPDATE)


def test_another_error_tries_no_other_key() -> None:
    gett = Gett("new", "old")
    gett.status = 422
    with pytest.raises(GettRejected):
        GettClient("https://gett.test", ["new", "old"], transport=gett).set_order_status("1", UPDATE)
    assert gett.used == ["new"]


@pytest.mark.parametrize("keys", [[], ["good", ""], ["good", "two words"]])
def test_a_key_that_cannot_be_sent_is_a_configuration_error(keys: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="API key"):
        GettClient("https://gett.test", keys)

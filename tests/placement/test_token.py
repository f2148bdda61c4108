"""The validatedOrderToken binds store, cart, amounts and time, and nothing else."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
from itsdangerous import URLSafeSerializer

from tests.webhooks.webhook_client import line, order
from webhook_kit.catalog.cart import PricedLine
from webhook_kit.gett.models.order import Amounts, ExternalOrder
from webhook_kit.placement import token
from webhook_kit.placement.token import TokenRefused, Tokens
from webhook_kit.storage import formats
from webhook_kit.storage.formats import NewerFormat

AMOUNTS = Amounts.of(Decimal("10.10"), fees=Decimal(1), promotions=Decimal("0.35"), adjustments=Decimal("-0.01"))
MINUTE = 60


def parsed(wire: dict[str, Any]) -> ExternalOrder:
    return ExternalOrder.model_validate(wire)


def priced(*totals: str) -> list[PricedLine]:
    return [PricedLine(i, None, "x", "X", 1, Decimal(total), Decimal(total)) for i, total in enumerate(totals)]


ORDER = parsed(order("cola", line("margherita", 2, modifierGroups=[{"modifierGroupId": "size"}])))


def issue(keys: list[str] | None = None) -> str:
    return Tokens(keys or ["k1"]).issue(ORDER, AMOUNTS, priced("2.75", "7.35"))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    real = time.time

    class Clock:
        seconds = 0.0

        @classmethod
        def time(cls) -> float:
            return real() + cls.seconds

    monkeypatch.setattr(token, "time", Clock)
    return Clock


def test_token_returns_the_accepted_amounts_to_the_cent() -> None:
    accepted = Tokens(["k1"]).read(issue(), ORDER)
    assert accepted.amounts == AMOUNTS
    assert accepted.lines == (Decimal("2.75"), Decimal("7.35"))
    assert not accepted.expired


def test_newest_key_signs_and_every_key_is_accepted() -> None:
    by_old, by_new = issue(["old"]), issue(["new", "old"])
    for signed in (by_old, by_new):
        assert Tokens(["new", "old"]).read(signed, ORDER).amounts == AMOUNTS
    assert Tokens(["new"]).read(by_new, ORDER).amounts == AMOUNTS
    with pytest.raises(TokenRefused):
        Tokens(["new"]).read(by_old, ORDER)


def test_every_changed_byte_is_rejected() -> None:
    signed = issue()
    for at in range(len(signed) - 1):  # the last character has unused bits
        forged = signed[:at] + ("A" if signed[at] != "A" else "B") + signed[at + 1 :]
        with pytest.raises(TokenRefused, match="not issued here, or was altered"):
            Tokens(["k1"]).read(forged, ORDER)


def test_token_is_not_compressed_and_a_compressed_one_is_accepted() -> None:
    serializer = URLSafeSerializer("k1", salt="validatedOrderToken")
    signed = issue()
    compressed = str(serializer.dumps(serializer.loads(signed)))
    assert (signed[0] == ".", compressed[0] == ".") == (False, True)
    accepted = Tokens(["k1"]).read(compressed, ORDER)
    assert accepted == Tokens(["k1"]).read(signed, ORDER)
    assert not accepted.expired


@pytest.mark.parametrize("salt", ["other", "itsdangerous"])
def test_signature_for_another_purpose_is_rejected(salt: str) -> None:
    with pytest.raises(TokenRefused):
        Tokens(["k1"]).read(str(URLSafeSerializer("k1", salt=salt).dumps({"s": "x"})), ORDER)


@pytest.mark.parametrize(
    "payload",
    [
        *([], {}, None, 1, {"s": "x", "c": "y", "a": [1], "l": [], "t": 0}, {"t": "x"}),
        {"s": "x", "c": "y", "a": [1] * 7, "l": [], "t": 10**400},
        {"s": "x", "c": "y", "a": [10**400] * 7, "l": [], "t": 0},
    ],
    ids=lambda payload: str(payload)[:40],
)
def test_authentic_token_of_another_shape_is_rejected(payload: Any) -> None:
    signed = str(URLSafeSerializer("k1", salt="validatedOrderToken").dumps(payload))
    with pytest.raises(TokenRefused):
        Tokens(["k1"]).read(signed, ORDER)


OTHER_CARTS = {
    "another item": order("salad"),
    "a line more": order("cola", line("margherita", 2, modifierGroups=[{"modifierGroupId": "size"}]), "cola"),
    "another order of lines": order(line("margherita", 2, modifierGroups=[{"modifierGroupId": "size"}]), "cola"),
    "another quantity": order("cola", line("margherita", 3, modifierGroups=[{"modifierGroupId": "size"}])),
    "another modifier": order(
        "cola",
        line("margherita", 2, modifierGroups=[{"modifierGroupId": "size", "selectedModifiers": [{"itemId": "s"}]}]),
    ),
}


@pytest.mark.parametrize("other", OTHER_CARTS)
def test_token_of_another_cart_is_rejected(other: str) -> None:
    with pytest.raises(TokenRefused, match="another cart"):
        Tokens(["k1"]).read(issue(), parsed(OTHER_CARTS[other]))


def test_token_of_another_store_is_rejected() -> None:
    elsewhere = ORDER.model_copy(update={"cart": ORDER.cart.model_copy(update={"store_id": "other"})})
    with pytest.raises(TokenRefused, match="another store"):
        Tokens(["k1"]).read(issue(), elsewhere)


def test_line_ids_and_unknown_members_do_not_change_the_cart() -> None:
    wire = order(
        line("cola", note="no ice"),
        line("margherita", 2, modifierGroups=[{"modifierGroupId": "size", "selectedModifiers": None}]),
    )
    wire["cart"]["catalogSetId"] = "a later catalog"
    wire["cart"]["lineItems"][0]["lineItemId"] = "77"
    assert Tokens(["k1"]).read(issue(), parsed(wire)).amounts == AMOUNTS


@pytest.mark.parametrize(
    ("minutes", "expired"), [(0, False), (14, False), (19, False), (21, True), (60 * 24 * 365, True)]
)
def test_token_expires_after_a_quarter_of_an_hour_and_the_clock_skew(minutes: int, expired: bool, clock: Any) -> None:
    signed = issue()
    clock.seconds = minutes * MINUTE
    assert Tokens(["k1"]).read(signed, ORDER).expired is expired


def test_token_from_the_future_is_accepted_only_within_the_clock_skew(clock: Any) -> None:
    clock.seconds = 4 * MINUTE
    near = issue()
    clock.seconds = 6 * MINUTE
    far = issue()
    clock.seconds = 0
    assert not Tokens(["k1"]).read(near, ORDER).expired
    with pytest.raises(TokenRefused, match="the clocks of the servers differ"):
        Tokens(["k1"]).read(far, ORDER)


def test_token_of_a_later_version_is_not_refused_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "TOKEN", formats.TOKEN + 1)
    newer = issue()
    monkeypatch.undo()
    with pytest.raises(NewerFormat):
        Tokens(["k1"]).read(newer, ORDER)


def test_token_without_a_version_is_read() -> None:
    payload = URLSafeSerializer("k1", salt="validatedOrderToken").loads(issue())
    del payload["v"]
    unmarked = URLSafeSerializer("k1", salt="validatedOrderToken").dumps(payload)
    assert isinstance(unmarked, str)
    assert Tokens(["k1"]).read(unmarked, ORDER).amounts.total == AMOUNTS.total

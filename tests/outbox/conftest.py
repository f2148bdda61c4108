"""Lanes on a real Redis, and a placed order in one."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any, Protocol

import pytest

from webhook_kit.kit import Kit
from webhook_kit.receiver.idempotency import Claim, Outcome


class Place(Protocol):
    def __call__(self, ref: str, *, gett_id: str | None = None, update: dict[str, Any] | None = None) -> None: ...


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> None:
    """What goes wrong on purpose is not worth printing."""


@pytest.fixture
def place(kit: Kit) -> Place:
    """Record an order as placed, which appends its first update to its lane."""

    def placed(ref: str, *, gett_id: str | None = None, update: dict[str, Any] | None = None) -> None:
        gett_id = ref if gett_id is None else gett_id
        key = ref if not gett_id else f"key of {ref}"
        claim = kit.ledger.claim(key=key, gett_id=gett_id, store_id="main", fingerprint="f")
        assert isinstance(claim, Claim)
        assert claim.ref == ref
        update = update or {"status": "confirmed"}
        kit.ledger.settle(claim, Outcome.PLACED, status=200, answer=b"{}", partner_order_id="T", update=update)

    return placed

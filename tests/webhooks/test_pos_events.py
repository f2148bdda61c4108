"""Webhooks of a POS: authentication, the effect of each event, and that no event is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, ClassVar

import pytest
import requests

from tests.webhooks.pos_event_client import OrderInPlacement, order, post, send
from webhook_kit.adapter import (
    OrderChanged,
    PosAdapter,
    PosEvent,
    Store,
    StoreChanged,
    StoreState,
)
from webhook_kit.errors import InvalidSignature, PosTimeout
from webhook_kit.kit import Kit
from webhook_kit.outbox.lanes import lane_name
from webhook_kit.outbox.updates import Kind
from webhook_kit.stores.status import Owner
from webhook_kit.testing.bogus import BogusAdapter


class ScriptedAdapter(BogusAdapter):
    """Parses every body as the result that the test sets, or raises it."""

    result: ClassVar[Any] = ()

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        if isinstance(self.result, BaseException):
            raise self.result
        events: Sequence[PosEvent] = self.result
        return events


class AdapterWithoutEvents(BogusAdapter):
    parse_event = PosAdapter.parse_event


class AdapterWithTokens(BogusAdapter):
    """Accepts events that carry the token of a store."""

    def parse_event(self, headers: Mapping[str, str], body: bytes, stores: Mapping[str, Store]) -> Sequence[PosEvent]:
        tokens = {store.credentials["token"]: store for store in stores.values()}
        return [StoreChanged(tokens[headers["x-token"]].id, StoreState.CLOSED)]


SCRIPTED = f"{__name__}:ScriptedAdapter"


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> None:
    """Capture the log, so that expected errors are not printed."""


# -- authentication and parsing ----------------------------------------------------------------------------------------


def test_adapter_without_a_store_is_not_found(kit: Kit) -> None:
    answer = post(kit, {"events": []}, adapter="toast")
    assert answer.status_code == 404
    assert answer.mimetype == "application/problem+json"


def test_adapter_is_found_by_the_name_that_its_stores_use(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(pos_adapter="webhook_kit.testing.bogus:BogusAdapter")
    assert post(kit, {"events": []}, adapter="webhook_kit.testing.bogus:BogusAdapter").status_code == 200
    assert post(kit, {"events": []}).status_code == 404


def test_wrong_secret_is_401_and_changes_nothing(kit: Kit) -> None:
    placed = OrderInPlacement(kit).placed()
    body = {"events": [order("preparing", order_id=placed.pos_id)]}
    for headers in ({}, {"x-bogus-secret": "guessed"}, {"x-bogus-secret": "ß"}):
        answer = post(kit, body, headers=headers)
        assert answer.status_code == 401
        assert answer.json is not None
        assert answer.json["errorCode"] == "UNAUTHENTICATED"
    assert placed.appended == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"events": 5}',
        b'{"events": [{"type": "weather"}]}',
        b"\xff",
        b'{"events": ' + b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_body_that_the_adapter_cannot_parse_is_400(body: bytes, kit: Kit) -> None:
    assert post(kit, body).status_code == 400


def test_too_large_body_is_413(kit: Kit) -> None:
    assert post(kit, b" " * (1024 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize(
    ("result", "status"),
    [
        (InvalidSignature("not ours"), 401),
        (KeyError("order"), 400),
        (TypeError("no list"), 400),
        (OverflowError("cannot convert float infinity to integer"), 400),  # JSON may have 1e400
        (requests.exceptions.ReadTimeout("slow"), 503),
        (requests.exceptions.JSONDecodeError("the POS sent a page", "<h1>", 0), 503),
        (PosTimeout("slow", retry_after=7), 503),
        (RuntimeError("a bug"), 503),
        (None, 503),
        ("ok", 503),
        (["ok"], 503),
        ([OrderChanged(5, status=["ready"])], 503),  # type: ignore[arg-type]
        ([StoreChanged("main", "ajar")], 503),  # type: ignore[arg-type]
        ((), 200),
    ],
)
def test_failure_of_an_adapter_is_503_unless_it_is_caused_by_the_request(
    result: Any, status: int, make_kit: Callable[..., Kit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedAdapter, "result", result)
    answer = post(make_kit(pos_adapter=SCRIPTED), b"", adapter=SCRIPTED)
    assert answer.status_code == status
    assert "Traceback" not in answer.text
    if status == 503:
        assert int(answer.headers["Retry-After"]) > 0


def test_adapter_gets_its_stores_with_their_credentials(
    make_kit: Callable[..., Kit],
) -> None:
    spec = f"{__name__}:AdapterWithTokens"
    kit = make_kit(pos_adapter=spec, store_credentials={"token": "t-1"})
    assert post(kit, {}, spec, {"x-token": "t-1"}).text.strip() == '["ok"]'
    assert post(kit, {}, spec, {"x-token": "t-2"}).status_code == 400


def test_adapter_without_events_is_404(make_kit: Callable[..., Kit]) -> None:
    spec = f"{__name__}:AdapterWithoutEvents"
    assert post(make_kit(pos_adapter=spec), b"", adapter=spec).status_code == 404


def test_unreachable_redis_is_a_503(make_kit: Callable[..., Kit]) -> None:
    kit = make_kit(redis_url="redis://127.0.0.1:1/0")
    answer = post(kit, {"events": [order("ready", order_id="1")]})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


# -- stores and catalogs -----------------------------------------------------------------------------------------------


def store(state: StoreState, **members: Any) -> dict[str, Any]:
    return {"type": "store", "store_id": "main", "state": state, **members}


@pytest.mark.parametrize("state", [StoreState.CLOSED, StoreState.DOWN])
def test_store_that_closes_is_paused_and_resumed(state: StoreState, kit: Kit) -> None:
    lane = lane_name(Kind.STORE, "main")
    assert send(kit, store(state), store(state)) == ["ok", "duplicate"]
    assert json.loads(kit.lanes.state(lane)["last"]) == {"status": "paused", "reason": "operational_issues"}
    (main,) = kit.stores
    assert kit.store_status.pause_owner(main) is Owner.POS
    assert send(kit, store(StoreState.OPEN)) == ["ok"]
    assert json.loads(kit.lanes.state(lane)["last"]) == {"status": "online"}


def test_unknown_reason_does_not_prevent_the_pause(kit: Kit) -> None:
    assert send(kit, store(StoreState.CLOSED, reason="Feierabend")) == ["ok"]
    assert json.loads(kit.lanes.state("store:main")["last"])["reason"] == "other"


def test_pause_by_a_person_is_not_changed_by_the_pos(kit: Kit) -> None:
    kit.store_status.pause("main", "too_busy")
    closed, opened = send(kit, store(StoreState.CLOSED), store(StoreState.OPEN))
    assert closed == "duplicate"
    assert opened.startswith("refused: ")
    assert "person" in opened
    assert json.loads(kit.lanes.state("store:main")["last"])["reason"] == "too_busy"


def test_changed_catalog_is_due_for_a_worker_once(kit: Kit) -> None:
    assert send(kit, {"type": "catalog", "store_id": "main"}, {"type": "catalog", "store_id": "main"}) == ["ok", "ok"]
    assert list(kit.catalog_sync.claim_due()) == [("sync", "main")]
    assert list(kit.catalog_sync.claim_due()) == []


def item(*, available: bool, until: str | None = None) -> dict[str, Any]:
    return {"type": "item", "store_id": "main", "item_id": "burger", "available": available, "until": until}


def test_item_becomes_unavailable_and_available_again(kit: Kit) -> None:
    assert send(kit, item(available=False), item(available=False)) == ["ok", "duplicate"]
    assert kit.availability.unavailable_items("main") == {"burger": None}
    assert send(kit, item(available=True), item(available=True)) == ["ok", "duplicate"]
    assert kit.availability.unavailable_items("main") == {}


def test_time_in_the_past_or_without_a_zone_is_refused(kit: Kit) -> None:
    for until in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00"):
        (outcome,) = send(kit, item(available=False, until=until))
        assert outcome.startswith("refused: ")
    assert kit.availability.unavailable_items("main") == {}
    assert send(kit, item(available=False, until="2999-01-01T00:00:00Z")) == ["ok"]

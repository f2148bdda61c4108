"""After an order is forgotten, nothing in the whole Redis has the contact data, and a retry gets the same ticket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any, cast
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webhooks.webhook_client import WebhookClient, line, order
from webhook_kit.errors import Conflict, InvalidArgument, InvalidTransition, NotFound
from webhook_kit.gett.models.problem import ErrorCode
from webhook_kit.kit import Kit
from webhook_kit.operations.actor import Actor, Role
from webhook_kit.operations.audit import list_audit
from webhook_kit.operations.forget import forget_customer, forget_order
from webhook_kit.operations.timeline import timeline
from webhook_kit.outbox.archive import decode
from webhook_kit.placement.claims import AttemptOutcome, Claim
from webhook_kit.storage.alerts import Alert

ACTOR = Actor("ann", Role.OPERATOR, "cli")
NAME, EMAIL, PHONE, STREET = "Zebedee", "zebedee@example.org", "+15550142", "12 Marmalade Lane"
PLANTED = (NAME, EMAIL, PHONE, STREET, NAME.lower())


def with_contact(**members: Any) -> dict[str, Any]:
    return order(
        {**line(), "note": f"for {NAME}"},
        customer={"firstName": NAME, "email": EMAIL, "phone": PHONE, "nick": NAME},
        deliveryInfo={"type": "x", "address": {"address1": STREET, "gate": STREET}, "instructions": f"ask {NAME}"},
        **members,
    )


def everything(kit: Kit) -> str:
    """Return the keys and values of the whole Redis of a kit as text, archives decoded, and the jobs of RQ."""
    read: dict[bytes, Callable[[bytes], object]] = {
        b"string": kit.redis.get,
        b"hash": kit.redis.hgetall,
        b"list": lambda key: kit.redis.lrange(key, 0, -1),
        b"set": kit.redis.smembers,
        b"zset": lambda key: kit.redis.zrange(key, 0, -1),
        b"stream": kit.redis.xrange,
        b"none": str,  # a job of another test that has ended meanwhile
    }
    found: list[str] = []
    for prefix in (kit.keys.prefix, "rq:"):
        for key in cast("Iterator[bytes]", kit.redis.scan_iter(f"{prefix}*")):
            value = read[cast("bytes", kit.redis.type(key))](key)
            if key.decode().startswith(kit.keys.archive("")) and isinstance(value, bytes):
                value = decode("", value)
            found.append(f"{key.decode()} {value!r}")
    return "\n".join(found)


def remains(kit: Kit) -> list[str]:
    text = everything(kit)
    return [planted for planted in PLANTED if planted in text]


@pytest.fixture(autouse=True)
def _quiet(events: list[MutableMapping[str, Any]]) -> list[MutableMapping[str, Any]]:
    return events


@pytest.fixture
def placed(client: WebhookClient) -> tuple[dict[str, Any], str, Any]:
    """An order with contact data, its key and the answer."""
    body, key = client.validated(with_contact()), str(uuid4())
    answer = client.place(body, key)
    assert answer.status_code == 200, answer.text
    return body, key, answer.json


def test_forgotten_order_is_in_no_key_and_its_retry_gets_the_same_ticket(
    client: WebhookClient, placed: tuple[dict[str, Any], str, Any]
) -> None:
    kit, (body, key, answer) = client.kit, placed
    ref = body["gettOrderId"]
    kit.order_updates.cancel(ref, f"{NAME} called from {PHONE}")
    kit.alerts.raise_once(Alert.UNCONFIRMED, ref, f"ask {NAME}")
    assert len(remains(kit)) == len(PLANTED)

    dry = forget_order(kit, ACTOR, ref, dry_run=True)
    assert len(remains(kit)) == len(PLANTED)
    forgotten = forget_order(kit, ACTOR, key, why="request 7")
    assert forgotten == dry
    assert {"answer", "waiting updates", "lane", "incidents"} <= set(forgotten.removed)
    assert remains(kit) == []

    again = client.place(body, key)
    assert again.status_code == 200
    assert {"customer", "deliveryInfo"} & set(again.json) == set()
    for member in ("gettOrderId", "partnerOrderId", "placedAt"):
        assert again.json[member] == answer[member]
    amounts = ("subTotal", "taxes", "tip", "total")
    assert [again.json["amounts"].get(name) for name in amounts] == [answer["amounts"].get(name) for name in amounts]
    assert [one["itemId"] for one in again.json["cart"]["lineItems"]] == ["cola"]
    other = {**body, "customer": {**body["customer"], "phone": "+15550199"}}
    refused = client.place(other, key)
    assert refused.json["errorCode"] in (ErrorCode.ORDER_ALREADY_PLACED, ErrorCode.VALIDATION_FAILED)
    assert len(client.tickets()) == 1
    assert remains(kit) == []

    assert forget_order(kit, ACTOR, ref).removed == ()
    acted = [entry.details for entry in timeline(kit, ref) if entry.event == "acted"]
    assert {"action": "forget_order", "who": "ann", "via": "cli", "why": "request 7"} in acted
    recorded = list_audit(kit).entries
    assert {entry.action for entry in recorded} == {"forget_order"}
    assert "answer" in "".join(entry.result for entry in recorded)


def test_archived_order_is_forgotten_and_archived_again(
    client: WebhookClient, placed: tuple[dict[str, Any], str, Any]
) -> None:
    kit, (body, key, answer) = client.kit, placed
    ref = body["gettOrderId"]
    kit.redis.delete(kit.keys.queue(f"order:{ref}"))
    kit.redis.zadd(kit.keys.resting, {ref: 1})
    assert kit.order_archive.archive_resting() == 1
    assert EMAIL in remains(kit)
    ttl = kit.redis.pttl(kit.keys.archive(ref))
    assert forget_order(kit, ACTOR, ref).removed == ("answer",)
    assert remains(kit) == []
    kit.order_archive.archive_resting(0)
    assert kit.redis.exists(kit.keys.archive(ref))
    assert 0 < kit.redis.pttl(kit.keys.archive(ref)) <= ttl
    assert remains(kit) == []
    assert client.place(body, key).json["partnerOrderId"] == answer["partnerOrderId"]


def test_dead_letter_and_held_event_are_forgotten(
    client: WebhookClient, placed: tuple[dict[str, Any], str, Any]
) -> None:
    kit, (body, _, answer) = client.kit, placed
    ref = body["gettOrderId"]
    letter = {
        "id": 7, "lane": f"order:{ref}", "body": {"state": "cancelled", "cancelReason": NAME}, "rank": 5, "urgency": 0,
        "why": f"400: no {NAME}", "status": 400, "at": "1", "dead_lettered": "2", "store": "main",
    }  # fmt: skip
    kit.redis.hset(kit.keys.dead_letters, "7", json.dumps(letter))
    kit.redis.zadd(kit.keys.dead_letter_times, {"7": 2})
    event = {"store_id": "main", "order_id": answer["partnerOrderId"], "order_ref": "", "reason": f"{NAME} left"}
    other = {"store_id": "main", "order_id": "another", "order_ref": "", "reason": "closed"}
    for one in (event, other):
        kit.redis.rpush(kit.keys.held_events, json.dumps({"at": 1, "event": one}))
    forgotten = forget_order(kit, ACTOR, ref)
    assert {"dead letters", "held events"} <= set(forgotten.removed)
    assert remains(kit) == []
    assert "closed" in everything(kit)


def test_refused_order_keeps_its_code_and_no_text(client: WebhookClient) -> None:
    kit = client.kit
    claim = kit.placement_store.claim(key="k1", gett_id="g1", store_id="main", fingerprint="f")
    assert isinstance(claim, Claim)
    answer = {"status": 422, "errorCode": "VALIDATION_FAILED", "detail": f"no table for {NAME}", "errors": []}
    kit.placement_store.settle(claim, AttemptOutcome.REFUSED, status=422, answer=json.dumps(answer).encode())
    assert forget_order(kit, ACTOR, "g1").removed == ("answer",)
    assert NAME not in everything(kit)
    assert "VALIDATION_FAILED" in everything(kit)


def test_refusals_of_earlier_keys_keep_no_text(client: WebhookClient) -> None:
    kit = client.kit
    answer = {"status": 422, "errorCode": "VALIDATION_FAILED", "detail": f"no table for {NAME}", "errors": []}
    for key in ("k1", "k2"):
        claim = kit.placement_store.claim(key=key, gett_id="g1", store_id="main", fingerprint="f")
        assert isinstance(claim, Claim)
        kit.placement_store.settle(claim, AttemptOutcome.REFUSED, status=422, answer=json.dumps(answer).encode())
    assert forget_order(kit, ACTOR, "g1").removed == ("answer", "earlier refusals")
    assert NAME not in everything(kit)


def test_order_in_doubt_or_being_placed_keeps_its_data_until_it_is_settled(client: WebhookClient) -> None:
    kit = client.kit
    claim = kit.placement_store.claim(key="k1", gett_id="g1", store_id="main", fingerprint="f")
    assert isinstance(claim, Claim)
    with pytest.raises(Conflict, match="is being placed"):
        forget_order(kit, ACTOR, "g1")
    kit.placement_store.record_call(claim, json.dumps(with_contact()).encode())
    kit.placement_store.settle(claim, AttemptOutcome.IN_DOUBT)
    with pytest.raises(InvalidTransition, match="order resolve g1"):
        forget_order(kit, ACTOR, "g1")
    assert EMAIL in everything(kit)
    result = forget_customer(kit, ACTOR, EMAIL)
    assert [(one.ref, bool(one.kept)) for one in result.orders] == [("g1", True)]
    kit.placement_store.settle(claim, AttemptOutcome.RELEASED, force=True)
    assert forget_order(kit, ACTOR, "g1").removed == ("order",)
    assert remains(kit) == []


def test_orders_of_a_customer_are_found_wherever_they_are(client: WebhookClient) -> None:
    kit, refs = client.kit, []
    for number in range(4):
        body = client.validated(with_contact() if number < 3 else order(customer={"email": f"x{EMAIL}"}))
        assert client.place(body).status_code == 200
        refs.append(body["gettOrderId"])
    kit.redis.delete(kit.keys.queue(f"order:{refs[0]}"))
    kit.redis.zadd(kit.keys.resting, {refs[0]: 1})
    assert kit.order_archive.archive_resting() == 1
    searched: list[int] = []
    result = forget_customer(kit, ACTOR, EMAIL.upper(), progress=searched.append)
    assert {one.ref for one in result.orders} == set(refs[:3])
    assert result.searched == sum(searched[-1:]) == 4
    text = everything(kit)
    assert NAME not in text
    assert f"x{EMAIL}" in text
    assert EMAIL not in "".join(str(entry) for entry in list_audit(kit).entries)


def test_unknown_order_and_address(kit: Kit) -> None:
    with pytest.raises(NotFound):
        forget_order(kit, ACTOR, "nobody")
    with pytest.raises(InvalidArgument, match="not an e-mail address"):
        forget_customer(kit, ACTOR, "nobody")
    assert forget_customer(kit, ACTOR, EMAIL).orders == ()


def test_change_while_it_is_forgotten_is_not_lost(
    client: WebhookClient, placed: tuple[dict[str, Any], str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit, (body, _, _) = client.kit, placed
    ref, calls = body["gettOrderId"], []
    from webhook_kit.operations import contact

    receipt = contact.receipt

    def interrupted(answer: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            kit.redis.hset(kit.keys.order(ref), "changed", "meanwhile")
        return receipt(answer)

    monkeypatch.setattr(contact, "receipt", interrupted)
    forget_order(kit, ACTOR, ref)
    assert len(calls) == 2
    assert kit.redis.hget(kit.keys.order(ref), "changed") == b"meanwhile"
    assert remains(kit) == []


PLACES: dict[str, Callable[[dict[str, Any], Any], object]] = {
    "top": lambda body, value: body.update(vendorNote=value),
    "cart": lambda body, value: body["cart"].update(vendorNote=value),
    "line": lambda body, value: body["cart"]["lineItems"][0].update(vendorNote=value),
    "customer": lambda body, value: body["customer"].update(vendorNote=value),
    "first name": lambda body, value: body["customer"].update(firstName=str(value)),
    "delivery": lambda body, value: body["deliveryInfo"].update(vendorNote=value),
    "instructions": lambda body, value: body["deliveryInfo"].update(instructions=str(value)),
    "address": lambda body, value: body["deliveryInfo"]["address"].update(vendorNote=value),
    "city": lambda body, value: body["deliveryInfo"]["address"].update(city=str(value)),
}
"""Places in an order where a customer's data may be, in known and in unknown members."""

VALUES = st.recursive(
    st.sampled_from([NAME, f"{EMAIL} – {PHONE}", f'“{STREET}” \u00e9 \\ " {NAME}']),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=2) | st.dictionaries(st.sampled_from(["a", NAME]), inner, min_size=1)
    ),
    max_leaves=4,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(placed=st.dictionaries(st.sampled_from(sorted(PLACES)), VALUES, min_size=1), archived=st.booleans())
def test_contact_data_are_removed_from_every_place(
    client: WebhookClient, placed: dict[str, Any], archived: bool
) -> None:
    kit = client.kit
    body = order(
        customer={"firstName": NAME, "email": EMAIL}, deliveryInfo={"type": "x", "address": {"address1": STREET}}
    )
    for place, value in placed.items():
        PLACES[place](body, value)
    body = client.validated(body)
    answer = client.place(body)
    assert answer.status_code == 200, answer.text
    ref = body["gettOrderId"]
    if archived:
        kit.redis.delete(kit.keys.queue(f"order:{ref}"))
        assert kit.order_archive.archive_now(ref)
    assert remains(kit) != []
    assert [one.ref for one in forget_customer(kit, ACTOR, EMAIL).orders] == [ref]
    assert remains(kit) == []
